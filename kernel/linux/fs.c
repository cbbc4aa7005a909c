/* Calls on names: open, making, removing and renaming, links, directories, attributes. */
#include <common/checked.h>
#include <linux/syscalls.h>
#include "paths.h"

enum { RESOLVE_KNOWN = 0x1f, OPEN_HOW_SIZE = 24 };

/* ---- open ---- */

static unsigned resolve_flags(uint64_t resolve)
{
    return (resolve & 1 ? LOOKUP_NO_XDEV : 0) | (resolve & 2 ? LOOKUP_NO_MAGIC : 0) |
           (resolve & 4 ? LOOKUP_NO_SYMLINKS | LOOKUP_NO_MAGIC : 0) | (resolve & 8 ? LOOKUP_BENEATH : 0) |
           (resolve & 16 ? LOOKUP_IN_ROOT : 0);
}

static long open_at(int directory, const struct user *path, unsigned flags, unsigned mode, unsigned resolve)
{
    struct path_string name;
    struct vfs_caller caller = caller_current();
    struct descriptor_table *table = process_current()->descriptors;
    struct dentry *base = NULL;
    struct file *file;
    int fd = -1;
    int err = path_copy(&name, path);
    if (!err)
        err = directory_of(directory, name.text, &base);
    if (!err) {
        fd = descriptor_reserve(table, 0, flags & O_CLOEXEC);
        err = fd < 0 ? fd : vfs_open(&caller, base, name.text, flags, mode, resolve, &file);
        if (!err)
            descriptor_fill(table, fd, file);
        else if (fd >= 0)
            descriptor_release(table, fd);
    }
    dentry_put(base);
    path_free(&name);
    return err ? err : fd;
}

long sys_openat(int directory, struct user *path, int flags, unsigned mode)
{
    return open_at(directory, path, (unsigned)flags | O_LARGEFILE, mode & 07777, 0);
}

long sys_open(struct user *path, int flags, unsigned mode)
{
    return sys_openat(AT_FDCWD, path, flags, mode);
}

