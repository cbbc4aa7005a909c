/*
 * Scheduling calls. Threads are scheduled fairly by nice value; the policy that a program sets is kept and told back,
 * and the real-time ones, which no fair scheduler honours, need the capability and change nothing.
 */
#include <base/string.h>
#include <common/checked.h>
#include <linux/syscalls.h>
#include <process/process.h>
#include "timespec.h"

enum policy { POLICY_OTHER = 0, POLICY_FIFO = 1, POLICY_RR = 2, POLICY_BATCH = 3, POLICY_IDLE = 5 };
#define RESET_ON_FORK 0x40000000
enum { REALTIME_MIN = 1, REALTIME_MAX = 99 };
#define SLICE_NS UINT64_C(3000000)

static struct task *find(int tid)
{
    return tid < 0 ? NULL : task_find(tid ? (uint32_t)tid : task_current()->id);
}

static bool is_realtime(int policy)
{
    return policy == POLICY_FIFO || policy == POLICY_RR;
}

static bool is_policy(int policy)
{
    return is_realtime(policy) || policy == POLICY_OTHER || policy == POLICY_BATCH || policy == POLICY_IDLE;
}

long sys_sched_yield(void)
{
    sched_yield_cpu();
    return 0;
}

/* ---- policy ---- */

/* policy < 0: as it is. */
static int change_policy(struct task *task, int policy, int priority)
{
    bool resets = policy >= 0 && (policy & RESET_ON_FORK);
    int wanted = policy < 0 ? load_relaxed(&task->policy) : policy & ~RESET_ON_FORK;
    if (!is_policy(wanted))
        return -EINVAL;
    if (is_realtime(wanted) ? priority < REALTIME_MIN || priority > REALTIME_MAX : priority != 0)
        return -EINVAL;
    if (!process_may_control(task->process, CAPABILITY_SYS_NICE))
        return -EPERM;
    if (is_realtime(wanted) && !process_is_capable(CAPABILITY_SYS_NICE))
        return -EPERM;
    store_relaxed(&task->policy, wanted);
    store_relaxed(&task->realtime_priority, priority);
    if (policy >= 0)
        store_relaxed(&task->policy_reset_on_fork, (int)resets);
    return 0;
}

static long set_policy(int tid, int policy, struct user *parameter)
{
    int32_t priority;
    if (tid < 0 || !parameter)
        return -EINVAL;
    if (copy_struct_from_user(&priority, parameter))
        return -EFAULT;
    struct task *task = find(tid);
    if (!task)
        return -ESRCH;
    int err = change_policy(task, policy, priority);
    task_put(task);
    return err;
}

long sys_sched_setscheduler(int pid, int policy, struct user *parameter)
{
    return policy < 0 ? -EINVAL : set_policy(pid, policy, parameter);
}

long sys_sched_setparam(int pid, struct user *parameter)
{
    return set_policy(pid, -1, parameter);
}

long sys_sched_getscheduler(int pid)
{
    if (pid < 0)
        return -EINVAL;
    struct task *task = find(pid);
    if (!task)
        return -ESRCH;
    long policy = load_relaxed(&task->policy) | (load_relaxed(&task->policy_reset_on_fork) ? RESET_ON_FORK : 0);
    task_put(task);
    return policy;
}

long sys_sched_getparam(int pid, struct user *parameter)
{
    if (pid < 0 || !parameter)
        return -EINVAL;
    struct task *task = find(pid);
    if (!task)
        return -ESRCH;
    int32_t priority = load_relaxed(&task->realtime_priority);
    task_put(task);
    return copy_struct_to_user(parameter, &priority);
}

long sys_sched_get_priority_max(int policy)
{
    return !is_policy(policy) ? -EINVAL : is_realtime(policy) ? REALTIME_MAX : 0;
}

long sys_sched_get_priority_min(int policy)
{
    return !is_policy(policy) ? -EINVAL : is_realtime(policy) ? REALTIME_MIN : 0;
}

