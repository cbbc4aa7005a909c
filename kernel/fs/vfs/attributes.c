/* stat, chmod, chown, utimens, truncate. */
#include <common/checked.h>
#include <vfs/io.h>
#include <vfs/notify.h>
#include "inodes.h"
#include "seals.h"

enum { STAT_BLOCK = 512 };

int vfs_stat_inode(struct inode *inode, struct vfs_stat *out)
{
    uint64_t size = load_relaxed(&inode->size);
    *out = (struct vfs_stat){
        .device = inode->fs->device,
        .number = inode->number,
        .size = size,
        .blocks = inode_is(inode, S_IFREG) ? (size + STAT_BLOCK - 1) / STAT_BLOCK : 0,
        .special_device = load_relaxed(&inode->special_device),
        .mode = load_relaxed(&inode->mode),
        .uid = load_relaxed(&inode->uid),
        .gid = load_relaxed(&inode->gid),
        .link_count = load_relaxed(&inode->link_count),
        .block_size = PAGE_SIZE,
        .access_ns = load_relaxed(&inode->access_ns),
        .modify_ns = load_relaxed(&inode->modify_ns),
        .change_ns = load_relaxed(&inode->change_ns),
        .birth_ns = load_relaxed(&inode->birth_ns),
    };
    if (inode->ops->stat)
        inode->ops->stat(inode, out);
    return 0;
}

int vfs_stat(struct dentry *dentry, struct vfs_stat *out)
{
    struct inode *inode = dentry_inode(dentry);
    return inode ? vfs_stat_inode(inode, out) : -ENOENT;
}

/* ---- changing ---- */

static int check_owner_change(const struct vfs_caller *caller, const struct inode *inode,
                              const struct vfs_change *change)
{
    if (caller->is_privileged)
        return 0;
    if (change->what & CHANGE_UID && (caller->uid != inode->uid || change->uid != inode->uid))
        return -EPERM;
    if (change->what & CHANGE_GID &&
        (caller->uid != inode->uid || (change->gid != inode->gid && !caller_in_group(caller, change->gid))))
        return -EPERM;
    return 0;
}

/* Setting times to now takes write permission; to anything else, ownership. */
static int check_time_change(const struct vfs_caller *caller, struct inode *inode, const struct vfs_change *change)
{
    if (!(change->what & (CHANGE_ATIME | CHANGE_MTIME | CHANGE_TIMES_NOW)) || caller_owns(caller, inode))
        return 0;
    if (!(change->what & CHANGE_TIMES_NOW))
        return -EPERM;
    return vfs_permission(caller, inode, MAY_WRITE);
}

static int check_change(const struct vfs_caller *caller, struct inode *inode, const struct vfs_change *change)
{
    if (inode->fs->is_read_only)
        return -EROFS;
    if (change->what & CHANGE_MODE && !caller_owns(caller, inode))
        return -EPERM;
    int err = check_owner_change(caller, inode, change);
    return err ? err : check_time_change(caller, inode, change);
}

static void apply_owner(struct inode *inode, const struct vfs_change *change)
{
    if (change->what & CHANGE_UID)
        store_relaxed(&inode->uid, change->uid);
    if (change->what & CHANGE_GID)
        store_relaxed(&inode->gid, change->gid);
    if (change->what & (CHANGE_UID | CHANGE_GID) && !(change->what & CHANGE_MODE))
        inode_drop_setid(inode);
}

static void apply_mode(const struct vfs_caller *caller, struct inode *inode, const struct vfs_change *change)
{
    if (!(change->what & CHANGE_MODE))
        return;
    uint32_t mode = (inode->mode & S_IFMT) | (change->mode & 07777);
    if (mode & S_ISGID && !caller->is_privileged && !caller_in_group(caller, inode->gid))
        mode &= ~(uint32_t)S_ISGID;
    store_relaxed(&inode->mode, mode);
}

