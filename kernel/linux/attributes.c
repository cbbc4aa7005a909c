/* Attributes by path or descriptor: access, modes, owners, times, lengths, extended attributes. */
#include <base/string.h>
#include <common/checked.h>
#include <linux/syscalls.h>
#include "paths.h"

enum { XATTR_VALUE_MAX = 65536, XATTR_NAME_MAX = 255 };
#define UTIME_NOW  0x3fffffff
#define UTIME_OMIT 0x3ffffffe

/* ---- access ---- */

static long access_at(int directory, const struct user *path, int mode, int flags)
{
    if (mode & ~7 || flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    struct vfs_caller caller = flags & AT_EACCESS ? caller_current() : caller_real();
    struct path_string name;
    struct dentry *base = NULL, *dentry = NULL;
    unsigned lookup = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
    int err = path_copy(&name, path);
    if (!err)
        err = directory_of(directory, name.text, &base);
    if (!err)
        err = vfs_lookup(&caller, base, name.text, lookup, &dentry);
    if (!err && mode) {
        struct inode *inode = dentry_inode(dentry);
        err = vfs_permission(&caller, inode, (unsigned)mode);
        bool is_special = inode_is(inode, S_IFCHR) || inode_is(inode, S_IFBLK) || inode_is(inode, S_IFIFO) || inode_is(inode, S_IFSOCK);
        if (!err && mode & MAY_WRITE && inode->fs->is_read_only && !is_special)
            err = -EROFS;
    }
    dentry_put(dentry);
    dentry_put(base);
    path_free(&name);
    return err;
}

long sys_faccessat2(int directory, struct user *path, int mode, int flags)
{
    return access_at(directory, path, mode, flags);
}

long sys_faccessat(int directory, struct user *path, int mode)
{
    return access_at(directory, path, mode, 0);
}

long sys_access(struct user *path, int mode)
{
    return access_at(AT_FDCWD, path, mode, 0);
}

/* ---- one change, by path or descriptor ---- */

static int change_path(int directory, const struct user *path, unsigned lookup, const struct vfs_change *change)
{
    struct vfs_caller caller = caller_current();
    struct dentry *dentry;
    int err = path_lookup(directory, path, lookup, &dentry);
    if (err)
        return err;
    err = vfs_set_attributes(&caller, dentry, dentry_inode(dentry), change);
    dentry_put(dentry);
    return err;
}

static int change_file(struct file *file, const struct vfs_change *change)
{
    struct vfs_caller caller = caller_current();
    if (!file)
        return -EBADF;
    int err = 0; /* sockets and pipes take owners and modes, and forget them */
    if (file_inode(file))
        err = vfs_set_attributes(&caller, file_dentry(file), file_inode(file), change);
    file_put(file);
    return err;
}

long sys_fchmodat(int directory, struct user *path, unsigned mode)
{
    struct vfs_change change = {.what = CHANGE_MODE, .mode = mode & 07777};
    return change_path(directory, path, LOOKUP_FOLLOW, &change);
}

long sys_chmod(struct user *path, unsigned mode)
{
    return sys_fchmodat(AT_FDCWD, path, mode);
}

long sys_fchmod(int fd, unsigned mode)
{
    struct vfs_change change = {.what = CHANGE_MODE, .mode = mode & 07777};
    return change_file(file_of(fd), &change);
}

static struct vfs_change owner_change(unsigned uid, unsigned gid)
{
    return (struct vfs_change){
        .what = (uid != UINT32_MAX ? CHANGE_UID : 0) | (gid != UINT32_MAX ? CHANGE_GID : 0),
        .uid = uid,
        .gid = gid,
    };
}

long sys_fchown(int fd, unsigned uid, unsigned gid)
{
    struct vfs_change change = owner_change(uid, gid);
    return change_file(file_of(fd), &change);
}

long sys_fchownat(int directory, struct user *path, unsigned uid, unsigned gid, int flags)
{
    struct vfs_change change = owner_change(uid, gid);
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    char first = 0;
    if (flags & AT_EMPTY_PATH && directory != AT_FDCWD && !copy_from_user(&first, path, 1) && !first)
        return change_file(file_of_any(directory), &change);
    unsigned lookup = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
    return change_path(directory, path, lookup, &change);
}

long sys_chown(struct user *path, unsigned uid, unsigned gid)
{
    return sys_fchownat(AT_FDCWD, path, uid, gid, 0);
}

long sys_lchown(struct user *path, unsigned uid, unsigned gid)
{
    return sys_fchownat(AT_FDCWD, path, uid, gid, AT_SYMLINK_NOFOLLOW);
}

/* ---- times ---- */

/* Seconds and a fraction of 1/per, from a hostile program, as ns since 1970; false when it does not fit. */
static bool make_ns(int64_t seconds, int64_t fraction, int64_t per, int64_t *ns)
{
    return fraction >= 0 && fraction < per && !multiply_overflows(seconds, NS_PER_SECOND, ns) &&
           !add_overflows(*ns, fraction * (NS_PER_SECOND / per), ns);
}

static long set_times(int directory, const struct user *path, int flags, const struct vfs_change *change)
{
    if (!path) /* futimens: the descriptor itself */
        return directory == AT_FDCWD ? -EFAULT : change_file(file_of(directory), change);
    unsigned lookup = (flags & AT_SYMLINK_NOFOLLOW ? 0 : LOOKUP_FOLLOW) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
    return change_path(directory, path, lookup, change);
}

static const struct vfs_change times_now = {.what = CHANGE_ATIME | CHANGE_MTIME | CHANGE_TIMES_NOW};

long sys_utimensat(int directory, struct user *path, struct user *times, int flags)
{
    struct {
        int64_t seconds, nanoseconds;
    } t[2];
    struct vfs_change change = {0};
    if (flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) || (!path && flags))
        return -EINVAL;
    if (!times)
        return set_times(directory, path, flags, &times_now);
    if (copy_from_user(t, times, sizeof t))
        return -EFAULT;
    int64_t now = vfs_now_ns(), *const ns[2] = {&change.access_ns, &change.modify_ns};
    if (t[0].nanoseconds == UTIME_NOW && t[1].nanoseconds == UTIME_NOW)
        return set_times(directory, path, flags, &times_now);
    for (int i = 0; i < 2; i++) {
        if (t[i].nanoseconds == UTIME_OMIT)
            continue;
        change.what |= i ? CHANGE_MTIME : CHANGE_ATIME;
        if (t[i].nanoseconds == UTIME_NOW)
            *ns[i] = now;
        else if (!make_ns(t[i].seconds, t[i].nanoseconds, NS_PER_SECOND, ns[i]))
            return -EINVAL;
    }
    return change.what ? set_times(directory, path, flags, &change) : 0;
}

