/* Processes: fork and its kin, execve, exit, wait, groups and sessions, process descriptors. */
#include <base/string.h>
#include <file/descriptors.h>
#include <linux/syscalls.h>
#include <mm/alloc.h>
#include <process/clone_flags.h>
#include <process/pidfd.h>
#include <process/process.h>

enum { AT_FDCWD = -100, EXIT_SIGNAL_MASK = 0xff, CLONE3_SIZE_MIN = 64 };

/* ---- making ---- */

long sys_clone(unsigned long flags, unsigned long stack, struct user *parent_tid, struct user *child_tid,
               unsigned long tls)
{
    struct clone_arguments arguments = {
        .flags = (uint32_t)flags & ~(uint32_t)EXIT_SIGNAL_MASK,
        .parent_tid = parent_tid,
        .child_tid = child_tid,
        .pidfd = parent_tid,
        .exit_signal = (int)(flags & EXIT_SIGNAL_MASK),
        .stack = stack,
        .tls = tls,
    };
    if ((flags & CLONE_PIDFD) && (flags & CLONE_PARENT_SETTID))
        return -EINVAL; /* one place for two results */
    return process_clone(&arguments);
}

long sys_fork(void)
{
    struct clone_arguments arguments = {.exit_signal = SIGNAL_CHLD};
    return process_clone(&arguments);
}

long sys_vfork(void)
{
    struct clone_arguments arguments = {.flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGNAL_CHLD};
    return process_clone(&arguments);
}

struct linux_clone_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
static_assert(sizeof(struct linux_clone_args) == 88, "struct clone_args");

/* A structure that grows with the kernel's version: what this kernel does not know must be zero. */
static int copy_grown(void *to, size_t known, const struct user *from, size_t size)
{
    int err = copy_from_user(to, from, size < known ? size : known);
    for (size_t i = known; i < size && !err; i++) {
        uint8_t byte;
        err = copy_struct_from_user(&byte, user_offset(from, i));
        if (!err && byte)
            err = -E2BIG;
    }
    return err;
}

static int check_clone3(const struct linux_clone_args *args)
{
    if (args->flags & (EXIT_SIGNAL_MASK | CLONE_DETACHED | CLONE_INTO_CGROUP) ||
        args->flags & ~(UINT64_C(0xffffffff) | CLONE_CLEAR_SIGHAND))
        return -EINVAL;
    if (args->exit_signal > SIGNAL_COUNT || ((args->flags & (CLONE_THREAD | CLONE_PARENT)) && args->exit_signal))
        return -EINVAL;
    if (!args->stack != !args->stack_size || args->stack + args->stack_size < args->stack)
        return -EINVAL;
    return args->set_tid_size ? -EPERM : 0;
}

long sys_clone3(struct user *from, size_t size)
{
    struct linux_clone_args args = {0};
    if (size < CLONE3_SIZE_MIN)
        return -EINVAL;
    if (size > PAGE_SIZE)
        return -E2BIG;
    int err = copy_grown(&args, sizeof args, from, size);
    if (!err)
        err = check_clone3(&args);
    if (err)
        return err;
    struct clone_arguments arguments = {
        .flags = args.flags,
        .parent_tid = user_pointer(args.parent_tid),
        .child_tid = user_pointer(args.child_tid),
        .pidfd = user_pointer(args.pidfd),
        .exit_signal = (int)args.exit_signal,
        .stack = args.stack,
        .stack_size = args.stack_size,
        .tls = args.tls,
    };
    return process_clone(&arguments);
}

/* What it would take apart is the process's own here (see process_clone), so only sharing among processes can end. */
long sys_unshare(unsigned long flags)
{
    if (flags & CLONE_NAMESPACES)
        return process_is_capable(CAPABILITY_SYS_ADMIN_BIT) ? -EINVAL : -EPERM;
    if (flags & ~(unsigned long)(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM))
        return -EINVAL;
    return flags & (CLONE_FILES | CLONE_FS) ? process_unshare(flags & CLONE_FILES, flags & CLONE_FS) : 0;
}

/* ---- running and ending ---- */

long sys_execve(struct user *path, struct user *arguments, struct user *environment)
{
    return process_exec(path, arguments, environment, AT_FDCWD, 0);
}

long sys_execveat(int directory, struct user *path, struct user *arguments, struct user *environment, int flags)
{
    return process_exec(path, arguments, environment, directory, flags);
}

long sys_exit(int status)
{
    process_exit_thread((status & 0xff) << 8);
}

long sys_exit_group(int status)
{
    process_exit_group((status & 0xff) << 8);
}

/* ---- waiting ---- */

#define WAIT4_OPTIONS  0xe000000bu /* WNOHANG WUNTRACED WCONTINUED __WNOTHREAD __WALL __WCLONE */
#define WAITID_OPTIONS 0xe100000fu /* and WEXITED WNOWAIT */
#define WAIT_FOR_EXIT  4u
enum { WHICH_ALL, WHICH_PID, WHICH_GROUP, WHICH_PIDFD };

