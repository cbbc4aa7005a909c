/* /proc/PID/stat, statm, status, io, schedstat and comm, and the same of single threads. */
#include <base/string.h>
#include <common/checked.h>
#include "tables.h"

struct usage {
    char name[16], state;
    uint32_t id, group_leader, parent, group, session, threads, cpu;
    uint64_t user_ns, system_ns, voluntary, forced, blocked, pending, shared_pending, affinity;
    int nice;
};

static char state_of(const struct process *process, const struct thread *thread)
{
    if (process->is_zombie)
        return 'Z';
    if (process->is_stopped)
        return 'T';
    if (!thread)
        return process->is_exiting ? 'Z' : 'S';
    return load_relaxed(&thread->state) == THREAD_RUNNABLE ? 'R' : 'S';
}

static void add_task(struct usage *usage, const struct task *task)
{
    const struct thread *thread = task->thread;
    uint64_t user_ns, system_ns;
    task_cpu_time(task, &user_ns, &system_ns);
    usage->user_ns += user_ns;
    usage->system_ns += system_ns;
    usage->voluntary += thread->switches_voluntary;
    usage->forced += thread->switches_forced;
}

/* Of the thread that the key names, or of the process as a whole (then the state is that of a running thread, if any). */
static int read_usage(const struct pseudo_key *key, struct process *process, struct usage *usage)
{
    bool is_one = key->depth > 1, is_found = !is_one;
    memset(usage, 0, sizeof *usage);
    spin_lock(&process->lock);
    usage->id = is_one ? (uint32_t)key->id[1] : process->id;
    usage->group_leader = process->id;
    usage->group = process->group_id;
    usage->session = process->session_id;
    usage->threads = process->task_count;
    usage->state = state_of(process, NULL);
    usage->shared_pending = process->pending.set;
    memcpy(usage->name, process->name, sizeof usage->name);
    if (!is_one) {
        usage->user_ns = process->exited_user_ns;
        usage->system_ns = process->exited_system_ns;
    }
    struct task *task;
    list_for_each(task, &process->tasks, process_link)
    {
        if (is_one && task->id != usage->id)
            continue;
        is_found = true;
        add_task(usage, task);
        char state = state_of(process, task->thread);
        if (is_one || usage->state == 'S')
            usage->state = state;
        if (is_one || task->id == process->id) {
            memcpy(usage->name, task->thread->name, sizeof usage->name);
            usage->cpu = task->thread->cpu;
            usage->nice = task->thread->nice;
            usage->affinity = task->thread->affinity;
            usage->blocked = task->signals.blocked;
            usage->pending = task->signals.pending.set;
        }
    }
    spin_unlock(&process->lock);
    /* The parent is guarded by the lock of the tree; a stale number is all that can come of reading without it. */
    struct process *parent = load_relaxed(&process->parent);
    usage->parent = parent ? parent->id : 0;
    usage->name[sizeof usage->name - 1] = '\0';
    return is_found ? 0 : -ESRCH;
}

static void read_memory(struct process *process, struct address_space_counters *memory)
{
    memset(memory, 0, sizeof *memory);
    struct address_space *space = proc_get_space(process);
    if (!space)
        return;
    address_space_count(space, memory);
    address_space_put(space);
}

static void signal_sets(struct process *process, uint64_t *ignored, uint64_t *caught)
{
    *ignored = *caught = 0;
    struct signal_actions *actions = process->actions;
    if (!actions)
        return;
    spin_lock(&actions->lock);
    for (unsigned i = 0; i < SIGNAL_COUNT; i++) {
        uintptr_t handler = actions->of[i].handler;
        *ignored |= (uint64_t)(handler == 1) << i;
        *caught |= (uint64_t)(handler > 1) << i;
    }
    spin_unlock(&actions->lock);
}

#define LL(value) ((unsigned long long)(value))