static long set_times_us(int directory, const struct user *path, const struct user *times)
{
    struct {
        int64_t seconds, microseconds;
    } t[2];
    struct vfs_change change = {.what = CHANGE_ATIME | CHANGE_MTIME};
    if (!times)
        return set_times(directory, path, 0, &times_now);
    if (copy_from_user(t, times, sizeof t))
        return -EFAULT;
    if (!make_ns(t[0].seconds, t[0].microseconds, 1000000, &change.access_ns) ||
        !make_ns(t[1].seconds, t[1].microseconds, 1000000, &change.modify_ns))
        return -EINVAL;
    return set_times(directory, path, 0, &change);
}

long sys_futimesat(int directory, struct user *path, struct user *times)
{
    return set_times_us(directory, path, times);
}

long sys_utimes(struct user *path, struct user *times)
{
    return path ? set_times_us(AT_FDCWD, path, times) : -EFAULT;
}

long sys_utime(struct user *path, struct user *times)
{
    int64_t t[2];
    struct vfs_change change = {.what = CHANGE_ATIME | CHANGE_MTIME};
    if (!path)
        return -EFAULT;
    if (!times)
        return set_times(AT_FDCWD, path, 0, &times_now);
    if (copy_from_user(t, times, sizeof t))
        return -EFAULT;
    if (!make_ns(t[0], 0, 1, &change.access_ns) || !make_ns(t[1], 0, 1, &change.modify_ns))
        return -EINVAL;
    return set_times(AT_FDCWD, path, 0, &change);
}

/* ---- length ---- */

long sys_truncate(struct user *path, long len)
{
    struct vfs_caller caller = caller_current();
    struct dentry *dentry;
    if (len < 0)
        return -EINVAL;
    int err = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &dentry);
    if (err)
        return err;
    struct inode *inode = dentry_inode(dentry);
    if (inode_is(inode, S_IFDIR))
        err = -EISDIR;
    else if (!inode_is(inode, S_IFREG))
        err = -EINVAL;
    if (!err)
        err = vfs_permission(&caller, inode, MAY_WRITE);
    if (!err)
        err = vfs_truncate(inode, (uint64_t)len);
    dentry_put(dentry);
    return err;
}

long sys_ftruncate(int fd, long len)
{
    if (len < 0)
        return -EINVAL;
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    int err = file_inode(file) ? vfs_truncate_file(file, (uint64_t)len) : -EINVAL;
    file_put(file);
    return err;
}

/* ---- extended attributes ---- */

struct xattr_target { /* what a call is about: the inode, kept alive by one of the two */
    struct dentry *dentry;
    struct file *file;
    struct inode *inode;
    char name[XATTR_NAME_MAX + 1];
};

static void xattr_target_put(struct xattr_target *t)
{
    if (t->dentry)
        dentry_put(t->dentry);
    if (t->file)
        file_put(t->file);
}

static int copy_xattr_name(char name[XATTR_NAME_MAX + 1], const struct user *from)
{
    ssize_t len = copy_string_from_user(name, from, XATTR_NAME_MAX + 1);
    if (len == -ENAMETOOLONG || len == 0)
        return -ERANGE;
    return len < 0 ? (int)len : 0;
}

