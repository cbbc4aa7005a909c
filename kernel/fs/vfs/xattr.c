/* Extended attributes: which names exist and who may use them; file systems store them. */
#include <base/string.h>
#include <vfs/io.h>
#include <vfs/notify.h>
#include "inodes.h"

enum { XATTR_NAME_MAX = 255, XATTR_SIZE_MAX = 65536 };

static bool has_prefix(const char *name, const char *prefix)
{
    size_t len = strlen(prefix);
    return !strncmp(name, prefix, len) && name[len];
}

static int check_user_name(const struct vfs_caller *caller, struct inode *inode, bool is_change)
{
    if (!inode_is(inode, S_IFREG) && !inode_is(inode, S_IFDIR))
        return is_change ? -EPERM : -ENODATA;
    if (is_change && inode_is(inode, S_IFDIR) && load_relaxed(&inode->mode) & S_ISVTX && !caller_owns(caller, inode))
        return -EPERM;
    return vfs_permission(caller, inode, is_change ? MAY_WRITE : MAY_READ);
}

static int check_name(const struct vfs_caller *caller, struct inode *inode, const char *name, bool is_change)
{
    if (!name[0] || strnlen(name, XATTR_NAME_MAX + 1) > XATTR_NAME_MAX)
        return -ERANGE;
    if (is_change && inode->fs->is_read_only)
        return -EROFS;
    if (has_prefix(name, "user."))
        return check_user_name(caller, inode, is_change);
    if (has_prefix(name, "trusted.")) {
        if (caller->is_privileged)
            return 0;
        return is_change ? -EPERM : -ENODATA;
    }
    if (has_prefix(name, "security."))
        return is_change && !caller->is_privileged ? -EPERM : 0;
    return -EOPNOTSUPP; /* no system. ones: there are no ACLs */
}

ssize_t vfs_get_xattr(const struct vfs_caller *caller, struct inode *inode, const char *name, void *to, size_t size)
{
    int err = check_name(caller, inode, name, false);
    if (err)
        return err;
    return inode->ops->get_xattr ? inode->ops->get_xattr(inode, name, to, size) : -EOPNOTSUPP;
}

int vfs_set_xattr(const struct vfs_caller *caller, struct inode *inode, const char *name, const void *value,
                  size_t size, int flags)
{
    if (flags & ~3)
        return -EINVAL;
    if (size > XATTR_SIZE_MAX)
        return -E2BIG;
    int err = check_name(caller, inode, name, true);
    if (err)
        return err;
    if (!inode->ops->set_xattr)
        return -EOPNOTSUPP;
    mutex_lock(&inode->lock);
    err = inode_prepare_change(inode, false);
    if (!err)
        err = inode->ops->set_xattr(inode, name, value, size, flags);
    if (!err)
        inode_touch(inode, false);
    mutex_unlock(&inode->lock);
    if (!err)
        notify_inode(inode, IN_ATTRIB, NULL, 0, 0);
    return err;
}

int vfs_remove_xattr(const struct vfs_caller *caller, struct inode *inode, const char *name)
{
    int err = check_name(caller, inode, name, true);
    if (err)
        return err;
    if (!inode->ops->remove_xattr)
        return -EOPNOTSUPP;
    mutex_lock(&inode->lock);
    err = inode_prepare_change(inode, false);
    if (!err)
        err = inode->ops->remove_xattr(inode, name);
    if (!err)
        inode_touch(inode, false);
    mutex_unlock(&inode->lock);
    if (!err)
        notify_inode(inode, IN_ATTRIB, NULL, 0, 0);
    return err;
}

ssize_t vfs_list_xattr(struct inode *inode, char *to, size_t size)
{
    return inode->ops->list_xattr ? inode->ops->list_xattr(inode, to, size) : 0;
}