static void print_stat(struct text *out, struct process *process, const struct usage *usage)
{
    struct address_space_counters memory;
    uint64_t ignored, caught;
    read_memory(process, &memory);
    signal_sets(process, &ignored, &caught);
    text_printf(out, "%u (%s) %c %u %u %u 0 -1 4194304 %llu 0 %llu 0 ", usage->id, usage->name, usage->state, usage->parent,
                usage->group, usage->session, LL(memory.minor_faults), LL(memory.major_faults));
    text_printf(out, "%llu %llu %llu %llu %d %d %u 0 %llu %llu %llu %llu ", LL(ticks_of_ns(usage->user_ns)),
                LL(ticks_of_ns(usage->system_ns)), LL(ticks_of_ns(process->children_user_ns)),
                LL(ticks_of_ns(process->children_system_ns)), 20 + usage->nice, usage->nice, usage->threads,
                LL(ticks_of_ns(process->start_ns)), LL(memory.size_bytes), LL(memory.resident_bytes / PAGE_SIZE),
                LL(process->limits[5].soft));
    text_printf(out, "0 0 %llu 0 0 %llu %llu %llu %llu 0 0 0 %d %u 0 0 0 0 0 0 0 0 ", LL(process->stack_start),
                LL(usage->pending & 0x7fffffff), LL(usage->blocked & 0x7fffffff), LL(ignored & 0x7fffffff),
                LL(caught & 0x7fffffff), process->exit_signal, usage->cpu);
    text_printf(out, "%llu %llu %llu %llu %d\n", LL(process->arguments_start), LL(process->arguments_end),
                LL(process->environment_start), LL(process->environment_end), process->exit_status);
}

int proc_show_stat(const struct pseudo_key *key, struct text *out)
{
    struct process *process;
    struct usage usage;
    int err = proc_get_process(key, &process);
    if (err)
        return err;
    err = read_usage(key, process, &usage);
    if (!err)
        print_stat(out, process, &usage);
    process_put(process);
    return err;
}

int proc_show_statm(const struct pseudo_key *key, struct text *out)
{
    struct process *process;
    int err = proc_get_process(key, &process);
    if (err)
        return err;
    struct address_space_counters memory;
    read_memory(process, &memory);
    text_printf(out, "%llu %llu %llu %llu 0 %llu 0\n", LL(memory.size_bytes / PAGE_SIZE),
                LL(memory.resident_bytes / PAGE_SIZE), LL((memory.file_bytes + memory.shared_bytes) / PAGE_SIZE),
                LL(memory.text_bytes / PAGE_SIZE), LL((memory.data_bytes + memory.stack_bytes) / PAGE_SIZE));
    process_put(process);
    return 0;
}

static void print_kib(struct text *out, const char *name, uint64_t bytes)
{
    text_printf(out, "%s:\t%8llu kB\n", name, LL(bytes / 1024));
}

static void print_identity(struct text *out, const struct process *process, const struct usage *usage)
{
    const char *state = usage->state == 'R'   ? "R (running)"
                        : usage->state == 'Z' ? "Z (zombie)"
                        : usage->state == 'T' ? "T (stopped)"
                                              : "S (sleeping)";
    const struct credentials *c = &process->credentials;
    text_printf(out, "Name:\t%s\nUmask:\t0022\nState:\t%s\nTgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n",
                usage->name, state, usage->group_leader, usage->id, usage->parent);
    text_printf(out, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t256\nGroups:\t", c->uid, c->euid, c->suid,
                c->fsuid, c->gid, c->egid, c->sgid, c->fsgid);
    for (uint32_t i = 0; i < MIN(c->group_count, 32u); i++)
        text_printf(out, "%u ", c->groups[i]);
    text_printf(out, "\nNStgid:\t%u\nNSpid:\t%u\nNSpgid:\t%u\nNSsid:\t%u\n", usage->group_leader, usage->id, usage->group,
                usage->session);
}

static void print_memory(struct text *out, const struct address_space_counters *memory)
{
    print_kib(out, "VmPeak", memory->peak_size_bytes);
    print_kib(out, "VmSize", memory->size_bytes);
    print_kib(out, "VmLck", 0);
    print_kib(out, "VmPin", 0);
    print_kib(out, "VmHWM", memory->peak_resident_bytes);
    print_kib(out, "VmRSS", memory->resident_bytes);
    print_kib(out, "RssAnon", memory->anonymous_bytes);
    print_kib(out, "RssFile", memory->file_bytes);
    print_kib(out, "RssShmem", memory->shared_bytes);
    print_kib(out, "VmData", memory->data_bytes);
    print_kib(out, "VmStk", memory->stack_bytes);
    print_kib(out, "VmExe", memory->text_bytes);
    print_kib(out, "VmLib", 0);
    print_kib(out, "VmPTE", 0);
    print_kib(out, "VmSwap", 0);
    text_printf(out, "CoreDumping:\t0\nTHP_enabled:\t1\n");
}

