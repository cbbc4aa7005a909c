/* Extended attributes: the lower inode's until the first change, which copies those that a program may set. */
#include <base/string.h>
#include <mm/alloc.h>
#include "overlay.h"

#define LIST_MAX 65536u

static bool uses_lower(const struct overlay_inode *self)
{
    return self->lower && !load_acquire(&self->has_own_xattrs);
}

static int copy_one(struct overlay_inode *self, const char *name)
{
    struct inode *lower = self->lower;
    ssize_t size = lower->ops->get_xattr(lower, name, NULL, 0);
    if (size < 0)
        return (int)size;
    char *value = kmalloc((size_t)size + 1, ALLOC_WAIT);
    if (!value)
        return -ENOMEM;
    ssize_t err = size ? lower->ops->get_xattr(lower, name, value, (size_t)size) : 0;
    if (err >= 0)
        err = memory_xattrs_set(&self->xattrs, name, value, (size_t)size, 0);
    kfree(value);
    return err == -EOPNOTSUPP ? 0 : (int)err; /* system. and the like are not carried over */
}

static int copy_all(struct overlay_inode *self, char *list)
{
    ssize_t len = self->lower->ops->list_xattr(self->lower, list, LIST_MAX);
    int err = len < 0 ? (int)len : 0;
    for (ssize_t at = 0; !err && at < len; at += (ssize_t)strlen(list + at) + 1)
        err = copy_one(self, list + at);
    return err;
}

/* overlay->xattr_lock is held. */
static int make_own(struct overlay_inode *self)
{
    if (!uses_lower(self))
        return 0;
    int err = 0;
    if (self->lower->ops->list_xattr && self->lower->ops->list_xattr(self->lower, NULL, 0) != 0) {
        char *list = kmalloc(LIST_MAX, ALLOC_WAIT);
        err = list ? copy_all(self, list) : -ENOMEM;
        kfree(list);
    }
    if (err) {
        memory_xattrs_destroy(&self->xattrs);
        memory_xattrs_init(&self->xattrs);
        return err;
    }
    store_release(&self->has_own_xattrs, true);
    overlay_pin(&self->inode);
    return 0;
}

ssize_t overlay_get_xattr(struct inode *inode, const char *name, void *to, size_t size)
{
    struct overlay_inode *self = overlay_inode_of(inode);
    if (uses_lower(self) && self->lower->ops->get_xattr)
        return self->lower->ops->get_xattr(self->lower, name, to, size);
    return memory_xattrs_get(&self->xattrs, name, to, size);
}

int overlay_set_xattr(struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
    struct overlay_inode *self = overlay_inode_of(inode);
    struct overlay *overlay = overlay_of(inode->fs);
    mutex_lock(&overlay->xattr_lock);
    int err = make_own(self);
    if (!err)
        err = memory_xattrs_set(&self->xattrs, name, value, size, flags);
    mutex_unlock(&overlay->xattr_lock);
    return err;
}

int overlay_remove_xattr(struct inode *inode, const char *name)
{
    struct overlay_inode *self = overlay_inode_of(inode);
    struct overlay *overlay = overlay_of(inode->fs);
    mutex_lock(&overlay->xattr_lock);
    int err = make_own(self);
    if (!err)
        err = memory_xattrs_remove(&self->xattrs, name);
    mutex_unlock(&overlay->xattr_lock);
    return err;
}

ssize_t overlay_list_xattr(struct inode *inode, char *to, size_t size)
{
    struct overlay_inode *self = overlay_inode_of(inode);
    if (uses_lower(self) && self->lower->ops->list_xattr)
        return self->lower->ops->list_xattr(self->lower, to, size);
    return memory_xattrs_list(&self->xattrs, to, size);
}
