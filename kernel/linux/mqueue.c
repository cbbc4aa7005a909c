/* POSIX message queues: names, structures and times of the ABI. */
#include <base/errno.h>
#include <ipc/posix_queue.h>
#include <linux/syscalls.h>
#include <process/timers.h>
#include "paths.h"
#include "timespec.h"

enum { OPEN_CREATE = 0100, OPEN_NONBLOCK = 04000, EVENT_SIGNAL = 0, EVENT_NONE = 1, EVENT_THREAD = 2 };

long sys_mq_open(struct user *name, int flags, unsigned mode, struct user *attributes)
{
    struct posix_queue_attributes wanted;
    struct path_string path;
    struct file *file;
    if (attributes && flags & OPEN_CREATE && copy_struct_from_user(&wanted, attributes))
        return -EFAULT;
    int err = path_copy(&path, name);
    if (!err)
        err = posix_queue_open(path.text, (unsigned)flags, mode & ~fs_context_umask(process_current()->fs),
                               attributes ? &wanted : NULL, &file);
    path_free(&path);
    if (err)
        return err;
    int fd = descriptor_install(process_current()->descriptors, file, 0, true);
    if (fd < 0)
        file_put(file);
    return fd;
}

long sys_mq_unlink(struct user *name)
{
    struct path_string path;
    int err = path_copy(&path, name);
    if (!err)
        err = posix_queue_unlink(path.text);
    path_free(&path);
    return err;
}

/* NULL: no limit. */
static int read_deadline(const struct user *from, uint64_t *deadline_ns)
{
    uint64_t ns;
    *deadline_ns = UINT64_MAX;
    if (!from)
        return 0;
    int err = timespec_read(from, &ns);
    return err ? err : clock_deadline(CLOCK_ID_REALTIME, ns, deadline_ns);
}

long sys_mq_timedsend(int fd, struct user *message, size_t len, unsigned priority, struct user *timeout)
{
    uint64_t deadline_ns;
    int err = read_deadline(timeout, &deadline_ns);
    if (err)
        return err;
    if (priority >= POSIX_QUEUE_PRIORITIES)
        return -EINVAL;
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    long result = posix_queue_send(file, message, len, priority, deadline_ns);
    file_put(file);
    return result;
}

long sys_mq_timedreceive(int fd, struct user *message, size_t len, struct user *priority, struct user *timeout)
{
    uint64_t deadline_ns;
    unsigned taken;
    int err = read_deadline(timeout, &deadline_ns);
    if (err)
        return err;
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    long result = posix_queue_receive(file, message, len, &taken, deadline_ns);
    file_put(file);
    if (result >= 0 && priority && copy_struct_to_user(priority, &taken))
        return -EFAULT;
    return result;
}

struct linux_sigevent {
    uint64_t value;
    int32_t number, notify;
    int32_t padding[12];
};
static_assert(sizeof(struct linux_sigevent) == 64, "struct sigevent");

static int check_event(const struct linux_sigevent *event)
{
    if (event->notify == EVENT_THREAD)
        return -ENOSYS;
    if (event->notify != EVENT_SIGNAL && event->notify != EVENT_NONE)
        return -EINVAL;
    return event->notify == EVENT_SIGNAL && (event->number < 0 || event->number > SIGNAL_COUNT) ? -EINVAL : 0;
}

long sys_mq_notify(int fd, struct user *event)
{
    struct posix_queue_notice notice;
    struct linux_sigevent from;
    if (event) {
        if (copy_struct_from_user(&from, event))
            return -EFAULT;
        int err = check_event(&from);
        if (err)
            return err;
        notice = (struct posix_queue_notice){from.notify, from.number, from.value};
    }
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    int err = posix_queue_notify(file, event ? &notice : NULL);
    file_put(file);
    return err;
}

long sys_mq_getsetattr(int fd, struct user *value, struct user *old)
{
    struct posix_queue_attributes set, before;
    if (value && copy_struct_from_user(&set, value))
        return -EFAULT;
    struct file *file = file_of(fd);
    if (!file)
        return value && set.flags & ~(int64_t)OPEN_NONBLOCK ? -EINVAL : -EBADF;
    int err = posix_queue_attributes(file, value ? &set : NULL, &before);
    file_put(file);
    return err || !old ? err : copy_struct_to_user(old, &before);
}
