/* fcntl, flock and the ioctls that every descriptor takes. */
#include <common/checked.h>
#include <file/pipe.h>
#include <linux/syscalls.h>
#include <vfs/locks.h>
#include "paths.h"

enum fcntl_command {
    F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW, F_SETOWN, F_GETOWN, F_SETSIG, F_GETSIG,
    F_SETOWN_EX = 15, F_GETOWN_EX, F_OFD_GETLK = 36, F_OFD_SETLK, F_OFD_SETLKW,
    F_SETLEASE = 1024, F_GETLEASE, F_NOTIFY, F_DUPFD_CLOEXEC = 1030, F_SETPIPE_SZ, F_GETPIPE_SZ, F_ADD_SEALS, F_GET_SEALS,
};
enum { LOCK_READ_ABI, LOCK_WRITE_ABI, LOCK_UNLOCK_ABI };
#define FASYNC 020000u

struct linux_flock {
    int16_t type, whence;
    int32_t padding;
    int64_t start, len;
    int32_t pid, padding2;
};
static_assert(sizeof(struct linux_flock) == 32, "struct flock");

/* The range of a struct flock, from its file's position where it says so: -EINVAL, -EOVERFLOW. */
static int make_range(struct file *file, const struct linux_flock *l, struct lock_range *range)
{
    int64_t base = 0;
    if (l->type < 0 || l->type > LOCK_UNLOCK_ABI || l->whence < 0 || l->whence > 2)
        return -EINVAL;
    if (l->whence) {
        base = l->whence == 1 ? file_seek(file, 0, 1) : (int64_t)load_relaxed(&file_inode(file)->size);
        if (base < 0)
            return (int)base;
    }
    int64_t start, end;
    if (add_overflows(base, l->start, &start))
        return -EOVERFLOW;
    if (l->len < 0) {
        end = start - 1;
        if (add_overflows(start, l->len, &start))
            return -EINVAL;
    } else if (add_overflows(start, l->len - 1, &end)) {
        return -EOVERFLOW;
    }
    if (start < 0)
        return -EINVAL;
    static const enum lock_type types[] = {LOCK_TYPE_READ, LOCK_TYPE_WRITE, LOCK_TYPE_UNLOCK};
    *range = (struct lock_range){
        .type = types[l->type],
        .start = (uint64_t)start,
        .end = l->len ? (uint64_t)end : UINT64_MAX,
        .pid = (int32_t)process_current()->id,
    };
    return 0;
}

static long test_lock(struct file *file, const void *owner, bool is_ofd, struct linux_flock *l, struct lock_range *range,
                      struct user *to)
{
    if (l->type == LOCK_UNLOCK_ABI)
        return -EINVAL;
    int err = vfs_test_lock(file, owner, is_ofd, range);
    if (err)
        return err;
    if (range->type == LOCK_TYPE_UNLOCK) {
        l->type = LOCK_UNLOCK_ABI;
    } else {
        l->type = range->type == LOCK_TYPE_READ ? LOCK_READ_ABI : LOCK_WRITE_ABI;
        l->whence = 0;
        l->start = (int64_t)range->start;
        l->len = range->end == UINT64_MAX ? 0 : (int64_t)(range->end - range->start + 1);
        l->pid = range->pid;
    }
    return copy_struct_to_user(to, l);
}

static long record_lock(struct file *file, unsigned command, struct user *argument)
{
    struct linux_flock l;
    struct lock_range range;
    bool is_ofd = command >= F_OFD_GETLK;
    if (copy_struct_from_user(&l, argument))
        return -EFAULT;
    if (!file_inode(file))
        return -EBADF;
    if (is_ofd && l.pid)
        return -EINVAL;
    int err = make_range(file, &l, &range);
    if (err)
        return err;
    const void *owner = is_ofd ? (const void *)file : process_current();
    if (is_ofd)
        range.pid = -1;
    if (command == F_GETLK || command == F_OFD_GETLK)
        return test_lock(file, owner, is_ofd, &l, &range, argument);
    if ((l.type == LOCK_READ_ABI && !file_is_readable(file)) || (l.type == LOCK_WRITE_ABI && !file_is_writable(file)))
        return -EBADF;
    return vfs_lock_range(file, owner, is_ofd, &range, command == F_SETLKW || command == F_OFD_SETLKW);
}

static void set_status_flags(struct file *file, uint32_t wanted)
{
    const uint32_t settable = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC;
    spin_lock(&file->flags_lock);
    store_relaxed(&file->flags, (file->flags & ~settable) | (wanted & settable));
    uint32_t flags = file->flags;
    spin_unlock(&file->flags_lock);
    if (file->ops->flags_changed)
        file->ops->flags_changed(file, flags);
}

