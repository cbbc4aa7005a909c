/* Limits, usage, the machine's numbers, priorities of processes. */
#include <linux/syscalls.h>
#include <mm/page.h>
#include <process/process.h>
#include <process/timers.h>

/* ---- limits ---- */

static void apply_limit(struct process *process, unsigned resource)
{
    spin_lock(&process->lock);
    struct descriptor_table *table = process->descriptors;
    struct address_space *space = process->space;
    const struct resource_limit *limits = process->limits;
    uint64_t files = limits[LIMIT_NOFILE].soft, as = limits[LIMIT_AS].soft, data = limits[LIMIT_DATA].soft;
    uint64_t stack = limits[LIMIT_STACK].soft;
    if (table)
        descriptor_table_get(table);
    if (space)
        address_space_get(space);
    spin_unlock(&process->lock);
    if (resource == LIMIT_CPU)
        process_timers_limit_cpu(process->timers, load_relaxed(&limits[LIMIT_CPU].soft));
    if (table && resource == LIMIT_NOFILE)
        descriptor_table_set_limit(table, files > UINT32_MAX ? UINT32_MAX : (uint32_t)files);
    if (space && (resource == LIMIT_AS || resource == LIMIT_DATA || resource == LIMIT_STACK))
        address_space_set_limits(space, as, data, stack);
    if (table)
        descriptor_table_put(table);
    if (space)
        address_space_put(space);
}

static int check_limit(const struct resource_limit *new, const struct resource_limit *old, unsigned resource)
{
    enum { FILES_MAX = 1048576 };
    if (new->soft > new->hard)
        return -EINVAL;
    if (resource == LIMIT_NOFILE && new->hard > FILES_MAX)
        return -EPERM;
    if (new->hard > old->hard && !process_is_capable(CAPABILITY_SYS_RESOURCE))
        return -EPERM;
    return 0;
}

static int change_limit(struct process *process, unsigned resource, const struct resource_limit *new,
                        struct resource_limit *old)
{
    if (resource >= LIMIT_COUNT)
        return -EINVAL;
    spin_lock(&process->lock);
    *old = process->limits[resource];
    int err = new ? check_limit(new, old, resource) : 0;
    if (!err && new)
        process->limits[resource] = *new;
    spin_unlock(&process->lock);
    if (!err && new)
        apply_limit(process, resource);
    return err;
}

long sys_prlimit64(int pid, unsigned resource, struct user *limit, struct user *old)
{
    struct resource_limit new, before;
    if (limit && copy_struct_from_user(&new, limit))
        return -EFAULT;
    struct process *process = pid < 0 ? NULL : process_find(pid ? (uint32_t)pid : process_current()->id);
    if (!process)
        return -ESRCH;
    int err = process_may_control(process, CAPABILITY_SYS_RESOURCE) ? 0 : -EPERM;
    if (!err)
        err = change_limit(process, resource, limit ? &new : NULL, &before);
    process_put(process);
    return !err && old ? copy_struct_to_user(old, &before) : err;
}

long sys_getrlimit(unsigned resource, struct user *out)
{
    struct resource_limit limit;
    int err = change_limit(process_current(), resource, NULL, &limit);
    return err ? err : copy_struct_to_user(out, &limit);
}

long sys_setrlimit(unsigned resource, struct user *from)
{
    struct resource_limit limit, old;
    if (copy_struct_from_user(&limit, from))
        return -EFAULT;
    return change_limit(process_current(), resource, &limit, &old);
}

/* ---- usage ---- */

long sys_getrusage(int who, struct user *out)
{
    return process_get_rusage(who, out);
}

struct linux_sysinfo {
    int64_t uptime;
    uint64_t loads[3];
    uint64_t total, free, shared, buffers, swap_total, swap_free;
    uint16_t processes, padding;
    uint64_t high_total, high_free;
    uint32_t unit;
};
static_assert(sizeof(struct linux_sysinfo) == 112, "struct sysinfo");

long sys_sysinfo(struct user *out)
{
    struct sched_counters sched;
    struct memory_counters memory;
    sched_count(&sched);
    memory_count(&memory);
    unsigned threads = process_thread_total();
    struct linux_sysinfo info = {
        .uptime = (int64_t)(clock_monotonic_ns() / (uint64_t)NS_PER_SECOND),
        .total = memory.total_pages * PAGE_SIZE,
        .free = memory.free_pages * PAGE_SIZE,
        .processes = (uint16_t)(threads > UINT16_MAX ? UINT16_MAX : threads),
        .unit = 1,
    };
    for (unsigned i = 0; i < 3; i++)
        info.loads[i] = (uint64_t)sched.load_average[i] << 5; /* 11 fraction bits to 16 */
    return copy_struct_to_user(out, &info);
}