static void apply_times(struct inode *inode, const struct vfs_change *change, int64_t now)
{
    unsigned what = change->what;
    bool is_now = what & CHANGE_TIMES_NOW;
    if (is_now && !(what & (CHANGE_ATIME | CHANGE_MTIME)))
        what |= CHANGE_ATIME | CHANGE_MTIME;
    if (what & CHANGE_ATIME)
        store_relaxed(&inode->access_ns, is_now ? now : change->access_ns);
    if (what & CHANGE_MTIME)
        store_relaxed(&inode->modify_ns, is_now ? now : change->modify_ns);
    store_relaxed(&inode->change_ns, now);
}

struct saved_attributes {
    uint32_t mode, uid, gid;
    int64_t access_ns, modify_ns, change_ns;
};

static struct saved_attributes save(const struct inode *i)
{
    return (struct saved_attributes){i->mode, i->uid, i->gid, i->access_ns, i->modify_ns, i->change_ns};
}

static void restore(struct inode *inode, const struct saved_attributes *s)
{
    store_relaxed(&inode->mode, s->mode);
    store_relaxed(&inode->uid, s->uid);
    store_relaxed(&inode->gid, s->gid);
    store_relaxed(&inode->access_ns, s->access_ns);
    store_relaxed(&inode->modify_ns, s->modify_ns);
    store_relaxed(&inode->change_ns, s->change_ns);
}

static int change_locked(const struct vfs_caller *caller, struct inode *inode, const struct vfs_change *change)
{
    int err = check_change(caller, inode, change);
    if (!err)
        err = inode_prepare_change(inode, false);
    if (err)
        return err;
    struct saved_attributes saved = save(inode);
    apply_owner(inode, change);
    apply_mode(caller, inode, change);
    apply_times(inode, change, vfs_now_ns());
    err = inode->ops->set_attributes ? inode->ops->set_attributes(inode, change) : 0;
    if (err)
        restore(inode, &saved);
    return err;
}

int vfs_set_attributes(const struct vfs_caller *caller, struct dentry *dentry, struct inode *inode,
                       const struct vfs_change *change)
{
    if (!inode)
        return -ENOENT;
    mutex_lock(&inode->lock);
    int err = change_locked(caller, inode, change);
    mutex_unlock(&inode->lock);
    if (err)
        return err;
    if (dentry)
        notify_dentry(dentry, IN_ATTRIB);
    else
        notify_inode(inode, IN_ATTRIB, NULL, 0, 0);
    return 0;
}

/* ---- size ---- */

int inode_truncate_locked(struct inode *inode, uint64_t size)
{
    int err = seals_check_resize(inode, size);
    if (!err)
        err = inode_prepare_change(inode, false); /* of the contents, truncate itself takes over what stays */
    if (err)
        return err;
    if (!inode->ops->truncate)
        return -EINVAL;
    err = inode->ops->truncate(inode, size);
    if (err)
        return err;
    store_relaxed(&inode->size, size);
    inode_drop_setid(inode);
    inode_touch(inode, true);
    return 0;
}

static int check_truncate(const struct inode *inode, uint64_t size)
{
    if (inode_is(inode, S_IFDIR))
        return -EISDIR;
    if (!inode_is(inode, S_IFREG))
        return -EINVAL;
    if (size > INT64_MAX)
        return -EINVAL;
    return inode->fs->is_read_only ? -EROFS : 0;
}

int vfs_truncate(struct inode *inode, uint64_t size)
{
    int err = check_truncate(inode, size);
    if (err)
        return err;
    mutex_lock(&inode->lock);
    err = load_relaxed(&inode->writer_count) < 0 ? -ETXTBSY : size_limit_check_resize(inode, size);
    if (!err)
        err = inode_truncate_locked(inode, size);
    mutex_unlock(&inode->lock);
    if (!err)
        notify_inode(inode, IN_MODIFY, NULL, 0, 0);
    return err;
}

int vfs_truncate_file(struct file *file, uint64_t size)
{
    struct inode *inode = file_inode(file);
    if (!inode || !inode_is(inode, S_IFREG) || !file_is_writable(file))
        return -EINVAL;
    int err = check_truncate(inode, size);
    if (err)
        return err;
    mutex_lock(&inode->lock);
    err = size_limit_check_resize(inode, size);
    if (!err)
        err = inode_truncate_locked(inode, size);
    mutex_unlock(&inode->lock);
    if (!err && file->path)
        notify_dentry(file->path, IN_MODIFY);
    return err;
}
