/* Finding a name that exists, and reading a symlink. */
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include "walk.h"

/* From walk_to_last on: what the last name is, following it as asked. */
static int finish(struct walk *walk, struct dentry **out)
{
    for (;;) {
        int err = walk_to_last(walk);
        if (err)
            return err;
        if (walk->kind != WALK_NAME) {
            dentry_get(walk->at);
            *out = walk->at;
            return 0;
        }
        struct dentry *dentry;
        err = walk_look_up_last(walk, &dentry);
        if (err)
            return err;
        if (dentry_is_negative(dentry)) {
            dentry_put(dentry);
            return -ENOENT;
        }
        if (!inode_is(dentry->inode, S_IFLNK) || !(walk->flags & LOOKUP_FOLLOW || walk->must_be_directory)) {
            *out = dentry;
            return 0;
        }
        err = walk_enter_link(walk, dentry);
        if (err)
            return err;
    }
}

int vfs_lookup(const struct vfs_caller *caller, struct dentry *base, const char *path, unsigned flags,
               struct dentry **out)
{
    struct walk walk;
    struct dentry *dentry;
    int err = walk_start(&walk, caller, base, path, flags);
    if (err)
        return err;
    err = finish(&walk, &dentry);
    if (!err && walk.must_be_directory && !inode_is(dentry->inode, S_IFDIR)) {
        dentry_put(dentry);
        err = -ENOTDIR;
    }
    walk_end(&walk);
    if (!err)
        *out = dentry;
    return err;
}

static ssize_t read_target(struct inode *inode, char *to, size_t size)
{
    if (!inode_is(inode, S_IFLNK) || !inode->ops->readlink)
        return -EINVAL;
    char *target = kmalloc(VFS_PATH_MAX, ALLOC_WAIT);
    if (!target)
        return -ENOMEM;
    ssize_t len = inode->ops->readlink(inode, target, VFS_PATH_MAX);
    if (len >= 0) {
        len = (ssize_t)MIN((size_t)len, size);
        memcpy(to, target, (size_t)len);
        inode_touch_access(NULL, inode);
    }
    kfree(target);
    return len;
}

ssize_t vfs_readlink(const struct vfs_caller *caller, struct dentry *base, const char *path, char *to, size_t size)
{
    struct dentry *dentry;
    int err = vfs_lookup(caller, base, path, base ? LOOKUP_EMPTY : 0, &dentry);
    if (err)
        return err;
    ssize_t len = read_target(dentry->inode, to, size);
    if (len == -EINVAL && !path[0])
        len = -ENOENT;
    dentry_put(dentry);
    return len;
}
