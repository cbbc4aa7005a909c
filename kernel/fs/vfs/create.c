/* Making names: directories, nodes, symlinks, links. */
#include <base/string.h>
#include <vfs/notify.h>
#include "names.h"

typedef int make_function(struct walk *walk, const void *argument, struct inode **out);

struct node_argument {
    uint32_t mode;
    uint64_t device;
};

static int refusal(const struct inode *directory)
{
    return directory->fs->is_read_only ? -EROFS : -EPERM;
}

static int make_directory(struct walk *walk, const void *argument, struct inode **out)
{
    struct inode *directory = walk->at->inode;
    const struct node_argument *a = argument;
    if (!directory->ops->mkdir)
        return refusal(directory);
    struct vfs_new new = new_attributes(walk->caller, directory, S_IFDIR | (a->mode & 01777), 0);
    return directory->ops->mkdir(directory, walk->last, walk->last_len, &new, out);
}

static int make_node(struct walk *walk, const void *argument, struct inode **out)
{
    struct inode *directory = walk->at->inode;
    const struct node_argument *a = argument;
    if (!directory->ops->create)
        return refusal(directory);
    struct vfs_new new = new_attributes(walk->caller, directory, a->mode, a->device);
    return directory->ops->create(directory, walk->last, walk->last_len, &new, out);
}

static int make_symlink(struct walk *walk, const void *argument, struct inode **out)
{
    struct inode *directory = walk->at->inode;
    if (!directory->ops->symlink)
        return refusal(directory);
    struct vfs_new new = new_attributes(walk->caller, directory, S_IFLNK | 0777, 0);
    return directory->ops->symlink(directory, walk->last, walk->last_len, &new, argument, out);
}

static int make_link(struct walk *walk, const void *argument, struct inode **out)
{
    struct inode *directory = walk->at->inode, *target = (struct inode *)argument;
    if (!directory->ops->link)
        return refusal(directory);
    mutex_lock(&target->lock);
    int err = 0;
    if (!target->link_count && !(load_relaxed(&target->flags) & INODE_LINKABLE))
        err = -ENOENT;
    if (!err)
        err = directory->ops->link(directory, walk->last, walk->last_len, target);
    if (!err)
        atomic_fetch_and(&target->flags, ~(uint32_t)INODE_LINKABLE);
    mutex_unlock(&target->lock);
    if (err)
        return err;
    inode_get(target);
    *out = target;
    return 0;
}

/* With the directory's lock: nothing may stand there, and the caller must be allowed to put something there. */
static int make_locked(struct walk *walk, make_function *make, const void *argument, struct dentry **out)
{
    struct dentry *dentry;
    struct inode *inode;
    int err = dentry_lookup_locked(walk->at, walk->last, walk->last_len, &dentry);
    if (err)
        return err;
    err = dentry_is_negative(dentry) ? permission_to_create(walk->caller, walk->at->inode) : -EEXIST;
    if (!err && walk->must_be_directory && make != make_directory)
        err = -ENOENT;
    if (!err)
        err = make(walk, argument, &inode);
    if (err) {
        dentry_put(dentry);
        return err;
    }
    dentry_instantiate(dentry, inode);
    *out = dentry;
    return 0;
}

static int make_last(struct walk *walk, make_function *make, const void *argument, struct dentry **out)
{
    struct inode *directory = walk->at->inode;
    if (walk->kind != WALK_NAME)
        return -EEXIST;
    mutex_lock(&directory->lock);
    int err = make_locked(walk, make, argument, out);
    mutex_unlock(&directory->lock);
    if (!err)
        notify_inode(directory, IN_CREATE | (make == make_directory ? IN_ISDIR : 0), walk->last, walk->last_len, 0);
    return err;
}

static int make_at(const struct vfs_caller *caller, struct dentry *base, const char *path, make_function *make,
                   const void *argument, struct dentry **out)
{
    struct walk walk;
    struct dentry *dentry;
    int err = walk_parent(&walk, caller, base, path);
    if (err)
        return err;
    err = make_last(&walk, make, argument, &dentry);
    walk_end(&walk);
    if (err)
        return err;
    if (out)
        *out = dentry;
    else
        dentry_put(dentry);
    return 0;
}

int vfs_mkdir(const struct vfs_caller *caller, struct dentry *base, const char *path, uint32_t mode)
{
    const struct node_argument a = {.mode = mode};
    return make_at(caller, base, path, make_directory, &a, NULL);
}

int names_make_node(const struct vfs_caller *caller, struct dentry *base, const char *path, uint32_t mode,
                    uint64_t device, struct dentry **out)
{
    const struct node_argument a = {.mode = mode & (S_IFMT | 07777), .device = device};
    return make_at(caller, base, path, make_node, &a, out);
}

int vfs_mknod(const struct vfs_caller *caller, struct dentry *base, const char *path, uint32_t mode, uint64_t device)
{
    if (!(mode & S_IFMT))
        mode |= S_IFREG;
    switch (mode & S_IFMT) {
    case S_IFREG:
    case S_IFIFO:
    case S_IFSOCK:
        device = 0;
        break;
    case S_IFCHR:
    case S_IFBLK:
        if (!caller->is_privileged)
            return -EPERM;
        break;
    case S_IFDIR:
        return -EPERM;
    default:
        return -EINVAL;
    }
    return names_make_node(caller, base, path, mode, device, NULL);
}

int vfs_symlink(const struct vfs_caller *caller, const char *target, struct dentry *base, const char *path)
{
    if (!target[0])
        return -ENOENT;
    if (strnlen(target, VFS_PATH_MAX) == VFS_PATH_MAX)
        return -ENAMETOOLONG;
    return make_at(caller, base, path, make_symlink, target, NULL);
}

int vfs_link(const struct vfs_caller *caller, struct dentry *old_base, const char *old_path, struct dentry *base,
             const char *path, unsigned lookup_flags)
{
    struct dentry *old;
    struct walk walk;
    int err = vfs_lookup(caller, old_base, old_path, lookup_flags, &old);
    if (err)
        return err;
    struct inode *target = old->inode;
    err = walk_parent(&walk, caller, base, path);
    if (err)
        goto put_old;
    struct dentry *dentry = NULL;
    if (walk.at->fs != old->fs)
        err = -EXDEV;
    else if (inode_is(target, S_IFDIR))
        err = -EPERM;
    else
        err = make_last(&walk, make_link, target, &dentry);
    if (!err)
        notify_inode(target, IN_ATTRIB, NULL, 0, 0);
    dentry_put(dentry);
    walk_end(&walk);
put_old:
    dentry_put(old);
    return err;
}
