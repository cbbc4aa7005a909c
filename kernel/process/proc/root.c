/* /proc itself: processes by number, and the machine's own files that are short. */
#include <base/string.h>
#include <common/checked.h>
#include <device/block.h>
#include <terminal/hooks.h>
#include <proc/proc.h>
#include <process/machine.h>
#include "tables.h"

enum { PROC_MAGIC = 0x9fa0 };
static const char *command_line = "";

int proc_get_process(const struct pseudo_key *key, struct process **out)
{
    struct process *process = process_find((uint32_t)key->id[0]);
    if (!process)
        return -ESRCH;
    *out = process;
    return 0;
}

struct address_space *proc_get_space(struct process *process)
{
    spin_lock(&process->lock);
    struct address_space *space = process->space;
    if (space)
        address_space_get(space);
    spin_unlock(&process->lock);
    return space;
}

bool proc_parse_number(const char *name, size_t len, uint64_t *out)
{
    uint64_t value = 0;
    if (!len || len > 10 || (name[0] == '0' && len > 1))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(name[i] - '0');
    }
    *out = value;
    return value <= INT32_MAX;
}

void proc_owner(const struct pseudo_key *key, uint32_t *uid, uint32_t *gid)
{
    struct process *process = process_find((uint32_t)key->id[0]);
    if (!process)
        return;
    spin_lock(&process->lock);
    *uid = process->credentials.euid;
    *gid = process->credentials.egid;
    spin_unlock(&process->lock);
    process_put(process);
}

static int find_process(const struct pseudo_key *key, const char *name, size_t len, uint64_t *id)
{
    if (!proc_parse_number(name, len, id))
        return -ENOENT;
    struct process *process = process_find((uint32_t)*id);
    if (!process)
        return -ENOENT;
    process_put(process);
    return 0;
}

static int next_process(const struct pseudo_key *key, uint64_t *id, char name[32])
{
    struct process *process = *id > INT32_MAX ? NULL : process_next((uint32_t)*id);
    if (!process)
        return -ENOENT;
    *id = process->id;
    snprintf(name, 32, "%u", process->id);
    process_put(process);
    return 0;
}

static int target_self(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "%u", process_current()->id);
    return 0;
}

static int target_thread_self(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "%u/task/%u", process_current()->id, task_current()->id);
    return 0;
}

static int target_mounts(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "self/mounts");
    return 0;
}

static int target_net(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "self/net");
    return 0;
}

static int show_cmdline(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "%s\n", command_line);
    return 0;
}

static int show_uptime(const struct pseudo_key *key, struct text *out)
{
    struct sched_counters counters;
    sched_count(&counters);
    uint64_t up = clock_monotonic_ns() / 10000000, idle = 0;
    for (unsigned i = 0; i < cpu_count(); i++)
        idle += counters.idle_ns[i];
    idle /= 10000000;
    text_printf(out, "%llu.%02llu %llu.%02llu\n", (unsigned long long)up / 100, (unsigned long long)up % 100,
                (unsigned long long)idle / 100, (unsigned long long)idle % 100);
    return 0;
}

static int show_loadavg(const struct pseudo_key *key, struct text *out)
{
    struct sched_counters counters;
    sched_count(&counters);
    for (unsigned i = 0; i < 3; i++) {
        uint32_t load = counters.load_average[i] + 10; /* rounds to hundredths: 1/200 of 2048 */
        text_printf(out, "%u.%02u ", load >> 11, ((load & 2047) * 100) >> 11);
    }
    text_printf(out, "%llu/%llu %u\n", (unsigned long long)counters.runnable, (unsigned long long)counters.threads,
                process_current()->id);
    return 0;
}

static int show_version(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, MACHINE_SYSTEM " version " MACHINE_RELEASE " (skiff) " MACHINE_VERSION "\n");
    return 0;
}

static int show_filesystems(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "nodev\tsysfs\nnodev\ttmpfs\nnodev\tproc\nnodev\tdevtmpfs\nnodev\toverlay\n\terofs\n\text4\n");
    return 0;
}

static int show_partitions(const struct pseudo_key *key, struct text *out)
{
    unsigned minor = 0;
    text_printf(out, "major minor  #blocks  name\n\n");
    for (struct block_device *device = block_device_first(); device; device = block_device_next(device), minor += 16)
        text_printf(out, " 254 %8u %10llu %s\n", minor, (unsigned long long)device->sector_count / 2, device->name);
    return 0;
}

static int show_swaps(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
    return 0;
}

static int show_devices(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n\nBlock devices:\n254 virtblk\n");
    return 0;
}

static int show_nothing(const struct pseudo_key *key, struct text *out)
{
    return 0;
}

static const struct pseudo_node process_root = {
    .mode = S_IFDIR | 0555,
    .children = proc_process_nodes,
    .owner = proc_owner,
};

static const struct pseudo_node nodes[] = {
    {.name = "self", .mode = S_IFLNK | 0777, .target = target_self},
    {.name = "thread-self", .mode = S_IFLNK | 0777, .target = target_thread_self},
    {.name = "mounts", .mode = S_IFLNK | 0777, .target = target_mounts},
    {.name = "net", .mode = S_IFLNK | 0777, .target = target_net},
    {.name = "cmdline", .mode = 0444, .show = show_cmdline},
    {.name = "cpuinfo", .mode = 0444, .show = proc_show_cpuinfo},
    {.name = "devices", .mode = 0444, .show = show_devices},
    {.name = "filesystems", .mode = 0444, .show = show_filesystems},
    {.name = "loadavg", .mode = 0444, .show = show_loadavg},
    {.name = "meminfo", .mode = 0444, .show = proc_show_meminfo},
    {.name = "modules", .mode = 0444, .show = show_nothing},
    {.name = "partitions", .mode = 0444, .show = show_partitions},
    {.name = "stat", .mode = 0444, .show = proc_show_machine_stat},
    {.name = "swaps", .mode = 0444, .show = show_swaps},
    {.name = "uptime", .mode = 0444, .show = show_uptime},
    {.name = "version", .mode = 0444, .show = show_version},
    {.name = "sys", .mode = S_IFDIR | 0555, .children = proc_sys_nodes},
    {.name = "sysvipc", .mode = S_IFDIR | 0555, .children = proc_sysvipc_nodes},
    {.name = NULL},
};
static const struct pseudo_node root = {
    .name = "proc",
    .mode = S_IFDIR | 0555,
    .children = nodes,
    .find = find_process,
    .next = next_process,
    .each = &process_root,
};

/* ---- what the terminal asks ---- */

static void signal_group(uint32_t group, int number)
{
    uint32_t id = 0;
    struct process *process;
    while ((process = process_next(id))) {
        id = process->id + 1;
        if (process->group_id == group)
            signal_send_process(process, number, NULL);
        process_put(process);
    }
}

static uint32_t current_group(void)
{
    return process_current()->group_id;
}

static uint32_t current_session(void)
{
    return process_current()->session_id;
}

static uint32_t current_user(void)
{
    return process_current()->credentials.euid;
}

static const struct tty_process_hooks tty_hooks = {
    .signal_group = signal_group,
    .current_group = current_group,
    .current_session = current_session,
    .current_user = current_user,
};

int proc_create(const char *line, struct file_system **out)
{
    command_line = line;
    tty_set_process_hooks(&tty_hooks);
    proc_cpuinfo_init();
    return pseudo_fs_create("proc", PROC_MAGIC, &root, out);
}
