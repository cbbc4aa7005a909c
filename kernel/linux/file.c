/* Calls on open files: reading and writing, positions, duplicates, fcntl and the generic ioctls, syncing. */
#include <common/checked.h>
#include <linux/syscalls.h>
#include <vfs/locks.h>
#include <vfs/notify.h>
#include "paths.h"
#include "vector.h"

enum { SIGPIPE = 13 };

/* A write to a pipe or socket nobody reads: the signal comes with the error. */
static ssize_t finish_write(ssize_t done)
{
    if (done == -EPIPE)
        signal_send_task(task_current(), SIGPIPE, NULL);
    return done;
}

static ssize_t transfer(int fd, struct io_vector *io, int64_t offset, bool is_write)
{
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    ssize_t done = is_write ? file_write(file, io, offset) : file_read(file, io, offset);
    file_put(file);
    return is_write ? finish_write(done) : done;
}

static ssize_t transfer_one(int fd, const struct user *buf, size_t len, int64_t offset, bool is_write)
{
    struct io_vector io;
    struct io_segment segment;
    if (user_address(buf) + len < user_address(buf) || (len && user_address(buf) + len > USER_ADDRESS_MAX)) {
        struct file *file = file_of(fd); /* a bad descriptor is told before a bad buffer */
        if (!file)
            return -EBADF;
        file_put(file);
        return -EFAULT;
    }
    io_vector_user(&io, &segment, buf, MIN(len, (size_t)IO_MAX));
    return transfer(fd, &io, offset, is_write);
}

long sys_read(int fd, struct user *buf, size_t len)
{
    return transfer_one(fd, buf, len, -1, false);
}

long sys_write(int fd, struct user *buf, size_t len)
{
    return transfer_one(fd, buf, len, -1, true);
}

long sys_pread64(int fd, struct user *buf, size_t len, long offset)
{
    return offset < 0 ? -EINVAL : transfer_one(fd, buf, len, offset, false);
}

long sys_pwrite64(int fd, struct user *buf, size_t len, long offset)
{
    return offset < 0 ? -EINVAL : transfer_one(fd, buf, len, offset, true);
}

/* ---- vectors ---- */

static long transfer_vector(int fd, const struct user *vector, int count, int64_t offset, bool is_write)
{
    struct user_vector v;
    ssize_t done = vector_copy(&v, vector, count);
    if (!done)
        done = transfer(fd, &v.io, offset, is_write);
    vector_free(&v);
    return done;
}

long sys_readv(int fd, struct user *vector, int count)
{
    return transfer_vector(fd, vector, count, -1, false);
}

long sys_writev(int fd, struct user *vector, int count)
{
    return transfer_vector(fd, vector, count, -1, true);
}

long sys_preadv(int fd, struct user *vector, int count, unsigned long offset_low, unsigned long offset_high)
{
    return (long)offset_low < 0 ? -EINVAL : transfer_vector(fd, vector, count, (int64_t)offset_low, false);
}

long sys_pwritev(int fd, struct user *vector, int count, unsigned long offset_low, unsigned long offset_high)
{
    return (long)offset_low < 0 ? -EINVAL : transfer_vector(fd, vector, count, (int64_t)offset_low, true);
}

/* RWF_HIPRI 1, DSYNC 2, SYNC 4 ask for nothing that memory does not do; NOWAIT 8 and APPEND 16 change what happens. */
static long transfer_vector2(int fd, const struct user *vector, int count, long offset, int flags, bool is_write)
{
    if (flags & ~7)
        return -EOPNOTSUPP;
    if (offset < -1)
        return -EINVAL;
    return transfer_vector(fd, vector, count, offset, is_write);
}

long sys_preadv2(int fd, struct user *vector, int count, unsigned long offset_low, unsigned long offset_high, int flags)
{
    return transfer_vector2(fd, vector, count, (long)offset_low, flags, false);
}

long sys_pwritev2(int fd, struct user *vector, int count, unsigned long offset_low, unsigned long offset_high, int flags)
{
    return transfer_vector2(fd, vector, count, (long)offset_low, flags, true);
}

long sys_lseek(int fd, long offset, int whence)
{
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    int64_t at = file_seek(file, offset, whence);
    file_put(file);
    return at;
}

/* ---- descriptors ---- */

long sys_close(int fd)
{
    return descriptor_close(process_current()->descriptors, fd);
}

long sys_close_range(unsigned first, unsigned last, unsigned flags)
{
    if (flags & ~6u || first > last)
        return -EINVAL;
    if (flags & 2) { /* CLOSE_RANGE_UNSHARE */
        long err = sys_unshare(0x400 /* CLONE_FILES */);
        if (err)
            return err;
    }
    return descriptor_close_range(process_current()->descriptors, first, last, flags & 4);
}

static long duplicate(int fd, int lowest, bool close_on_exec)
{
    struct file *file = file_of_any(fd);
    if (!file)
        return -EBADF;
    int new_fd = descriptor_install(process_current()->descriptors, file, lowest, close_on_exec);
    if (new_fd < 0)
        file_put(file);
    return new_fd;
}

long sys_dup(int fd)
{
    return duplicate(fd, 0, false);
}

static long duplicate_to(int old_fd, int new_fd, bool close_on_exec)
{
    struct file *file = file_of_any(old_fd);
    if (!file)
        return -EBADF;
    int result = descriptor_replace(process_current()->descriptors, new_fd, file, close_on_exec);
    if (result < 0)
        file_put(file);
    return result;
}

