/* Identity, path strings and descriptors of the calling thread; see paths.h. */
#include "paths.h"

enum { CAPABILITY_DAC_OVERRIDE = 1 };

static struct vfs_caller make_caller(uint32_t uid, uint32_t gid)
{
    struct process *process = process_current();
    const struct credentials *c = &process->credentials;
    return (struct vfs_caller){
        .fs = process->fs,
        .uid = uid,
        .gid = gid,
        .groups = c->groups,
        .group_count = load_relaxed(&c->group_count),
        .is_privileged = load_relaxed(&c->capabilities_effective) >> CAPABILITY_DAC_OVERRIDE & 1,
    };
}

struct vfs_caller caller_current(void)
{
    const struct credentials *c = &process_current()->credentials;
    return make_caller(load_relaxed(&c->fsuid), load_relaxed(&c->fsgid));
}

struct vfs_caller caller_real(void)
{
    const struct credentials *c = &process_current()->credentials;
    struct vfs_caller caller = make_caller(load_relaxed(&c->uid), load_relaxed(&c->gid));
    caller.is_privileged = caller.uid == 0 && load_relaxed(&c->capabilities_permitted) >> CAPABILITY_DAC_OVERRIDE & 1;
    return caller;
}

int path_copy(struct path_string *path, const struct user *from)
{
    path->text = path->small;
    path->small[0] = '\0';
    ssize_t len = copy_string_from_user(path->small, from, sizeof path->small);
    if (len != -ENAMETOOLONG)
        return len < 0 ? (int)len : 0;
    path->text = kmalloc(VFS_PATH_MAX, ALLOC_WAIT);
    if (!path->text) {
        path->text = path->small;
        return -ENOMEM;
    }
    len = copy_string_from_user(path->text, from, VFS_PATH_MAX);
    return len < 0 ? (int)len : 0;
}

void path_free(struct path_string *path)
{
    if (path->text != path->small)
        kfree(path->text);
}

ssize_t file_transfer_kernel(struct file *file, const void *buffer, size_t n, int64_t offset, bool is_write)
{
    struct io_vector io;
    struct io_segment segment;
    io_vector_kernel(&io, &segment, buffer, n);
    return is_write ? file_write(file, &io, offset) : file_read(file, &io, offset);
}

int directory_of(int fd, const char *path, struct dentry **out)
{
    *out = NULL;
    if (fd == AT_FDCWD || path[0] == '/')
        return 0;
    struct file *file = file_of_any(fd);
    if (!file)
        return -EBADF;
    struct dentry *dentry = file_dentry(file);
    if (dentry)
        dentry_get(dentry);
    file_put(file);
    *out = dentry;
    return dentry ? 0 : -ENOTDIR;
}

int with_path(int directory, const struct user *path, path_action *action, uint64_t a, uint64_t b)
{
    struct path_string name;
    struct vfs_caller caller = caller_current();
    struct dentry *base = NULL;
    int err = path_copy(&name, path);
    if (!err)
        err = directory_of(directory, name.text, &base);
    if (!err)
        err = action(&caller, base, name.text, a, b);
    dentry_put(base);
    path_free(&name);
    return err;
}

static int look_up(const struct vfs_caller *caller, struct dentry *base, const char *path, uint64_t flags, uint64_t out)
{
    return vfs_lookup(caller, base, path, (unsigned)flags, (struct dentry **)(uintptr_t)out);
}

int path_lookup(int directory, const struct user *path, unsigned flags, struct dentry **out)
{
    return with_path(directory, path, look_up, flags, (uintptr_t)out);
}