static long duplicate_from(struct file *file, unsigned long lowest, bool close_on_exec)
{
    if (lowest >= process_current()->limits[LIMIT_NOFILE].soft)
        return -EINVAL;
    file_get(file);
    int fd = descriptor_install(process_current()->descriptors, file, (int)lowest, close_on_exec);
    if (fd < 0)
        file_put(file);
    return fd;
}

static long owner_ex(struct file *file, bool set, struct user *argument)
{
    struct {
        int32_t type, pid;
    } owner = {.type = file->owner_pid < 0 ? 2 : 1, .pid = file->owner_pid < 0 ? -file->owner_pid : file->owner_pid};
    if (!set)
        return copy_struct_to_user(argument, &owner);
    if (copy_struct_from_user(&owner, argument))
        return -EFAULT;
    if (owner.type < 0 || owner.type > 2)
        return -EINVAL;
    store_relaxed(&file->owner_pid, owner.type == 2 ? -owner.pid : owner.pid);
    return 0;
}

static long control_file(int fd, struct file *file, unsigned command, unsigned long argument)
{
    struct descriptor_table *table = process_current()->descriptors;
    switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        return duplicate_from(file, argument, command == F_DUPFD_CLOEXEC);
    case F_GETFD:
        return descriptor_get_flags(table, fd);
    case F_SETFD:
        return descriptor_set_flags(table, fd, argument & 1);
    case F_GETFL:
        return load_relaxed(&file->flags) & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC);
    }
    if (load_relaxed(&file->flags) & O_PATH)
        return -EBADF;
    switch (command) {
    case F_SETFL:
        set_status_flags(file, (uint32_t)argument);
        return 0;
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return record_lock(file, command, user_pointer(argument));
    case F_SETOWN:
        store_relaxed(&file->owner_pid, (int32_t)argument);
        return 0;
    case F_GETOWN:
        return load_relaxed(&file->owner_pid);
    case F_SETOWN_EX:
    case F_GETOWN_EX:
        return owner_ex(file, command == F_SETOWN_EX, user_pointer(argument));
    case F_SETSIG:
        return argument > 64 ? -EINVAL : 0;
    case F_GETSIG:
        return 0;
    case F_GETLEASE:
        return LOCK_UNLOCK_ABI;
    case F_SETPIPE_SZ:
        return pipe_set_size(file, argument);
    case F_GETPIPE_SZ:
        return pipe_get_size(file);
    case F_ADD_SEALS:
        return vfs_add_seals(file, (uint32_t)argument);
    case F_GET_SEALS:
        return vfs_get_seals(file);
    default:
        return -EINVAL;
    }
}

long sys_fcntl(int fd, int command, unsigned long argument)
{
    struct file *file = file_of_any(fd);
    if (!file)
        return -EBADF;
    long result = control_file(fd, file, (unsigned)command, argument);
    file_put(file);
    return result;
}

long sys_flock(int fd, int operation)
{
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    int err = vfs_flock(file, operation);
    file_put(file);
    return err;
}

enum generic_ioctl {
    FIONCLEX = 0x5450, FIOCLEX = 0x5451, FIONBIO = 0x5421, FIOASYNC = 0x5452, FIOQSIZE = 0x5460, FIONREAD = 0x541b, FIGETBSZ = 2,
};

static long set_flag(struct file *file, uint32_t flag, struct user *argument)
{
    int32_t on;
    if (copy_struct_from_user(&on, argument))
        return -EFAULT;
    uint32_t flags = load_relaxed(&file->flags);
    set_status_flags(file, on ? flags | flag : flags & ~flag);
    return 0;
}

/* FIONREAD on a regular file: what is left behind the position. */
static long bytes_left(struct file *file, struct user *argument)
{
    int64_t at = file_seek(file, 0, 1);
    int64_t left = (int64_t)load_relaxed(&file_inode(file)->size) - at;
    int32_t value = (int32_t)(left < INT32_MAX ? left : INT32_MAX);
    return copy_struct_to_user(argument, &value);
}

static long control_device(int fd, struct file *file, unsigned command, struct user *argument)
{
    int32_t block_size = PAGE_SIZE;
    bool is_regular = file_inode(file) && inode_is(file_inode(file), S_IFREG);
    switch (command) {
    case FIOCLEX:
    case FIONCLEX:
        return descriptor_set_flags(process_current()->descriptors, fd, command == FIOCLEX);
    case FIONBIO:
        return set_flag(file, O_NONBLOCK, argument);
    case FIOASYNC:
        return set_flag(file, FASYNC, argument);
    case FIGETBSZ:
        if (file_inode(file))
            return copy_struct_to_user(argument, &block_size);
        break;
    case FIONREAD:
        if (is_regular && !file->ops->ioctl)
            return bytes_left(file, argument);
        break;
    }
    return file->ops->ioctl ? file->ops->ioctl(file, command, argument) : -ENOTTY;
}

long sys_ioctl(int fd, unsigned command, struct user *argument)
{
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    long result = control_device(fd, file, command, argument);
    file_put(file);
    return result;
}