static int xattr_by_path(struct xattr_target *t, const struct user *path, unsigned lookup, const struct user *name)
{
    t->dentry = NULL;
    t->file = NULL;
    int err = name ? copy_xattr_name(t->name, name) : 0;
    if (!err)
        err = path_lookup(AT_FDCWD, path, lookup, &t->dentry);
    if (!err)
        t->inode = dentry_inode(t->dentry);
    return err;
}

static int xattr_by_fd(struct xattr_target *t, int fd, const struct user *name)
{
    t->dentry = NULL;
    t->file = NULL;
    int err = name ? copy_xattr_name(t->name, name) : 0;
    if (err)
        return err;
    t->file = file_of(fd);
    if (!t->file)
        return -EBADF;
    t->inode = file_inode(t->file);
    return t->inode ? 0 : -EOPNOTSUPP;
}

static long set_xattr(struct xattr_target *t, int err, const struct user *value, size_t size, int flags)
{
    struct vfs_caller caller = caller_current();
    char *bytes = NULL;
    if (!err && flags & ~3)
        err = -EINVAL;
    if (!err && size > XATTR_VALUE_MAX)
        err = -E2BIG;
    if (!err && !(bytes = kmalloc(size + 1, ALLOC_WAIT)))
        err = -ENOMEM;
    if (!err)
        err = copy_from_user(bytes, value, size);
    if (!err)
        err = vfs_set_xattr(&caller, t->inode, t->name, bytes, size, flags);
    kfree(bytes);
    xattr_target_put(t);
    return err;
}

/* Value or list into the program's buffer; size 0 asks how long it is. */
static long get_xattr(struct xattr_target *t, int err, struct user *to, size_t size, bool is_list)
{
    struct vfs_caller caller = caller_current();
    char *bytes = NULL;
    ssize_t len = err;
    size = MIN(size, (size_t)XATTR_VALUE_MAX);
    if (!len && size && !(bytes = kmalloc(size, ALLOC_WAIT)))
        len = -ENOMEM;
    if (!len)
        len = is_list ? vfs_list_xattr(t->inode, bytes, size) : vfs_get_xattr(&caller, t->inode, t->name, bytes, size);
    if (len > 0 && size && copy_to_user(to, bytes, (size_t)len))
        len = -EFAULT;
    kfree(bytes);
    xattr_target_put(t);
    return len;
}

static long remove_xattr(struct xattr_target *t, int err)
{
    struct vfs_caller caller = caller_current();
    if (!err)
        err = vfs_remove_xattr(&caller, t->inode, t->name);
    xattr_target_put(t);
    return err;
}

long sys_setxattr(struct user *path, struct user *name, struct user *value, size_t size, int flags)
{
    struct xattr_target t;
    return set_xattr(&t, xattr_by_path(&t, path, LOOKUP_FOLLOW, name), value, size, flags);
}

long sys_lsetxattr(struct user *path, struct user *name, struct user *value, size_t size, int flags)
{
    struct xattr_target t;
    return set_xattr(&t, xattr_by_path(&t, path, 0, name), value, size, flags);
}

long sys_fsetxattr(int fd, struct user *name, struct user *value, size_t size, int flags)
{
    struct xattr_target t;
    return set_xattr(&t, xattr_by_fd(&t, fd, name), value, size, flags);
}

long sys_getxattr(struct user *path, struct user *name, struct user *value, size_t size)
{
    struct xattr_target t;
    return get_xattr(&t, xattr_by_path(&t, path, LOOKUP_FOLLOW, name), value, size, false);
}

long sys_lgetxattr(struct user *path, struct user *name, struct user *value, size_t size)
{
    struct xattr_target t;
    return get_xattr(&t, xattr_by_path(&t, path, 0, name), value, size, false);
}

long sys_fgetxattr(int fd, struct user *name, struct user *value, size_t size)
{
    struct xattr_target t;
    return get_xattr(&t, xattr_by_fd(&t, fd, name), value, size, false);
}

long sys_listxattr(struct user *path, struct user *list, size_t size)
{
    struct xattr_target t;
    return get_xattr(&t, xattr_by_path(&t, path, LOOKUP_FOLLOW, NULL), list, size, true);
}

long sys_llistxattr(struct user *path, struct user *list, size_t size)
{
    struct xattr_target t;
    return get_xattr(&t, xattr_by_path(&t, path, 0, NULL), list, size, true);
}

long sys_flistxattr(int fd, struct user *list, size_t size)
{
    struct xattr_target t;
    return get_xattr(&t, xattr_by_fd(&t, fd, NULL), list, size, true);
}

long sys_removexattr(struct user *path, struct user *name)
{
    struct xattr_target t;
    return remove_xattr(&t, xattr_by_path(&t, path, LOOKUP_FOLLOW, name));
}

long sys_lremovexattr(struct user *path, struct user *name)
{
    struct xattr_target t;
    return remove_xattr(&t, xattr_by_path(&t, path, 0, name));
}

long sys_fremovexattr(int fd, struct user *name)
{
    struct xattr_target t;
    return remove_xattr(&t, xattr_by_fd(&t, fd, name));
}
