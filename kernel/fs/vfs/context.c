/* Root, working directory and umask of a process. */
#include <mm/alloc.h>
#include "inodes.h"

struct fs_context {
    struct refcount refs;
    uint32_t umask;       /* atomic */
    struct spinlock lock; /* a leaf */
    struct dentry *root GUARDED_BY(&lock), *cwd GUARDED_BY(&lock);
};

static struct fs_context *create(struct dentry *root, struct dentry *cwd, uint32_t umask)
{
    struct fs_context *context = kzalloc(sizeof *context, ALLOC_WAIT);
    if (!context)
        return NULL;
    refcount_init(&context->refs, 1);
    spin_init(&context->lock);
    context->umask = umask;
    context->root = root;
    context->cwd = cwd;
    return context;
}

struct fs_context *fs_context_create(void)
{
    if (!machine_root)
        return NULL;
    struct fs_context *context = create(machine_root, machine_root, 022);
    if (context) {
        dentry_get(context->root);
        dentry_get(context->cwd);
    }
    return context;
}

struct fs_context *fs_context_fork(struct fs_context *from)
{
    struct dentry *root = fs_context_root(from), *cwd = fs_context_cwd(from);
    struct fs_context *context = create(root, cwd, fs_context_umask(from));
    if (!context) {
        dentry_put(root);
        dentry_put(cwd);
    }
    return context;
}

void fs_context_get(struct fs_context *context)
{
    refcount_get(&context->refs);
}

void fs_context_put(struct fs_context *context)
{
    if (!context || !refcount_put(&context->refs))
        return;
    dentry_put(context->root);
    dentry_put(context->cwd);
    kfree(context);
}

uint32_t fs_context_umask(struct fs_context *context)
{
    return load_relaxed(&context->umask);
}

uint32_t fs_context_set_umask(struct fs_context *context, uint32_t mask)
{
    return atomic_exchange(&context->umask, mask & 0777);
}

static struct dentry *get(struct fs_context *context, struct dentry **which)
{
    spin_lock(&context->lock);
    struct dentry *dentry = *which;
    dentry_get(dentry);
    spin_unlock(&context->lock);
    return dentry;
}

struct dentry *fs_context_cwd(struct fs_context *context)
{
    return get(context, &context->cwd);
}

struct dentry *fs_context_root(struct fs_context *context)
{
    return get(context, &context->root);
}

static int set(const struct vfs_caller *caller, struct dentry **which, struct dentry *directory)
{
    struct inode *inode = dentry_inode(directory);
    if (!inode || !inode_is(inode, S_IFDIR))
        return -ENOTDIR;
    int err = vfs_permission(caller, inode, MAY_EXECUTE);
    if (err)
        return err;
    dentry_get(directory);
    spin_lock(&caller->fs->lock);
    struct dentry *old = *which;
    *which = directory;
    spin_unlock(&caller->fs->lock);
    dentry_put(old);
    return 0;
}

int vfs_chdir(const struct vfs_caller *caller, struct dentry *directory)
{
    return caller->fs ? set(caller, &caller->fs->cwd, directory) : -EPERM;
}

int vfs_chroot(const struct vfs_caller *caller, struct dentry *directory)
{
    if (!caller->fs || !caller->is_privileged)
        return -EPERM;
    return set(caller, &caller->fs->root, directory);
}
