/* eventfd, timerfd and pipes: flags and times checked, files made and given numbers. */
#include <common/checked.h>
#include <file/eventfd.h>
#include <file/pipe.h>
#include <file/timerfd.h>
#include <linux/syscalls.h>
#include "paths.h"

/* Takes over the file: its number or -EMFILE, -ENOMEM. */
static long install(struct file *file, int flags)
{
    int fd = descriptor_install(process_current()->descriptors, file, 0, (unsigned)flags & O_CLOEXEC);
    if (fd < 0)
        file_put(file);
    return fd;
}

/* ---- eventfd ---- */

long sys_eventfd2(unsigned value, int flags)
{
    struct file *file;
    if ((unsigned)flags & ~(EVENTFD_SEMAPHORE | O_NONBLOCK | O_CLOEXEC))
        return -EINVAL;
    int err = eventfd_create(value, (uint32_t)flags & (EVENTFD_SEMAPHORE | O_NONBLOCK), &file);
    return err ? err : install(file, flags);
}

long sys_eventfd(unsigned value)
{
    return sys_eventfd2(value, 0);
}

/* ---- timerfd ---- */

struct linux_timespec {
    int64_t seconds, ns;
};
struct linux_itimerspec {
    struct linux_timespec interval, value;
};

static int ns_of(const struct linux_timespec *time, uint64_t *out)
{
    if (time->seconds < 0 || time->ns < 0 || time->ns >= NS_PER_SECOND)
        return -EINVAL;
    if (multiply_overflows((uint64_t)time->seconds, (uint64_t)NS_PER_SECOND, out) ||
        add_overflows(*out, (uint64_t)time->ns, out))
        *out = UINT64_MAX / 2;
    return 0;
}

static struct linux_timespec timespec_of(uint64_t ns)
{
    return (struct linux_timespec){(int64_t)(ns / (uint64_t)NS_PER_SECOND), (int64_t)(ns % (uint64_t)NS_PER_SECOND)};
}

static int write_setting(struct user *to, const struct timerfd_setting *setting)
{
    struct linux_itimerspec out = {timespec_of(setting->interval_ns), timespec_of(setting->value_ns)};
    return copy_struct_to_user(to, &out);
}

long sys_timerfd_create(int clock, int flags)
{
    struct file *file;
    if ((unsigned)flags & ~(O_NONBLOCK | O_CLOEXEC))
        return -EINVAL;
    int err = timerfd_create(clock, (uint32_t)flags & O_NONBLOCK, &file);
    return err ? err : install(file, flags);
}

long sys_timerfd_settime(int fd, int flags, struct user *value, struct user *old)
{
    struct linux_itimerspec in;
    struct timerfd_setting setting, before;
    int err = copy_struct_from_user(&in, value);
    if (!err)
        err = ns_of(&in.interval, &setting.interval_ns);
    if (!err)
        err = ns_of(&in.value, &setting.value_ns);
    if (err)
        return err;
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    err = timerfd_set(file, (unsigned)flags, &setting, &before);
    file_put(file);
    return err || !old ? err : write_setting(old, &before);
}

long sys_timerfd_gettime(int fd, struct user *out)
{
    struct timerfd_setting setting;
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    int err = timerfd_get(file, &setting);
    file_put(file);
    return err ? err : write_setting(out, &setting);
}

/* ---- pipes ---- */

/* Both numbers are told to the program before either names a file. */
static long install_pipe(struct file *const files[2], struct user *to, int flags)
{
    struct descriptor_table *table = process_current()->descriptors;
    int fds[2];
    fds[0] = descriptor_reserve(table, 0, (unsigned)flags & O_CLOEXEC);
    if (fds[0] < 0)
        return fds[0];
    fds[1] = descriptor_reserve(table, 0, (unsigned)flags & O_CLOEXEC);
    if (fds[1] < 0) {
        descriptor_release(table, fds[0]);
        return fds[1];
    }
    if (copy_struct_to_user(to, &fds)) {
        descriptor_release(table, fds[0]);
        descriptor_release(table, fds[1]);
        return -EFAULT;
    }
    descriptor_fill(table, fds[0], files[0]);
    descriptor_fill(table, fds[1], files[1]);
    return 0;
}

long sys_pipe2(struct user *fds, int flags)
{
    struct file *files[2];
    if ((unsigned)flags & ~(O_NONBLOCK | O_DIRECT | O_CLOEXEC))
        return -EINVAL;
    int err = pipe_create((uint32_t)flags & (O_NONBLOCK | O_DIRECT), files);
    if (err)
        return err;
    long result = install_pipe(files, fds, flags);
    if (result) {
        file_put(files[0]);
        file_put(files[1]);
    }
    return result;
}

long sys_pipe(struct user *fds)
{
    return sys_pipe2(fds, 0);
}
