/* The table of /proc/PID and /proc/PID/task/TID, and its short files. */
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include "tables.h"

enum { MEMORY_TEXT_MAX = 256 * 1024 };

/* ---- texts from the process's memory ---- */

static int show_memory(const struct pseudo_key *key, struct text *out, bool is_environment)
{
    struct process *process;
    int err = proc_get_process(key, &process);
    if (err)
        return err;
    uintptr_t at = is_environment ? process->environment_start : process->arguments_start;
    uintptr_t end = is_environment ? process->environment_end : process->arguments_end;
    struct address_space *space = proc_get_space(process);
    process_put(process);
    if (!space)
        return 0; /* a zombie has none */
    end = MIN(end, at + MEMORY_TEXT_MAX);
    char *bytes = kmalloc(PAGE_SIZE, ALLOC_WAIT);
    while (bytes && at < end) {
        ssize_t n = address_space_access(space, at, bytes, MIN(end - at, PAGE_SIZE), false);
        if (n <= 0)
            break;
        text_append(out, bytes, (size_t)n);
        at += (uintptr_t)n;
    }
    address_space_put(space);
    kfree(bytes);
    return bytes ? 0 : -ENOMEM;
}

static int show_environ(const struct pseudo_key *key, struct text *out)
{
    return show_memory(key, out, true);
}

static int show_cmdline(const struct pseudo_key *key, struct text *out)
{
    return show_memory(key, out, false);
}

static int show_auxv(const struct pseudo_key *key, struct text *out)
{
    struct process *process;
    int err = proc_get_process(key, &process);
    if (err)
        return err;
    text_append(out, process->auxv, MIN(process->auxv_len, sizeof process->auxv));
    process_put(process);
    return 0;
}

/* ---- links ---- */

/* A copy of the path of the executable: exec may change it while we read. NULL: none. */
static char *copy_executable_path(const struct pseudo_key *key)
{
    struct process *process;
    if (proc_get_process(key, &process))
        return NULL;
    spin_lock(&process->lock);
    char *copy = process->executable_path ? kstrdup(process->executable_path, ALLOC_ATOMIC) : NULL;
    spin_unlock(&process->lock);
    process_put(process);
    return copy;
}

static int follow_exe(const struct pseudo_key *key, struct dentry **dentry, struct file **file)
{
    char *path = copy_executable_path(key);
    int err = path ? vfs_lookup(&vfs_kernel, NULL, path, LOOKUP_FOLLOW, dentry) : -ENOENT;
    kfree(path);
    return err;
}

static int target_exe(const struct pseudo_key *key, struct text *out)
{
    char *path = copy_executable_path(key);
    if (!path)
        return -ENOENT;
    text_printf(out, "%s", path);
    kfree(path);
    return 0;
}

static int get_context(const struct pseudo_key *key, struct fs_context **out)
{
    struct process *process;
    int err = proc_get_process(key, &process);
    if (err)
        return err;
    spin_lock(&process->lock);
    struct fs_context *context = process->fs;
    if (context)
        fs_context_get(context);
    spin_unlock(&process->lock);
    process_put(process);
    if (!context)
        return -ENOENT;
    *out = context;
    return 0;
}

static int follow_context(const struct pseudo_key *key, struct dentry *(*get)(struct fs_context *), struct dentry **dentry)
{
    struct fs_context *context;
    int err = get_context(key, &context);
    if (err)
        return err;
    *dentry = get(context);
    fs_context_put(context);
    return 0;
}

static int print_context(const struct pseudo_key *key, struct dentry *(*get)(struct fs_context *), struct text *out)
{
    struct dentry *dentry;
    int err = follow_context(key, get, &dentry);
    if (err)
        return err;
    char *path = kmalloc(PAGE_SIZE, ALLOC_WAIT);
    ssize_t len = path ? vfs_dentry_path(dentry, NULL, path, PAGE_SIZE) : -ENOMEM;
    if (len >= 0)
        text_append(out, path, (size_t)len);
    kfree(path);
    dentry_put(dentry);
    return len < 0 ? (int)len : 0;
}

static int follow_cwd(const struct pseudo_key *key, struct dentry **dentry, struct file **file)
{
    return follow_context(key, fs_context_cwd, dentry);
}

static int target_cwd(const struct pseudo_key *key, struct text *out)
{
    return print_context(key, fs_context_cwd, out);
}