/* ---- nice ---- */

enum { WHICH_PROCESS, WHICH_GROUP, WHICH_USER };
enum { NICE_LOWEST = 19, NICE_HIGHEST = -20 };

struct nice_request {
    bool is_set;
    int nice;
    uint32_t uid;
    bool by_user;
    int best; /* highest found, as 20 - nice; 0: none */
    int err;
};

static int set_nice_locked(struct process *process, struct task *task, const struct nice_request *request)
{
    if (!process_may_control(process, CAPABILITY_SYS_NICE))
        return -EPERM;
    int64_t limit = 20 - (int64_t)(process->limits[LIMIT_NICE].soft > 40 ? 40 : process->limits[LIMIT_NICE].soft);
    if (request->nice < task->thread->nice && request->nice < limit && !process_is_capable(CAPABILITY_SYS_NICE))
        return -EACCES;
    sched_set_nice(task->thread, request->nice);
    return 0;
}

static void apply_to_task_locked(struct process *process, struct task *task, struct nice_request *request)
{
    int value = 20 - task->thread->nice;
    if (request->is_set) {
        int err = set_nice_locked(process, task, request);
        if (err)
            request->err = err;
    }
    if (value > request->best)
        request->best = value;
}

static void apply_to_process(struct process *process, void *context)
{
    struct nice_request *request = context;
    struct task *task;
    if (request->by_user && process->credentials.uid != request->uid)
        return;
    spin_lock(&process->lock);
    list_for_each(task, &process->tasks, process_link)
    {
        apply_to_task_locked(process, task, request);
    }
    spin_unlock(&process->lock);
}

/* PRIO_PROCESS names a thread, as Linux has it. */
static long apply_nice(int which, int who, struct nice_request *request)
{
    if (which < WHICH_PROCESS || which > WHICH_USER)
        return -EINVAL;
    if (who < 0)
        return -ESRCH;
    if (which == WHICH_PROCESS) {
        struct task *task = task_find(who ? (uint32_t)who : task_current()->id);
        if (!task)
            return -ESRCH;
        spin_lock(&task->process->lock);
        apply_to_task_locked(task->process, task, request);
        spin_unlock(&task->process->lock);
        task_put(task);
    } else {
        request->by_user = which == WHICH_USER;
        request->uid = who ? (uint32_t)who : process_current()->credentials.uid;
        if (request->by_user) {
            process_for_each(0, true, apply_to_process, request);
            apply_to_process(process_current(), request);
        } else {
            process_for_each((uint32_t)who, false, apply_to_process, request);
        }
    }
    return request->best ? request->err : -ESRCH;
}

long sys_getpriority(int which, int who)
{
    struct nice_request request = {0};
    long err = apply_nice(which, who, &request);
    return err ? err : request.best;
}

long sys_setpriority(int which, int who, int priority)
{
    struct nice_request request = {.is_set = true};
    request.nice = priority > NICE_LOWEST ? NICE_LOWEST : priority < NICE_HIGHEST ? NICE_HIGHEST : priority;
    return apply_nice(which, who, &request);
}

/* ---- I/O priority: kept per thread; there is no I/O scheduler that would use it ---- */

enum { IO_WHO_PROCESS = 1, IO_WHO_USER = 3, IO_CLASS_SHIFT = 13, IO_CLASS_IDLE = 3 };

long sys_ioprio_set(int which, int who, int priority)
{
    if (which < IO_WHO_PROCESS || which > IO_WHO_USER || (priority >> IO_CLASS_SHIFT) > IO_CLASS_IDLE || priority < 0)
        return -EINVAL;
    if (which != IO_WHO_PROCESS)
        return 0;
    struct task *task = who < 0 ? NULL : task_find(who ? (uint32_t)who : task_current()->id);
    if (!task)
        return -ESRCH;
    int err = process_may_control(task->process, CAPABILITY_SYS_NICE) ? 0 : -EPERM;
    if (!err)
        store_relaxed(&task->io_priority, (uint32_t)priority);
    task_put(task);
    return err;
}

long sys_ioprio_get(int which, int who)
{
    if (which < IO_WHO_PROCESS || which > IO_WHO_USER)
        return -EINVAL;
    if (which != IO_WHO_PROCESS)
        return 0;
    struct task *task = who < 0 ? NULL : task_find(who ? (uint32_t)who : task_current()->id);
    if (!task)
        return -ESRCH;
    long priority = load_relaxed(&task->io_priority);
    task_put(task);
    return priority;
}
