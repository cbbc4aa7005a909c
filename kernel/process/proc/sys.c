/* /proc/sys. What has no effect here is constant and read-only: a program that writes it gets EACCES, not a false yes. */
#include <aio/aio.h>
#include <base/string.h>
#include <device/entropy.h>
#include <mm/page.h>
#include <process/machine.h>
#include "tables.h"

#define CONSTANT(id, words)                                                                                             \
    static int show_##id(const struct pseudo_key *key, struct text *out)                                               \
    {                                                                                                                  \
        text_append(out, words "\n", sizeof(words));                                                                     \
        return 0;                                                                                                      \
    }
#define FILE_ROW(file, id) {.name = file, .mode = 0444, .show = show_##id}
#define DIRECTORY(directory, rows) {.name = directory, .mode = S_IFDIR | 0555, .children = rows}

CONSTANT(0, "0")
CONSTANT(1, "1")
CONSTANT(2, "2")
CONSTANT(9, "9")
CONSTANT(10, "10")
CONSTANT(40, "40")
CONSTANT(60, "60")
CONSTANT(75, "75")
CONSTANT(128, "128")
CONSTANT(1024, "1024")
CONSTANT(4096, "4096")
CONSTANT(7200, "7200")
CONSTANT(16384, "16384")
CONSTANT(map_count, "65530")
CONSTANT(65534, "65534")
CONSTANT(65536, "65536")
CONSTANT(212992, "212992")
CONSTANT(1048576, "1048576")
CONSTANT(4194304, "4194304")
CONSTANT(huge, "9223372036854775807")
CONSTANT(file_nr, "0\t0\t9223372036854775807")
CONSTANT(core_pattern, "core")
CONSTANT(port_range, "32768\t60999")
CONSTANT(tcp_memory, "4096\t131072\t6291456")
CONSTANT(congestion, "cubic")
CONSTANT(congestions, "reno cubic")
CONSTANT(ostype, MACHINE_SYSTEM)
CONSTANT(osrelease, MACHINE_RELEASE)
CONSTANT(version, MACHINE_VERSION)

static int show_hostname(const struct pseudo_key *key, struct text *out)
{
    char name[MACHINE_NAME_MAX + 1];
    machine_get_hostname(name);
    text_printf(out, "%s\n", name);
    return 0;
}

static int show_domain(const struct pseudo_key *key, struct text *out)
{
    char name[MACHINE_NAME_MAX + 1];
    machine_get_domain(name);
    text_printf(out, "%s\n", name);
    return 0;
}

static size_t line_len(const char *bytes, size_t len)
{
    const char *end = memchr(bytes, '\n', len);
    return end ? (size_t)(end - bytes) : len;
}

static ssize_t store_hostname(const struct pseudo_key *key, const char *bytes, size_t len)
{
    int err = machine_set_hostname(bytes, line_len(bytes, len));
    return err ? err : (ssize_t)len;
}

static ssize_t store_domain(const struct pseudo_key *key, const char *bytes, size_t len)
{
    int err = machine_set_domain(bytes, line_len(bytes, len));
    return err ? err : (ssize_t)len;
}

static void make_uuid(uint8_t uuid[16])
{
    random_bytes(uuid, 16);
    uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* RFC 4122, version 4 */
    uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}