static int follow_root(const struct pseudo_key *key, struct dentry **dentry, struct file **file)
{
    return follow_context(key, fs_context_root, dentry);
}

static int target_root(const struct pseudo_key *key, struct text *out)
{
    return print_context(key, fs_context_root, out);
}

/* ---- constants ---- */

#define CONSTANT(id, words)                                                                                             \
    static int show_##id(const struct pseudo_key *key, struct text *out)                                               \
    {                                                                                                                  \
        text_append(out, words, sizeof(words) - 1);                                                                      \
        return 0;                                                                                                      \
    }
CONSTANT(cgroup, "0::/\n")
CONSTANT(wchan, "0")
CONSTANT(zero, "0\n")
CONSTANT(personality, "00000000\n")
CONSTANT(id_map, "         0          0 4294967295\n")
CONSTANT(setgroups, "allow\n")
CONSTANT(loginuid, "4294967295")
CONSTANT(timerslack, "50000\n")

/* Settings without effect here (there are no core dumps, and one program has nobody to be chosen before); what is written
 * is kept, machine-wide, as programs read it back. */
static uint32_t coredump_filter = 0x33;
static int32_t oom_score_adj;

static int show_coredump_filter(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "%08x\n", load_relaxed(&coredump_filter));
    return 0;
}

static ssize_t store_coredump_filter(const struct pseudo_key *key, const char *bytes, size_t len)
{
    uint32_t value = 0;
    size_t i = len > 2 && bytes[0] == '0' && (bytes[1] | 32) == 'x' ? 2 : 0;
    for (; i < len && bytes[i] != '\n' && bytes[i]; i++) {
        int digit = bytes[i] | 32;
        if (digit >= '0' && digit <= '9')
            digit -= '0';
        else if (digit >= 'a' && digit <= 'f')
            digit -= 'a' - 10;
        else
            return -EINVAL;
        value = value << 4 | (uint32_t)digit;
    }
    store_relaxed(&coredump_filter, value);
    return (ssize_t)len;
}

static int show_oom_score_adj(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "%d\n", load_relaxed(&oom_score_adj));
    return 0;
}

static ssize_t store_oom_score_adj(const struct pseudo_key *key, const char *bytes, size_t len)
{
    bool is_negative = len && bytes[0] == '-';
    int32_t value = 0;
    for (size_t i = is_negative; i < len && bytes[i] != '\n'; i++) {
        if (bytes[i] < '0' || bytes[i] > '9' || value > 1000)
            return -EINVAL;
        value = value * 10 + (bytes[i] - '0');
    }
    if (value > 1000)
        return -EINVAL;
    store_relaxed(&oom_score_adj, is_negative ? -value : value);
    return (ssize_t)len;
}

/* ---- threads ---- */

/* The smallest id >= from of the process's threads; 0: none. */
static uint32_t task_at_or_after(const struct pseudo_key *key, uint64_t from)
{
    struct process *process;
    if (proc_get_process(key, &process))
        return 0;
    uint32_t best = 0;
    struct task *task;
    spin_lock(&process->lock);
    list_for_each(task, &process->tasks, process_link)
    {
        if (task->id >= from && (!best || task->id < best))
            best = task->id;
    }
    spin_unlock(&process->lock);
    process_put(process);
    return best;
}

static int find_task(const struct pseudo_key *key, const char *name, size_t len, uint64_t *id)
{
    if (!proc_parse_number(name, len, id) || !*id || task_at_or_after(key, *id) != *id)
        return -ENOENT;
    return 0;
}

static int next_task(const struct pseudo_key *key, uint64_t *id, char name[32])
{
    uint32_t found = task_at_or_after(key, *id);
    if (!found)
        return -ENOENT;
    *id = found;
    snprintf(name, 32, "%u", found);
    return 0;
}

const struct pseudo_node proc_task_nodes[] = {
    {.name = "comm", .mode = 0644, .show = proc_show_comm, .store = proc_store_comm, .owner = proc_owner},
    {.name = "schedstat", .mode = 0444, .show = proc_show_schedstat, .owner = proc_owner},
    {.name = "stat", .mode = 0444, .show = proc_show_stat, .owner = proc_owner},
    {.name = "status", .mode = 0444, .show = proc_show_status, .owner = proc_owner},
    {.name = NULL},
};
static const struct pseudo_node each_task = {.mode = S_IFDIR | 0555, .children = proc_task_nodes, .owner = proc_owner};
static const struct pseudo_node each_fd = {
    .mode = S_IFLNK | 0700,
    .target = proc_target_fd,
    .follow = proc_follow_fd,
    .owner = proc_owner,
};
static const struct pseudo_node each_fdinfo = {.mode = 0400, .show = proc_show_fdinfo, .owner = proc_owner};

