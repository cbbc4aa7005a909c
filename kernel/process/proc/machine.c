/* /proc/meminfo and /proc/stat. */
#include <mm/page.h>
#include "tables.h"

static void print_kib(struct text *out, const char *name, uint64_t pages)
{
    text_printf(out, "%-16s%8llu kB\n", name, (unsigned long long)pages * (PAGE_SIZE / 1024));
}

int proc_show_meminfo(const struct pseudo_key *key, struct text *out)
{
    struct memory_counters m;
    memory_count(&m);
    print_kib(out, "MemTotal:", m.total_pages);
    print_kib(out, "MemFree:", m.free_pages);
    print_kib(out, "MemAvailable:", m.free_pages + m.cached_pages);
    print_kib(out, "Buffers:", 0);
    print_kib(out, "Cached:", m.cached_pages);
    print_kib(out, "SwapCached:", 0);
    print_kib(out, "Active:", m.anonymous_pages + m.cached_pages / 2);
    print_kib(out, "Inactive:", m.cached_pages - m.cached_pages / 2);
    print_kib(out, "SwapTotal:", 0);
    print_kib(out, "SwapFree:", 0);
    print_kib(out, "Dirty:", 0);
    print_kib(out, "Writeback:", 0);
    print_kib(out, "AnonPages:", m.anonymous_pages);
    print_kib(out, "Mapped:", m.cached_pages);
    print_kib(out, "Shmem:", 0);
    print_kib(out, "Slab:", m.slab_pages);
    print_kib(out, "SReclaimable:", 0);
    print_kib(out, "SUnreclaim:", m.slab_pages);
    print_kib(out, "PageTables:", m.table_pages);
    print_kib(out, "CommitLimit:", m.total_pages);
    print_kib(out, "Committed_AS:", m.anonymous_pages);
    text_printf(out, "VmallocTotal:   34359738367 kB\nVmallocUsed:           0 kB\n");
    text_printf(out, "HugePages_Total:       0\nHugePages_Free:        0\nHugePages_Rsvd:        0\nHugePages_Surp:        0\n");
    text_printf(out, "Hugepagesize:       2048 kB\nHugetlb:               0 kB\n");
    return 0;
}

/* User and system time are not told apart per CPU: busy time stands as user time. */
static void print_cpu(struct text *out, const char *name, uint64_t busy_ns, uint64_t idle_ns)
{
    text_printf(out, "%s %llu 0 0 %llu 0 0 0 0 0 0\n", name, (unsigned long long)ticks_of_ns(busy_ns),
                (unsigned long long)ticks_of_ns(idle_ns));
}

int proc_show_machine_stat(const struct pseudo_key *key, struct text *out)
{
    struct sched_counters counters;
    uint64_t busy_ns = 0, idle_ns = 0;
    sched_count(&counters);
    for (unsigned i = 0; i < cpu_count(); i++) {
        busy_ns += counters.busy_ns[i];
        idle_ns += counters.idle_ns[i];
    }
    print_cpu(out, "cpu ", busy_ns, idle_ns);
    for (unsigned i = 0; i < cpu_count(); i++) {
        text_printf(out, "cpu%u", i);
        print_cpu(out, "", counters.busy_ns[i], counters.idle_ns[i]);
    }
    text_printf(out, "intr 0\nctxt %llu\nbtime %lld\nprocesses %llu\nprocs_running %llu\nprocs_blocked 0\n",
                (unsigned long long)counters.switches, (long long)(clock_realtime_offset_ns() / NS_PER_SECOND),
                (unsigned long long)counters.threads, (unsigned long long)counters.runnable);
    return 0;
}