long sys_sched_rr_get_interval(int pid, struct user *interval)
{
    if (pid < 0)
        return -EINVAL;
    struct task *task = find(pid);
    if (!task)
        return -ESRCH;
    bool has_slice = load_relaxed(&task->policy) != POLICY_FIFO;
    task_put(task);
    return timespec_write(interval, has_slice ? SLICE_NS : 0);
}

struct linux_sched_attr {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
    uint32_t clamp_min, clamp_max;
};
static_assert(sizeof(struct linux_sched_attr) == 56, "struct sched_attr");
enum { ATTR_SIZE_FIRST = 48, ATTR_RESET_ON_FORK = 1 };

static int read_attr(struct user *from, struct linux_sched_attr *out)
{
    uint32_t size;
    if (copy_struct_from_user(&size, from))
        return -EFAULT;
    if (!size)
        size = ATTR_SIZE_FIRST;
    if (size < ATTR_SIZE_FIRST || size > PAGE_SIZE)
        return -E2BIG;
    memset(out, 0, sizeof *out);
    return copy_from_user(out, from, MIN(size, sizeof *out));
}

long sys_sched_setattr(int pid, struct user *attributes, unsigned flags)
{
    struct linux_sched_attr attr;
    if (flags || pid < 0 || !attributes)
        return -EINVAL;
    int err = read_attr(attributes, &attr);
    if (err)
        return err;
    struct task *task = find(pid);
    if (!task)
        return -ESRCH;
    int policy = (int)attr.policy | (attr.flags & ATTR_RESET_ON_FORK ? RESET_ON_FORK : 0);
    err = attr.policy > POLICY_IDLE ? -EINVAL : change_policy(task, policy, (int)attr.priority);
    if (!err && !is_realtime((int)attr.policy)) {
        int nice = MAX(MIN(attr.nice, 19), -20);
        if (nice < task->thread->nice && !process_is_capable(CAPABILITY_SYS_NICE))
            err = -EPERM;
        else
            sched_set_nice(task->thread, nice);
    }
    task_put(task);
    return err;
}

long sys_sched_getattr(int pid, struct user *attributes, unsigned size, unsigned flags)
{
    if (flags || pid < 0 || !attributes || size < ATTR_SIZE_FIRST || size > PAGE_SIZE)
        return -EINVAL;
    struct task *task = find(pid);
    if (!task)
        return -ESRCH;
    struct linux_sched_attr attr = {
        .size = (uint32_t)MIN(size, sizeof attr),
        .policy = (uint32_t)load_relaxed(&task->policy),
        .flags = load_relaxed(&task->policy_reset_on_fork) ? ATTR_RESET_ON_FORK : 0,
        .nice = task->thread->nice,
        .priority = (uint32_t)load_relaxed(&task->realtime_priority),
    };
    task_put(task);
    return copy_to_user(attributes, &attr, attr.size);
}

/* ---- affinity ---- */

static uint64_t online_cpus(void)
{
    unsigned count = cpu_count();
    return count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

long sys_sched_setaffinity(int pid, unsigned len, struct user *user_mask)
{
    uint64_t mask = 0;
    if (copy_from_user(&mask, user_mask, MIN(len, sizeof mask)))
        return -EFAULT;
    struct task *task = find(pid);
    if (!task)
        return -ESRCH;
    mask &= online_cpus();
    int err = process_may_control(task->process, CAPABILITY_SYS_NICE) ? 0 : -EPERM;
    if (!err && !mask)
        err = -EINVAL;
    /* All CPUs: those that start later, too. */
    if (!err)
        sched_set_affinity(task->thread, mask == online_cpus() ? UINT64_MAX : mask);
    task_put(task);
    return err;
}

long sys_sched_getaffinity(int pid, unsigned len, struct user *user_mask)
{
    if (len < sizeof(uint64_t) || len % sizeof(uint64_t))
        return -EINVAL;
    struct task *task = find(pid);
    if (!task)
        return -ESRCH;
    uint64_t mask = load_relaxed(&task->thread->affinity) & online_cpus();
    task_put(task);
    int err = copy_struct_to_user(user_mask, &mask);
    return err ? err : (long)sizeof mask;
}