static void print_signals(struct text *out, struct process *process, const struct usage *usage)
{
    uint64_t ignored, caught;
    const struct credentials *c = &process->credentials;
    signal_sets(process, &ignored, &caught);
    text_printf(out, "Threads:\t%u\nSigQ:\t0/%llu\nSigPnd:\t%016llx\nShdPnd:\t%016llx\n", usage->threads,
                LL(MIN(process->limits[11].soft, (uint64_t)1 << 20)), LL(usage->pending), LL(usage->shared_pending));
    text_printf(out, "SigBlk:\t%016llx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\n", LL(usage->blocked), LL(ignored), LL(caught));
    text_printf(out, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\nCapBnd:\t%016llx\nCapAmb:\t%016llx\n",
                LL(c->capabilities_inheritable), LL(c->capabilities_permitted), LL(c->capabilities_effective),
                LL(c->capabilities_bounding), 0ull);
    text_printf(out, "NoNewPrivs:\t0\nSeccomp:\t0\nSeccomp_filters:\t0\n");
}

int proc_show_status(const struct pseudo_key *key, struct text *out)
{
    struct process *process;
    struct usage usage;
    int err = proc_get_process(key, &process);
    if (err)
        return err;
    err = read_usage(key, process, &usage);
    if (!err) {
        struct address_space_counters memory;
        read_memory(process, &memory);
        print_identity(out, process, &usage);
        if (memory.size_bytes)
            print_memory(out, &memory);
        print_signals(out, process, &usage);
        uint64_t all = cpu_count() >= 64 ? UINT64_MAX : (UINT64_C(1) << cpu_count()) - 1;
        text_printf(out, "Cpus_allowed:\t%llx\nCpus_allowed_list:\t0-%u\nMems_allowed:\t1\nMems_allowed_list:\t0\n",
                    LL(usage.affinity & all), cpu_count() - 1);
        text_printf(out, "voluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_switches:\t%llu\n", LL(usage.voluntary),
                    LL(usage.forced));
    }
    process_put(process);
    return err;
}

int proc_show_schedstat(const struct pseudo_key *key, struct text *out)
{
    struct process *process;
    struct usage usage;
    int err = proc_get_process(key, &process);
    if (err)
        return err;
    err = read_usage(key, process, &usage);
    if (!err)
        text_printf(out, "%llu 0 %llu\n", LL(usage.user_ns + usage.system_ns), LL(usage.voluntary + usage.forced));
    process_put(process);
    return err;
}

/* Not counted: zeros keep programs that parse it going. */
int proc_show_io(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n");
    return 0;
}

int proc_show_comm(const struct pseudo_key *key, struct text *out)
{
    struct process *process;
    struct usage usage;
    int err = proc_get_process(key, &process);
    if (err)
        return err;
    err = read_usage(key, process, &usage);
    if (!err)
        text_printf(out, "%s\n", usage.name);
    process_put(process);
    return err;
}

ssize_t proc_store_comm(const struct pseudo_key *key, const char *bytes, size_t len)
{
    struct process *process;
    int err = proc_get_process(key, &process);
    if (err)
        return err;
    uint32_t id = key->depth > 1 ? (uint32_t)key->id[1] : process->id;
    size_t n = MIN(len, sizeof process->name - 1);
    char name[16] = {0};
    memcpy(name, bytes, n);
    if (n && name[n - 1] == '\n')
        name[n - 1] = '\0';
    struct task *task;
    err = -ESRCH;
    spin_lock(&process->lock);
    list_for_each(task, &process->tasks, process_link)
    {
        if (task->id != id)
            continue;
        memcpy(task->thread->name, name, sizeof name);
        if (id == process->id)
            memcpy(process->name, name, sizeof name);
        err = 0;
    }
    spin_unlock(&process->lock);
    process_put(process);
    return err ? err : (ssize_t)len;
}