long sys_wait4(int pid, struct user *status, int options, struct user *rusage)
{
    if ((unsigned)options & ~WAIT4_OPTIONS)
        return -EINVAL;
    if (pid == INT32_MIN)
        return -ESRCH;
    struct wait_request request = {
        .which = pid == -1 ? WHICH_ALL
                 : pid > 0 ? WHICH_PID
                           : WHICH_GROUP,
        .id = pid > 0    ? pid
              : pid < -1 ? -(int64_t)pid
                         : process_current()->group_id,
        .options = (unsigned)options | WAIT_FOR_EXIT,
        .is_wait4 = true,
        .status = status,
        .rusage = rusage,
    };
    return process_wait(&request);
}

long sys_waitid(int which, int id, struct user *info, int options, struct user *rusage)
{
    enum { STOPPED_EXITED_CONTINUED = 2 | 4 | 8 };
    if (((unsigned)options & ~WAITID_OPTIONS) || !(options & STOPPED_EXITED_CONTINUED))
        return -EINVAL;
    if (which < WHICH_ALL || which > WHICH_PIDFD || (which == WHICH_PID && id <= 0) || (which == WHICH_GROUP && id < 0))
        return -EINVAL;
    struct wait_request request = {
        .which = which,
        .id = which == WHICH_GROUP && !id ? (int64_t)process_current()->group_id : id,
        .options = (unsigned)options,
        .siginfo = info,
        .rusage = rusage,
    };
    return process_wait(&request);
}

/* ---- ids ---- */

long sys_getpid(void)
{
    return process_current()->id;
}

long sys_getppid(void)
{
    return process_get_parent();
}

long sys_setpgid(int pid, int group)
{
    return pid < 0 || group < 0 ? -EINVAL : process_set_group((uint32_t)pid, (uint32_t)group);
}

long sys_getpgid(int pid)
{
    return pid < 0 ? -ESRCH : process_get_group((uint32_t)pid);
}

long sys_getpgrp(void)
{
    return process_get_group(0);
}

long sys_getsid(int pid)
{
    return pid < 0 ? -ESRCH : process_get_session((uint32_t)pid);
}

long sys_setsid(void)
{
    return process_make_session();
}

/* ---- process descriptors ---- */

enum { FLAG_NONBLOCK = 04000 };

long sys_pidfd_open(int pid, unsigned flags)
{
    if ((flags & ~(unsigned)FLAG_NONBLOCK) || pid <= 0)
        return -EINVAL;
    struct process *process = process_find((uint32_t)pid);
    if (!process)
        return -ESRCH;
    struct file *file;
    int result = pidfd_create(process, flags, &file);
    if (!result) {
        result = descriptor_install(process_current()->descriptors, file, 0, true);
        if (result < 0)
            file_put(file);
    }
    process_put(process);
    return result;
}

static struct process *process_of_fd(int fd)
{
    struct file *file = descriptor_file(process_current()->descriptors, fd);
    struct process *process = file ? pidfd_process(file) : NULL;
    if (file)
        file_put(file);
    return process;
}

long sys_pidfd_send_signal(int fd, int number, struct user *user_info, unsigned flags)
{
    struct signal_info info;
    if (flags)
        return -EINVAL;
    struct process *process = process_of_fd(fd);
    if (!process)
        return -EBADF;
    long result = 0;
    if (!user_info) {
        signal_info_init(&info, number, SIGNAL_CODE_USER, process_current()->id, process_current()->credentials.uid);
    } else {
        result = copy_struct_from_user(&info, user_info);
        if (!result && info.number != number)
            result = -EINVAL;
        if (!result && process != process_current() && (info.code >= 0 || info.code == SIGNAL_CODE_TKILL))
            result = -EPERM;
    }
    if (!result)
        result = load_relaxed(&process->is_reaped) ? -ESRCH : signal_kill_process(process, number, &info);
    process_put(process);
    return result;
}

long sys_pidfd_getfd(int fd, int target, unsigned flags)
{
    if (flags)
        return -EINVAL;
    struct process *process = process_of_fd(fd);
    if (!process)
        return -EBADF;
    long result = process_may_control(process, CAPABILITY_SYS_ADMIN_BIT) ? 0 : -EPERM;
    spin_lock(&process->lock);
    struct descriptor_table *table = process->descriptors;
    if (table)
        descriptor_table_get(table);
    spin_unlock(&process->lock);
    if (!table)
        result = -ESRCH;
    struct file *file = result ? NULL : descriptor_file(table, target);
    if (!result && !file)
        result = -EBADF;
    if (file) {
        result = descriptor_install(process_current()->descriptors, file, 0, true);
        if (result < 0)
            file_put(file);
    }
    if (table)
        descriptor_table_put(table);
    process_put(process);
    return result;
}
