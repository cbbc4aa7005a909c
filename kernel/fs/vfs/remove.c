/* Removing names. The file lives on until its last opener and its last link are gone. */
#include <vfs/notify.h>
#include "names.h"

static int refusal(const struct inode *directory)
{
    return directory->fs->is_read_only ? -EROFS : -EPERM;
}

/* With the locks of directory and victim. */
static int remove_locked(struct walk *walk, struct dentry *victim, bool is_directory)
{
    struct inode *directory = walk->at->inode;
    const struct inode_ops *ops = directory->ops;
    int (*remove)(struct inode *, const char *, size_t, struct inode *) = is_directory ? ops->rmdir : ops->unlink;
    if (!remove)
        return refusal(directory);
    int err = remove(directory, walk->last, walk->last_len, victim->inode);
    if (!err)
        dentry_delete(victim);
    return err;
}

static int find_and_remove(struct walk *walk, bool is_directory, struct dentry **out)
{
    struct dentry *victim;
    struct inode *directory = walk->at->inode;
    int err = dentry_lookup_locked(walk->at, walk->last, walk->last_len, &victim);
    if (err)
        return err;
    err = dentry_is_negative(victim) ? -ENOENT : permission_to_remove(walk->caller, directory, victim, is_directory);
    if (!err && walk->must_be_directory && !inode_is(victim->inode, S_IFDIR))
        err = -ENOTDIR;
    if (err) {
        dentry_put(victim);
        return err;
    }
    mutex_lock(&victim->inode->lock);
    err = remove_locked(walk, victim, is_directory);
    mutex_unlock(&victim->inode->lock);
    if (err)
        dentry_put(victim);
    else
        *out = victim;
    return err;
}

static int remove_last(struct walk *walk, bool is_directory)
{
    struct dentry *victim;
    struct inode *directory = walk->at->inode;
    mutex_lock(&directory->lock);
    int err = find_and_remove(walk, is_directory, &victim);
    mutex_unlock(&directory->lock);
    if (err)
        return err;
    if (!is_directory)
        notify_inode(victim->inode, IN_ATTRIB, NULL, 0, 0);
    notify_inode(directory, IN_DELETE | (is_directory ? IN_ISDIR : 0), walk->last, walk->last_len, 0);
    dentry_put(victim); /* IN_DELETE_SELF, when it was the last */
    return 0;
}

int vfs_unlink(const struct vfs_caller *caller, struct dentry *base, const char *path)
{
    struct walk walk;
    int err = walk_parent(&walk, caller, base, path);
    if (err)
        return err;
    err = walk.kind == WALK_NAME ? remove_last(&walk, false) : -EISDIR;
    walk_end(&walk);
    return err;
}

int vfs_rmdir(const struct vfs_caller *caller, struct dentry *base, const char *path)
{
    struct walk walk;
    int err = walk_parent(&walk, caller, base, path);
    if (err)
        return err;
    switch (walk.kind) {
    case WALK_NAME:
        err = remove_last(&walk, true);
        break;
    case WALK_DOT:
        err = -EINVAL;
        break;
    case WALK_DOT_DOT:
        err = -ENOTEMPTY;
        break;
    default:
        err = -EBUSY;
    }
    walk_end(&walk);
    return err;
}