static void print_uuid(struct text *out, const uint8_t uuid[16])
{
    for (unsigned i = 0; i < 16; i++)
        text_printf(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
    text_printf(out, "\n");
}

static int show_uuid(const struct pseudo_key *key, struct text *out)
{
    uint8_t uuid[16];
    make_uuid(uuid);
    print_uuid(out, uuid);
    return 0;
}

static int show_boot_id(const struct pseudo_key *key, struct text *out)
{
    static struct spinlock lock = SPINLOCK_INIT;
    static uint8_t boot_id[16]; /* made once, under the lock */
    static bool is_made;
    spin_lock(&lock);
    if (!is_made)
        make_uuid(boot_id);
    is_made = true;
    spin_unlock(&lock);
    print_uuid(out, boot_id);
    return 0;
}

static int show_threads_max(const struct pseudo_key *key, struct text *out)
{
    struct memory_counters memory;
    memory_count(&memory);
    uint64_t max = memory.total_pages / 8; /* as Linux: an eighth of memory for stacks */
    text_printf(out, "%llu\n", (unsigned long long)(max < 128 ? 128 : max));
    return 0;
}

static int show_min_free(const struct pseudo_key *key, struct text *out)
{
    struct memory_counters memory;
    memory_count(&memory);
    text_printf(out, "%llu\n", (unsigned long long)memory.total_pages / 64 * 4);
    return 0;
}

static const struct pseudo_node random_nodes[] = {
    FILE_ROW("boot_id", boot_id),   FILE_ROW("uuid", uuid), FILE_ROW("entropy_avail", 1024),
    FILE_ROW("poolsize", 4096), {.name = NULL},
};
static const struct pseudo_node kernel_nodes[] = {
    FILE_ROW("ostype", ostype),
    FILE_ROW("osrelease", osrelease),
    FILE_ROW("version", version),
    {.name = "hostname", .mode = 0644, .show = show_hostname, .store = store_hostname},
    {.name = "domainname", .mode = 0644, .show = show_domain, .store = store_domain},
    FILE_ROW("pid_max", 4194304),
    FILE_ROW("threads-max", threads_max),
    FILE_ROW("ngroups_max", 65536),
    FILE_ROW("cap_last_cap", 40),
    FILE_ROW("overflowuid", 65534),
    FILE_ROW("overflowgid", 65534),
    FILE_ROW("randomize_va_space", 2),
    FILE_ROW("core_pattern", core_pattern),
    FILE_ROW("core_uses_pid", 0),
    FILE_ROW("perf_event_paranoid", 2),
    FILE_ROW("kptr_restrict", 2),
    FILE_ROW("sched_autogroup_enabled", 0),
    FILE_ROW("numa_balancing", 0),
    {.name = "shmmax", .mode = 0644, .show = proc_show_shmmax, .store = proc_store_shmmax},
    {.name = "shmall", .mode = 0644, .show = proc_show_shmall, .store = proc_store_shmall},
    {.name = "shmmni", .mode = 0644, .show = proc_show_shmmni, .store = proc_store_shmmni},
    {.name = "msgmax", .mode = 0644, .show = proc_show_msgmax, .store = proc_store_msgmax},
    {.name = "msgmnb", .mode = 0644, .show = proc_show_msgmnb, .store = proc_store_msgmnb},
    {.name = "msgmni", .mode = 0644, .show = proc_show_msgmni, .store = proc_store_msgmni},
    {.name = "sem", .mode = 0644, .show = proc_show_sem, .store = proc_store_sem},
    DIRECTORY("random", random_nodes),
    {.name = NULL},
};
static const struct pseudo_node vm_nodes[] = {
    FILE_ROW("overcommit_memory", 1),    FILE_ROW("overcommit_ratio", 40), FILE_ROW("max_map_count", map_count),
    FILE_ROW("swappiness", 0),           FILE_ROW("mmap_min_addr", 65536), FILE_ROW("min_free_kbytes", min_free),
    FILE_ROW("nr_hugepages", 0),         FILE_ROW("panic_on_oom", 1),      FILE_ROW("zone_reclaim_mode", 0),
    FILE_ROW("nr_overcommit_hugepages", 0), FILE_ROW("legacy_va_layout", 0), {.name = NULL},
};
static const struct pseudo_node inotify_nodes[] = {
    FILE_ROW("max_user_watches", 1048576), FILE_ROW("max_user_instances", 128), FILE_ROW("max_queued_events", 16384),
    {.name = NULL},
};
static const struct pseudo_node epoll_nodes[] = {FILE_ROW("max_user_watches", 1048576), {.name = NULL}};
static int show_aio_now(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "%llu\n", (unsigned long long)load_relaxed(&aio_events_now));
    return 0;
}

