/* Signals: actions, masks, sending, waiting, alternate stacks, signalfd. */
#include <file/descriptors.h>
#include <linux/syscalls.h>
#include <process/process.h>
#include "timespec.h"

enum { SET_SIZE = sizeof(signal_set) };

static struct signal_info own_info(int number, int code)
{
    struct signal_info info;
    signal_info_init(&info, number, code, process_current()->id, process_current()->credentials.uid);
    return info;
}

/* ---- actions and masks ---- */

long sys_rt_sigaction(int number, struct user *action, struct user *old, size_t set_size)
{
    struct signal_action new, before;
    if (set_size != SET_SIZE)
        return -EINVAL;
    if (action && copy_struct_from_user(&new, action))
        return -EFAULT;
    int err = signal_action_change(number, action ? &new : NULL, &before);
    return !err && old ? copy_struct_to_user(old, &before) : err;
}

long sys_rt_sigprocmask(int how, struct user *set, struct user *old, size_t set_size)
{
    enum { BLOCK, UNBLOCK, SET };
    signal_set mask, before = task_current()->signals.blocked;
    if (set_size != SET_SIZE)
        return -EINVAL;
    if (set) {
        if (copy_struct_from_user(&mask, set))
            return -EFAULT;
        if (how < BLOCK || how > SET)
            return -EINVAL;
        mask &= ~SIGNALS_UNBLOCKABLE;
        signal_mask_set(how == BLOCK ? before | mask : how == UNBLOCK ? before & ~mask : mask);
    }
    return old ? copy_struct_to_user(old, &before) : 0;
}

long sys_rt_sigpending(struct user *set, size_t set_size)
{
    signal_set pending = signal_pending_set();
    return set_size > SET_SIZE ? -EINVAL : copy_to_user(set, &pending, set_size);
}

long sys_rt_sigreturn(void)
{
    return signal_return();
}

long sys_sigaltstack(struct user *stack, struct user *old)
{
    struct signal_stack new, before;
    if (stack && copy_struct_from_user(&new, stack))
        return -EFAULT;
    int err = signal_stack_change(stack ? &new : NULL, &before);
    if (err || !old)
        return err;
    before.padding = 0;
    return copy_struct_to_user(old, &before);
}

/* ---- waiting ---- */

static bool never(void *argument)
{
    return false;
}

static int sleep_for_signal(void)
{
    struct wait_queue nobody;
    wait_queue_init(&nobody);
    wait_until(&nobody, never, NULL, WAIT_INTERRUPTIBLE, UINT64_MAX, false);
    return -ERESTARTNOHAND;
}

long sys_pause(void)
{
    return sleep_for_signal();
}

long sys_rt_sigsuspend(struct user *set, size_t set_size)
{
    signal_set mask;
    if (set_size != SET_SIZE)
        return -EINVAL;
    if (copy_struct_from_user(&mask, set))
        return -EFAULT;
    signal_mask_swap(mask);
    return sleep_for_signal();
}

long sys_rt_sigtimedwait(struct user *set, struct user *user_info, struct user *timeout, size_t set_size)
{
    signal_set wanted;
    struct signal_info info;
    uint64_t ns, deadline = UINT64_MAX;
    if (set_size != SET_SIZE)
        return -EINVAL;
    if (copy_struct_from_user(&wanted, set))
        return -EFAULT;
    if (timeout) {
        int err = timespec_read(timeout, &ns);
        if (err)
            return err;
        deadline = ns ? deadline_after(ns) : 0;
    }
    int number = signal_wait(wanted, &info, deadline);
    if (number > 0 && user_info && copy_struct_to_user(user_info, &info))
        return -EFAULT;
    return number;
}

/* ---- sending ---- */

struct broadcast {
    const struct signal_info *info;
    int number;
    unsigned done;
    int err; /* of the last that was refused */
};

static void send_one(struct process *process, void *context)
{
    struct broadcast *broadcast = context;
    int err = signal_kill_process(process, broadcast->number, broadcast->info);
    if (err)
        broadcast->err = err;
    else
        broadcast->done++;
}

