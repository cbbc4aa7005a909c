/* epoll: descriptors turned into files, time limits, signal masks. */
#include <file/epoll.h>
#include <linux/syscalls.h>
#include "deadline.h"
#include "paths.h"

long sys_epoll_create1(int flags)
{
    struct file *file;
    if ((unsigned)flags & ~O_CLOEXEC)
        return -EINVAL;
    int err = epoll_create_file(&file);
    if (err)
        return err;
    int fd = descriptor_install(process_current()->descriptors, file, 0, (unsigned)flags & O_CLOEXEC);
    if (fd < 0)
        file_put(file);
    return fd;
}

long sys_epoll_create(int size)
{
    return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

long sys_epoll_ctl(int fd, int operation, int target_fd, struct user *from)
{
    struct epoll_event event = {0};
    if (operation != EPOLL_DELETE && copy_struct_from_user(&event, from))
        return -EFAULT;
    struct file *epoll = file_of(fd), *target = file_of(target_fd);
    int err = epoll && target ? epoll_control(epoll, operation, target_fd, target, &event) : -EBADF;
    if (target)
        file_put(target);
    if (epoll)
        file_put(epoll);
    return err;
}

static long wait_for_events(int fd, struct user *events, int max, uint64_t deadline)
{
    struct file *epoll = file_of(fd);
    if (!epoll)
        return max <= 0 ? -EINVAL : -EBADF;
    int result = epoll_wait_events(epoll, events, max, deadline);
    file_put(epoll);
    return result;
}

long sys_epoll_wait(int fd, struct user *events, int max, int timeout_ms)
{
    return wait_for_events(fd, events, max, deadline_of_ms(timeout_ms));
}

static long wait_with_mask(int fd, struct user *events, int max, uint64_t deadline, struct user *mask, size_t set_size)
{
    int err = signal_mask_swap_from_user(mask, set_size);
    if (err)
        return err;
    long result = wait_for_events(fd, events, max, deadline);
    signal_mask_restore();
    return result;
}

long sys_epoll_pwait(int fd, struct user *events, int max, int timeout_ms, struct user *mask, size_t set_size)
{
    return wait_with_mask(fd, events, max, deadline_of_ms(timeout_ms), mask, set_size);
}

long sys_epoll_pwait2(int fd, struct user *events, int max, struct user *timeout, struct user *mask, size_t set_size)
{
    uint64_t deadline;
    int err = deadline_read(timeout, 1, &deadline);
    return err ? err : wait_with_mask(fd, events, max, deadline, mask, set_size);
}