const struct pseudo_node proc_process_nodes[] = {
    {.name = "auxv", .mode = 0400, .show = show_auxv, .owner = proc_owner},
    {.name = "cgroup", .mode = 0444, .show = show_cgroup, .owner = proc_owner},
    {.name = "cmdline", .mode = 0444, .show = show_cmdline, .owner = proc_owner},
    {.name = "comm", .mode = 0644, .show = proc_show_comm, .store = proc_store_comm, .owner = proc_owner},
    {.name = "coredump_filter", .mode = 0644, .show = show_coredump_filter, .store = store_coredump_filter, .owner = proc_owner},
    {.name = "cwd", .mode = S_IFLNK | 0777, .target = target_cwd, .follow = follow_cwd, .owner = proc_owner},
    {.name = "environ", .mode = 0400, .show = show_environ, .owner = proc_owner},
    {.name = "exe", .mode = S_IFLNK | 0777, .target = target_exe, .follow = follow_exe, .owner = proc_owner},
    {.name = "fd", .mode = S_IFDIR | 0500, .find = proc_find_fd, .next = proc_next_fd, .each = &each_fd, .owner = proc_owner},
    {.name = "fdinfo", .mode = S_IFDIR | 0555, .find = proc_find_fd, .next = proc_next_fd, .each = &each_fdinfo, .owner = proc_owner},
    {.name = "gid_map", .mode = 0444, .show = show_id_map, .owner = proc_owner},
    {.name = "io", .mode = 0400, .show = proc_show_io, .owner = proc_owner},
    {.name = "limits", .mode = 0444, .show = proc_show_limits, .owner = proc_owner},
    {.name = "loginuid", .mode = 0444, .show = show_loginuid, .owner = proc_owner},
    {.name = "maps", .mode = 0444, .show = proc_show_maps, .owner = proc_owner},
    {.name = "mem", .mode = 0600, .open = proc_open_mem, .owner = proc_owner},
    {.name = "mountinfo", .mode = 0444, .show = proc_show_mountinfo, .owner = proc_owner},
    {.name = "mounts", .mode = 0444, .show = proc_show_mounts, .owner = proc_owner},
    {.name = "net", .mode = S_IFDIR | 0555, .children = proc_net_nodes},
    {.name = "oom_score", .mode = 0444, .show = show_zero, .owner = proc_owner},
    {.name = "oom_score_adj", .mode = 0644, .show = show_oom_score_adj, .store = store_oom_score_adj, .owner = proc_owner},
    {.name = "personality", .mode = 0400, .show = show_personality, .owner = proc_owner},
    {.name = "root", .mode = S_IFLNK | 0777, .target = target_root, .follow = follow_root, .owner = proc_owner},
    {.name = "schedstat", .mode = 0444, .show = proc_show_schedstat, .owner = proc_owner},
    {.name = "setgroups", .mode = 0444, .show = show_setgroups, .owner = proc_owner},
    {.name = "smaps", .mode = 0444, .show = proc_show_smaps, .owner = proc_owner},
    {.name = "smaps_rollup", .mode = 0444, .show = proc_show_smaps_rollup, .owner = proc_owner},
    {.name = "stat", .mode = 0444, .show = proc_show_stat, .owner = proc_owner},
    {.name = "statm", .mode = 0444, .show = proc_show_statm, .owner = proc_owner},
    {.name = "status", .mode = 0444, .show = proc_show_status, .owner = proc_owner},
    {.name = "task", .mode = S_IFDIR | 0555, .find = find_task, .next = next_task, .each = &each_task, .owner = proc_owner},
    {.name = "timerslack_ns", .mode = 0444, .show = show_timerslack, .owner = proc_owner},
    {.name = "uid_map", .mode = 0444, .show = show_id_map, .owner = proc_owner},
    {.name = "wchan", .mode = 0444, .show = show_wchan, .owner = proc_owner},
    {.name = NULL},
};