static const struct pseudo_node mqueue_nodes[] = {
    {.name = "queues_max", .mode = 0644, .show = proc_show_mq_queues, .store = proc_store_mq_queues},
    {.name = "msg_max", .mode = 0644, .show = proc_show_mq_messages, .store = proc_store_mq_messages},
    {.name = "msgsize_max", .mode = 0644, .show = proc_show_mq_size, .store = proc_store_mq_size},
    {.name = "msg_default", .mode = 0644, .show = proc_show_mq_default, .store = proc_store_mq_default},
    {.name = "msgsize_default", .mode = 0644, .show = proc_show_mq_default_size, .store = proc_store_mq_default_size},
    {.name = NULL},
};
static const struct pseudo_node fs_nodes[] = {
    FILE_ROW("file-max", huge),         FILE_ROW("file-nr", file_nr),         FILE_ROW("nr_open", 1048576),
    FILE_ROW("pipe-max-size", 1048576), {.name = "aio-max-nr", .mode = 0644, .show = proc_show_aio_max, .store = proc_store_aio_max},
    FILE_ROW("aio-nr", aio_now),
    FILE_ROW("suid_dumpable", 0),       FILE_ROW("protected_hardlinks", 1), FILE_ROW("protected_symlinks", 1),
    DIRECTORY("inotify", inotify_nodes), DIRECTORY("mqueue", mqueue_nodes), DIRECTORY("epoll", epoll_nodes),     {.name = NULL},
};
static const struct pseudo_node net_core_nodes[] = {
    FILE_ROW("somaxconn", 4096),      FILE_ROW("rmem_max", 212992),     FILE_ROW("wmem_max", 212992),
    FILE_ROW("rmem_default", 212992), FILE_ROW("wmem_default", 212992), FILE_ROW("netdev_max_backlog", 1024),
    FILE_ROW("optmem_max", 65536),    {.name = NULL},
};
static const struct pseudo_node net_ipv4_nodes[] = {
    FILE_ROW("ip_local_port_range", port_range),
    FILE_ROW("ip_forward", 0),
    FILE_ROW("ip_unprivileged_port_start", 1024),
    FILE_ROW("tcp_rmem", tcp_memory),
    FILE_ROW("tcp_wmem", tcp_memory),
    FILE_ROW("tcp_fin_timeout", 60),
    FILE_ROW("tcp_keepalive_time", 7200),
    FILE_ROW("tcp_keepalive_intvl", 75),
    FILE_ROW("tcp_keepalive_probes", 9),
    FILE_ROW("tcp_max_syn_backlog", 4096),
    FILE_ROW("tcp_syncookies", 1),
    FILE_ROW("tcp_sack", 1),
    FILE_ROW("tcp_timestamps", 1),
    FILE_ROW("tcp_window_scaling", 1),
    FILE_ROW("tcp_tw_reuse", 0),
    FILE_ROW("tcp_fastopen", 0),
    FILE_ROW("tcp_congestion_control", congestion),
    FILE_ROW("tcp_available_congestion_control", congestions),
    {.name = NULL},
};
static const struct pseudo_node conf_nodes[] = {FILE_ROW("disable_ipv6", 0), FILE_ROW("forwarding", 0), {.name = NULL}};
static const struct pseudo_node ipv6_conf_nodes[] = {
    DIRECTORY("all", conf_nodes), DIRECTORY("default", conf_nodes), DIRECTORY("lo", conf_nodes), {.name = NULL}};
static const struct pseudo_node net_ipv6_nodes[] = {
    FILE_ROW("bindv6only", 0), DIRECTORY("conf", ipv6_conf_nodes), {.name = NULL}};
static const struct pseudo_node net_unix_nodes[] = {FILE_ROW("max_dgram_qlen", 10), {.name = NULL}};
static const struct pseudo_node net_nodes[] = {
    DIRECTORY("core", net_core_nodes), DIRECTORY("ipv4", net_ipv4_nodes), DIRECTORY("ipv6", net_ipv6_nodes),
    DIRECTORY("unix", net_unix_nodes), {.name = NULL},
};
const struct pseudo_node proc_sys_nodes[] = {
    DIRECTORY("fs", fs_nodes), DIRECTORY("kernel", kernel_nodes), DIRECTORY("net", net_nodes), DIRECTORY("vm", vm_nodes),
    {.name = NULL},
};
