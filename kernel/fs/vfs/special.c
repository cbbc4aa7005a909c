/*
 * Names that are not files: FIFOs and unix sockets. What is bound to a socket's node stands in inode->socket under
 * field_lock, so that whoever finds it can take a reference before it closes.
 */
#include "names.h"

static const struct vfs_fifo_hooks *fifo_hooks;

void vfs_set_fifo_hooks(const struct vfs_fifo_hooks *hooks)
{
    fifo_hooks = hooks;
}

int open_fifo(struct inode *inode, struct file *file)
{
    return fifo_hooks ? fifo_hooks->open(&inode->pipe, file) : -ENXIO;
}

void fifo_destroy(struct inode *inode)
{
    if (inode_is(inode, S_IFIFO) && inode->pipe && fifo_hooks)
        fifo_hooks->free(inode->pipe);
}

int vfs_bind_socket(const struct vfs_caller *caller, const char *path, uint32_t mode, void *socket, struct dentry **out)
{
    struct dentry *dentry;
    int err = names_make_node(caller, NULL, path, S_IFSOCK | (mode & 07777), 0, &dentry);
    if (err)
        return err == -EEXIST ? -EADDRINUSE : err;
    struct inode *inode = dentry->inode;
    spin_lock(&inode->field_lock);
    inode->socket = socket;
    spin_unlock(&inode->field_lock);
    *out = dentry;
    return 0;
}

int vfs_find_socket(const struct vfs_caller *caller, const char *path, bool (*get)(void *socket), void **out)
{
    struct dentry *dentry;
    int err = vfs_lookup(caller, NULL, path, LOOKUP_FOLLOW, &dentry);
    if (err)
        return err;
    struct inode *inode = dentry->inode;
    err = vfs_permission(caller, inode, MAY_WRITE);
    if (!err && !inode_is(inode, S_IFSOCK))
        err = -ECONNREFUSED;
    if (!err) {
        spin_lock(&inode->field_lock);
        if (inode->socket && get(inode->socket))
            *out = inode->socket;
        else
            err = -ECONNREFUSED;
        spin_unlock(&inode->field_lock);
    }
    dentry_put(dentry);
    return err;
}

void vfs_forget_socket(struct dentry *dentry)
{
    if (!dentry)
        return;
    struct inode *inode = dentry->inode;
    spin_lock(&inode->field_lock);
    inode->socket = NULL;
    spin_unlock(&inode->field_lock);
    dentry_put(dentry);
}
