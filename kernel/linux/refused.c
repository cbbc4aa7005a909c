/* Calls that make no sense for the one program of a machine: what Linux answers an unprivileged one. */
#include <base/errno.h>
#include <linux/syscalls.h>
#include "paths.h"

long sys_ptrace(long request, long pid, unsigned long address, unsigned long data)
{
    return -EPERM;
}

long sys_seccomp(unsigned operation, unsigned flags, struct user *arguments)
{
    return -EINVAL;
}

long sys_bpf(int command, struct user *attributes, unsigned size)
{
    return -EPERM;
}

long sys_perf_event_open(struct user *attributes, int pid, int cpu, int group, unsigned long flags)
{
    return -EACCES;
}

long sys_userfaultfd(int flags)
{
    return -EPERM;
}

long sys_vhangup(void)
{
    return -EPERM;
}

/* Ports are the kernel's. */
long sys_iopl(unsigned level)
{
    return level > 3 ? -EINVAL : level ? -EPERM : 0;
}

long sys_ioperm(unsigned long first, unsigned long count, int turn_on)
{
    if (first + count <= first || first + count > 65536)
        return -EINVAL;
    return turn_on ? -EPERM : 0;
}

/* ---- another kernel, or more of one ---- */

long sys_init_module(struct user *image, unsigned long len, struct user *parameters)
{
    return -EPERM;
}

long sys_finit_module(int fd, struct user *parameters, int flags)
{
    return -EPERM;
}

long sys_delete_module(struct user *name, unsigned flags)
{
    return -EPERM;
}

long sys_kexec_load(unsigned long entry, unsigned long count, struct user *segments, unsigned long flags)
{
    return -EPERM;
}

long sys_kexec_file_load(int kernel, int initrd, unsigned long len, struct user *line, unsigned long flags)
{
    return -EPERM;
}

/* ---- namespaces and mounts ---- */

long sys_setns(int fd, int type)
{
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    file_put(file);
    return -EPERM;
}

long sys_open_tree(int directory, struct user *path, unsigned flags)
{
    return -EPERM;
}

long sys_move_mount(int from, struct user *from_path, int to, struct user *to_path, unsigned flags)
{
    return -EPERM;
}

long sys_fsopen(struct user *name, unsigned flags)
{
    return -EPERM;
}

long sys_fsconfig(int fd, unsigned command, struct user *key, struct user *value, int auxiliary)
{
    struct file *file = fd < 0 ? NULL : file_of(fd);
    if (!file)
        return fd < 0 ? -EINVAL : -EBADF;
    file_put(file);
    return -EINVAL;
}

long sys_fsmount(int fd, unsigned flags, unsigned attributes)
{
    return -EPERM;
}

long sys_fspick(int directory, struct user *path, unsigned flags)
{
    return -EPERM;
}

long sys_mount_setattr(int directory, struct user *path, unsigned flags, struct user *attributes, size_t size)
{
    return -EPERM;
}

/* ---- files by handle, files' events of a whole file system ---- */

long sys_fanotify_init(unsigned flags, unsigned event_flags)
{
    return -EPERM;
}

long sys_fanotify_mark(int fd, unsigned flags, uint64_t mask, int directory, struct user *path)
{
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    file_put(file);
    return -EINVAL;
}

long sys_name_to_handle_at(int directory, struct user *path, struct user *handle, struct user *mount, int flags)
{
    struct dentry *dentry;
    if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
        return -EINVAL;
    unsigned lookup = (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) | (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
    int err = path_lookup(directory, path, lookup, &dentry);
    if (err)
        return err;
    dentry_put(dentry);
    return -EOPNOTSUPP;
}

long sys_open_by_handle_at(int mount, struct user *handle, int flags)
{
    return -EPERM;
}