static long kill_many(uint32_t group, bool all, int number, const struct signal_info *info)
{
    struct broadcast broadcast = {.info = info, .number = number};
    if (!process_for_each(group, all, send_one, &broadcast))
        return -ESRCH;
    return broadcast.done ? 0 : broadcast.err;
}

static long kill_one(int pid, int number, const struct signal_info *info)
{
    struct process *process = pid > 0 ? process_find((uint32_t)pid) : NULL;
    if (!process) {
        /* Linux takes any thread's id for its process's. */
        struct task *task = pid > 0 ? task_find((uint32_t)pid) : NULL;
        if (!task)
            return -ESRCH;
        long result = signal_kill_process(task->process, number, info);
        task_put(task);
        return result;
    }
    long result = signal_kill_process(process, number, info);
    process_put(process);
    return result;
}

long sys_kill(int pid, int number)
{
    struct signal_info info = own_info(number, SIGNAL_CODE_USER);
    if (number < 0 || number > SIGNAL_COUNT)
        return -EINVAL;
    if (pid > 0)
        return kill_one(pid, number, &info);
    if (pid == INT32_MIN)
        return -ESRCH;
    return kill_many(pid < -1 ? (uint32_t)-pid : 0, pid == -1, number, &info);
}

static long kill_task(int pid, int tid, int number, const struct signal_info *info)
{
    if (tid <= 0 || number < 0 || number > SIGNAL_COUNT)
        return -EINVAL;
    struct task *task = task_find((uint32_t)tid);
    if (!task)
        return -ESRCH;
    long result = pid && task->process->id != (uint32_t)pid ? -ESRCH : signal_kill_task(task, number, info);
    task_put(task);
    return result;
}

long sys_tgkill(int pid, int tid, int number)
{
    struct signal_info info = own_info(number, SIGNAL_CODE_TKILL);
    return pid <= 0 ? -EINVAL : kill_task(pid, tid, number, &info);
}

long sys_tkill(int tid, int number)
{
    struct signal_info info = own_info(number, SIGNAL_CODE_TKILL);
    return kill_task(0, tid, number, &info);
}

/* What a program sends as its own siginfo must not look like the kernel's or kill's, but to itself. */
static int read_info(struct user *from, int number, bool to_self, struct signal_info *out)
{
    if (copy_struct_from_user(out, from))
        return -EFAULT;
    out->number = number;
    return (out->code >= 0 || out->code == SIGNAL_CODE_TKILL) && !to_self ? -EPERM : 0;
}

long sys_rt_sigqueueinfo(int pid, int number, struct user *user_info)
{
    struct signal_info info;
    int err = read_info(user_info, number, (uint32_t)pid == process_current()->id, &info);
    return err ? err : kill_one(pid, number, &info);
}

long sys_rt_tgsigqueueinfo(int pid, int tid, int number, struct user *user_info)
{
    struct signal_info info;
    if (pid <= 0)
        return -EINVAL;
    int err = read_info(user_info, number, (uint32_t)pid == process_current()->id, &info);
    return err ? err : kill_task(pid, tid, number, &info);
}

/* ---- signalfd ---- */

static long change_signalfd(int fd, signal_set mask)
{
    struct file *file = descriptor_file(process_current()->descriptors, fd);
    if (!file)
        return -EBADF;
    int err = signalfd_change(file, mask);
    file_put(file);
    return err ? err : fd;
}

long sys_signalfd4(int fd, struct user *set, size_t set_size, int flags)
{
    enum { NONBLOCK = 04000, CLOEXEC = 02000000 };
    signal_set mask;
    struct file *file;
    if (set_size != SET_SIZE || (flags & ~(NONBLOCK | CLOEXEC)))
        return -EINVAL;
    if (copy_struct_from_user(&mask, set))
        return -EFAULT;
    if (fd != -1)
        return change_signalfd(fd, mask);
    int err = signalfd_create(mask, (unsigned)flags & NONBLOCK, &file);
    if (err)
        return err;
    fd = descriptor_install(process_current()->descriptors, file, 0, flags & CLOEXEC);
    if (fd < 0)
        file_put(file);
    return fd;
}

long sys_signalfd(int fd, struct user *set, size_t set_size)
{
    return sys_signalfd4(fd, set, set_size, 0);
}