long sys_creat(struct user *path, unsigned mode)
{
    return sys_openat(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* struct open_how may grow: what is behind the part we know must be zero (copy_struct_from_user of Linux). */
static int check_zero_tail(const struct user *from, size_t start, size_t size)
{
    for (; start < size; start += 8) {
        uint64_t word = 0;
        int err = copy_from_user(&word, user_offset(from, start), MIN(sizeof word, size - start));
        if (err || word)
            return err ? err : -E2BIG;
    }
    return 0;
}

long sys_openat2(int directory, struct user *path, struct user *how, size_t size)
{
    struct {
        uint64_t flags, mode, resolve;
    } h;
    if (size < OPEN_HOW_SIZE)
        return -EINVAL;
    if (size > PAGE_SIZE)
        return -E2BIG;
    int err = copy_struct_from_user(&h, how);
    if (!err)
        err = check_zero_tail(how, sizeof h, size);
    if (err)
        return err;
    const uint64_t known = O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC | O_DIRECT |
                           O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_PATH | O_TMPFILE | 020000;
    bool makes = h.flags & O_CREAT || (h.flags & O_TMPFILE) == O_TMPFILE;
    if (h.flags & ~known || h.resolve & ~(uint64_t)RESOLVE_KNOWN || (h.resolve & 24) == 24 || (makes ? h.mode & ~07777ull : h.mode))
        return -EINVAL;
    if (h.flags & O_PATH && h.flags & ~(uint64_t)(O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC))
        return -EINVAL;
    return open_at(directory, path, (unsigned)h.flags, (unsigned)h.mode, resolve_flags(h.resolve));
}

/* ---- one path ---- */

static int do_mkdir(const struct vfs_caller *caller, struct dentry *base, const char *path, uint64_t mode, uint64_t unused)
{
    return vfs_mkdir(caller, base, path, (uint32_t)mode);
}

long sys_mkdirat(int directory, struct user *path, unsigned mode)
{
    return with_path(directory, path, do_mkdir, mode & 07777, 0);
}

long sys_mkdir(struct user *path, unsigned mode)
{
    return sys_mkdirat(AT_FDCWD, path, mode);
}

static int do_mknod(const struct vfs_caller *caller, struct dentry *base, const char *path, uint64_t mode, uint64_t device)
{
    return vfs_mknod(caller, base, path, (uint32_t)mode, device);
}

long sys_mknodat(int directory, struct user *path, unsigned mode, unsigned long device)
{
    switch (mode & S_IFMT) {
    case 0:
    case S_IFREG:
    case S_IFIFO:
    case S_IFSOCK:
    case S_IFCHR:
    case S_IFBLK:
        return with_path(directory, path, do_mknod, mode, device);
    case S_IFDIR:
        return -EPERM;
    default:
        return -EINVAL;
    }
}

long sys_mknod(struct user *path, unsigned mode, unsigned long device)
{
    return sys_mknodat(AT_FDCWD, path, mode, device);
}

static int do_unlink(const struct vfs_caller *caller, struct dentry *base, const char *path, uint64_t is_directory, uint64_t unused)
{
    return is_directory ? vfs_rmdir(caller, base, path) : vfs_unlink(caller, base, path);
}

long sys_unlinkat(int directory, struct user *path, int flags)
{
    if (flags & ~AT_REMOVEDIR)
        return -EINVAL;
    return with_path(directory, path, do_unlink, !!(flags & AT_REMOVEDIR), 0);
}

long sys_unlink(struct user *path)
{
    return sys_unlinkat(AT_FDCWD, path, 0);
}

long sys_rmdir(struct user *path)
{
    return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* ---- two paths ---- */

struct two_paths {
    struct path_string old, new;
    struct dentry *old_base, *new_base;
};

static int two_paths_copy(struct two_paths *p, int old_directory, const struct user *old, int new_directory, const struct user *new)
{
    p->old_base = p->new_base = NULL;
    p->new.text = p->new.small;
    int err = path_copy(&p->old, old);
    if (!err)
        err = path_copy(&p->new, new);
    if (!err)
        err = directory_of(old_directory, p->old.text, &p->old_base);
    if (!err)
        err = directory_of(new_directory, p->new.text, &p->new_base);
    return err;
}

static void two_paths_free(struct two_paths *p)
{
    dentry_put(p->old_base);
    dentry_put(p->new_base);
    path_free(&p->old);
    path_free(&p->new);
}

long sys_renameat2(int old_directory, struct user *old_path, int new_directory, struct user *new_path, unsigned flags)
{
    struct two_paths p;
    struct vfs_caller caller = caller_current();
    if (flags & ~3u || flags == 3)
        return -EINVAL; /* RENAME_WHITEOUT: as a file system without it */
    int err = two_paths_copy(&p, old_directory, old_path, new_directory, new_path);
    if (!err)
        err = vfs_rename(&caller, p.old_base, p.old.text, p.new_base, p.new.text, flags);
    two_paths_free(&p);
    return err;
}

long sys_renameat(int old_directory, struct user *old_path, int new_directory, struct user *new_path)
{
    return sys_renameat2(old_directory, old_path, new_directory, new_path, 0);
}

long sys_rename(struct user *old_path, struct user *new_path)
{
    return sys_renameat2(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

long sys_linkat(int old_directory, struct user *old_path, int new_directory, struct user *new_path, int flags)
{
    struct two_paths p;
    struct vfs_caller caller = caller_current();
    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    unsigned lookup = (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
    int err = two_paths_copy(&p, old_directory, old_path, new_directory, new_path);
    if (!err)
        err = vfs_link(&caller, p.old_base, p.old.text, p.new_base, p.new.text, lookup);
    two_paths_free(&p);
    return err;
}

long sys_link(struct user *old_path, struct user *new_path)
{
    return sys_linkat(AT_FDCWD, old_path, AT_FDCWD, new_path, 0);
}

long sys_symlinkat(struct user *target, int directory, struct user *path)
{
    struct two_paths p;
    struct vfs_caller caller = caller_current();
    int err = two_paths_copy(&p, AT_FDCWD, target, directory, path);
    if (!err)
        err = p.old.text[0] ? vfs_symlink(&caller, p.old.text, p.new_base, p.new.text) : -ENOENT;
    two_paths_free(&p);
    return err;
}

long sys_symlink(struct user *target, struct user *path)
{
    return sys_symlinkat(target, AT_FDCWD, path);
}

long sys_readlinkat(int directory, struct user *path, struct user *buf, size_t size)
{
    struct path_string name;
    struct vfs_caller caller = caller_current();
    struct dentry *base = NULL;
    if ((ssize_t)size <= 0 || (int)size <= 0)
        return -EINVAL;
    char *target = kmalloc(VFS_PATH_MAX, ALLOC_WAIT);
    if (!target)
        return -ENOMEM;
    ssize_t len = path_copy(&name, path);
    if (!len)
        len = directory_of(directory, name.text, &base);
    if (!len)
        len = vfs_readlink(&caller, base, name.text, target, VFS_PATH_MAX);
    if (len > (ssize_t)size)
        len = (ssize_t)size;
    if (len > 0 && copy_to_user(buf, target, (size_t)len))
        len = -EFAULT;
    dentry_put(base);
    path_free(&name);
    kfree(target);
    return len;
}

long sys_readlink(struct user *path, struct user *buf, size_t size)
{
    return sys_readlinkat(AT_FDCWD, path, buf, size);
}

/* ---- working directory and root ---- */

static long change_directory(const struct user *path, int (*change)(const struct vfs_caller *, struct dentry *))
{
    struct vfs_caller caller = caller_current();
    struct dentry *dentry;
    int err = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &dentry);
    if (err)
        return err;
    err = change(&caller, dentry);
    dentry_put(dentry);
    return err;
}

long sys_chdir(struct user *path)
{
    return change_directory(path, vfs_chdir);
}

long sys_chroot(struct user *path)
{
    return change_directory(path, vfs_chroot);
}

long sys_fchdir(int fd)
{
    struct vfs_caller caller = caller_current();
    struct file *file = file_of_any(fd);
    if (!file)
        return -EBADF;
    int err = file_dentry(file) ? vfs_chdir(&caller, file_dentry(file)) : -ENOTDIR;
    file_put(file);
    return err;
}

long sys_getcwd(struct user *buf, size_t size)
{
    struct fs_context *context = process_current()->fs;
    char *path = kmalloc(VFS_PATH_MAX, ALLOC_WAIT);
    if (!path)
        return -ENOMEM;
    struct dentry *root = fs_context_root(context), *directory = fs_context_cwd(context);
    bool is_removed = !load_relaxed(&dentry_inode(directory)->link_count);
    ssize_t len = is_removed ? -ENOENT : vfs_dentry_path(directory, root, path, VFS_PATH_MAX);
    dentry_put(directory);
    dentry_put(root);
    if (len >= 0 && (size_t)len + 1 > size)
        len = -ERANGE;
    if (len >= 0)
        len = copy_to_user(buf, path, (size_t)len + 1) ? -EFAULT : len + 1;
    kfree(path);
    return len;
}

long sys_umask(unsigned mask)
{
    return fs_context_set_umask(process_current()->fs, mask & 0777);
}

/* ---- mounts belong to the machine's configuration ---- */

long sys_mount(struct user *source, struct user *target, struct user *type, unsigned long flags, struct user *data)
{
    return -EPERM;
}

long sys_umount2(struct user *target, int flags)
{
    return -EPERM;
}

long sys_pivot_root(struct user *new_root, struct user *put_old)
{
    return -EPERM;
}

long sys_swapon(struct user *path, int flags)
{
    return -EPERM;
}

long sys_swapoff(struct user *path)
{
    return -EPERM;
}

long sys_acct(struct user *path)
{
    return -EPERM;
}