long sys_dup2(int old_fd, int new_fd)
{
    if (old_fd != new_fd)
        return duplicate_to(old_fd, new_fd, false);
    struct file *file = file_of_any(old_fd);
    if (!file)
        return -EBADF;
    file_put(file);
    return new_fd;
}

long sys_dup3(int old_fd, int new_fd, int flags)
{
    if (flags & ~(int)O_CLOEXEC || old_fd == new_fd)
        return -EINVAL;
    return duplicate_to(old_fd, new_fd, flags);
}

/* ---- syncing, space, advice ---- */

static long sync_file(int fd, bool data_only)
{
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    int err = file->ops->sync ? file->ops->sync(file, data_only) : -EINVAL;
    file_put(file);
    return err;
}

long sys_fsync(int fd)
{
    return sync_file(fd, false);
}

long sys_fdatasync(int fd)
{
    return sync_file(fd, true);
}

long sys_sync(void)
{
    vfs_sync_all();
    return 0;
}

long sys_syncfs(int fd)
{
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    file_put(file);
    return vfs_sync_all();
}

long sys_sync_file_range(int fd, long offset, long len, unsigned flags)
{
    if (flags & ~7u || offset < 0 || len < 0 || offset + (unsigned long)len > INT64_MAX)
        return -EINVAL;
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    struct inode *inode = file_inode(file);
    int err = -ESPIPE;
    if (inode && (inode_is(inode, S_IFREG) || inode_is(inode, S_IFDIR) || inode_is(inode, S_IFBLK)))
        err = file->ops->sync ? file->ops->sync(file, true) : 0;
    file_put(file);
    return err;
}

long sys_fallocate(int fd, int mode, long offset, long len)
{
    if (offset < 0 || len <= 0)
        return -EINVAL;
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    int err = -ESPIPE;
    if (offset > INT64_MAX - len)
        err = -EFBIG;
    else if (!file_is_writable(file))
        err = -EBADF;
    else if (file_inode(file))
        err = vfs_fallocate(file, (unsigned)mode, (uint64_t)offset, (uint64_t)len);
    file_put(file);
    return err;
}

static long advise(int fd, long offset, size_t len, int advice)
{
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    int err = -ESPIPE;
    struct inode *inode = file_inode(file);
    if (inode && !inode_is(inode, S_IFIFO))
        err = (ssize_t)len < 0 || advice < 0 || advice > 5 ? -EINVAL : vfs_advise(file, (uint64_t)offset, len, advice);
    file_put(file);
    return err;
}

long sys_fadvise64(int fd, long offset, size_t len, int advice)
{
    return advise(fd, offset, len, advice);
}

long sys_readahead(int fd, long offset, size_t count)
{
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    bool is_regular = file_inode(file) && inode_is(file_inode(file), S_IFREG), can_read = file_is_readable(file);
    file_put(file);
    if (!can_read)
        return -EBADF;
    return is_regular ? advise(fd, offset, count, 3 /* POSIX_FADV_WILLNEED */) : -EINVAL;
}

long sys_memfd_create(struct user *name, unsigned flags)
{
    char text[250];
    struct file *file;
    if (flags & ~0x1fu) /* CLOEXEC 1, ALLOW_SEALING 2, HUGETLB 4, NOEXEC_SEAL 8, EXEC 16 */
        return -EINVAL;
    if (flags & 4)
        return -ENODEV; /* there is no pool of huge pages */
    ssize_t len = copy_string_from_user(text, name, sizeof text);
    if (len < 0)
        return len == -ENAMETOOLONG ? -EINVAL : len;
    int err = vfs_open_anonymous(text, 0, flags & (2 | 8), &file);
    if (err)
        return err;
    int fd = descriptor_install(process_current()->descriptors, file, 0, flags & 1);
    if (fd < 0)
        file_put(file);
    return fd;
}

/* ---- directories and watches ---- */

static long get_entries(int fd, struct user *buf, unsigned size, bool is_old)
{
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    ssize_t len = vfs_getdents(file, buf, size, is_old);
    file_put(file);
    return len;
}

long sys_getdents64(int fd, struct user *buf, unsigned size)
{
    return get_entries(fd, buf, size, false);
}

long sys_getdents(int fd, struct user *buf, unsigned size)
{
    return get_entries(fd, buf, size, true);
}

long sys_inotify_init1(int flags)
{
    struct file *file;
    if (flags & ~(int)(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    int err = inotify_create((unsigned)flags & O_NONBLOCK, &file);
    if (err)
        return err;
    int fd = descriptor_install(process_current()->descriptors, file, 0, flags & (int)O_CLOEXEC);
    if (fd < 0)
        file_put(file);
    return fd;
}

long sys_inotify_init(void)
{
    return sys_inotify_init1(0);
}

long sys_inotify_add_watch(int fd, struct user *path, unsigned mask)
{
    struct vfs_caller caller = caller_current();
    struct dentry *dentry;
    unsigned lookup = (mask & IN_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW) | (mask & IN_ONLYDIR ? LOOKUP_DIRECTORY : 0);
    if (!(mask & (0xfff | IN_UNMOUNT | IN_Q_OVERFLOW | IN_IGNORED)))
        return -EINVAL;
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    int result = path_lookup(AT_FDCWD, path, lookup, &dentry);
    if (!result) {
        result = vfs_permission(&caller, dentry_inode(dentry), MAY_READ);
        if (!result)
            result = inotify_add(file, dentry_inode(dentry), mask);
        dentry_put(dentry);
    }
    file_put(file);
    return result;
}

long sys_inotify_rm_watch(int fd, int watch)
{
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    int err = inotify_remove(file, watch);
    file_put(file);
    return err;
}
