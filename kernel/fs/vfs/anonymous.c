/*
 * Files that no name in a directory leads to: memory files on the kernel's own tmpfs, and, for the magic links below
 * /proc/PID/fd, open files that never had a name (pipes, sockets): those are wrapped in an inode that tells their kind
 * and opens as the same open file.
 */
#include <base/string.h>
#include <mm/alloc.h>
#include "inodes.h"

enum { NAME_MAX_ABI = 256 };

/* ---- memory files ---- */

static struct file_system *anonymous_fs;

void vfs_set_anonymous_fs(struct file_system *fs)
{
    if (!fs->device)
        fs->device = 1;
    anonymous_fs = fs;
}

/* Shared memory of mmap and of System V is named as Linux names it; all else is a memfd. */
static int make_name(const char *name, char to[NAME_MAX_ABI])
{
    bool is_memfd = strcmp(name, "dev/zero") && strncmp(name, "SYSV", 4);
    return snprintf(to, NAME_MAX_ABI, "%s%s", is_memfd ? "memfd:" : "", name);
}

static int resize(struct inode *inode, uint64_t size)
{
    if (!size)
        return 0;
    mutex_lock(&inode->lock);
    int err = inode_truncate_locked(inode, size);
    mutex_unlock(&inode->lock);
    return err;
}

int vfs_open_anonymous(const char *name, uint64_t size, bool may_seal, struct file **out)
{
    if (!anonymous_fs)
        return -ENOSYS;
    char full[NAME_MAX_ABI];
    int len = make_name(name, full);
    if (len < 0 || len >= NAME_MAX_ABI || size > INT64_MAX)
        return -EINVAL;
    struct inode *root = anonymous_fs->root, *inode;
    struct vfs_new new = {.mode = S_IFREG | 0777};
    mutex_lock(&root->lock);
    int err = root->ops->create_unnamed(root, &new, &inode);
    mutex_unlock(&root->lock);
    if (err)
        return err;
    if (may_seal)
        atomic_fetch_or(&inode->flags, (uint32_t)INODE_MAY_SEAL);
    err = resize(inode, size);
    if (err)
        goto put_inode;
    struct dentry *dentry = dentry_create_root(anonymous_fs, full, (size_t)len, inode, true);
    err = dentry ? vfs_open_dentry(&vfs_kernel, dentry, O_RDWR, out) : -ENOMEM;
    dentry_put(dentry);
put_inode:
    inode_put(inode);
    return err;
}

/* ---- wrapped files ---- */

static struct file_system wrapper_fs = {.type = "anon", .magic = 0x09041934, .device = 9};

static void wrapper_free(struct inode *inode)
{
    struct file *file = inode->data;
    inode_destroy(inode);
    file_put(file);
    kfree(inode);
}

static const struct inode_ops wrapper_ops = {.free = wrapper_free};

struct file *wrapped_file(const struct inode *inode)
{
    return inode->ops == &wrapper_ops ? inode->data : NULL;
}

/* By the file's description, "socket:[7]". */
static uint32_t mode_of(const char *path)
{
    if (!strncmp(path, "socket:", 7))
        return S_IFSOCK | 0777;
    return strncmp(path, "pipe:", 5) ? 0600 : S_IFIFO | 0600;
}

/* The number in the brackets, as fstat on the descriptor itself tells it. */
static uint64_t number_of(const char *path)
{
    uint64_t number = 0;
    const char *at = strchr(path, '[');
    while (at && *++at >= '0' && *at <= '9')
        number = number * 10 + (uint64_t)(*at - '0');
    return number ? number : 1;
}

int wrap_file(struct file *file, struct dentry **out)
{
    char path[NAME_MAX_ABI];
    struct inode *inode = kmalloc(sizeof *inode, ALLOC_WAIT);
    if (!inode)
        return -ENOMEM;
    vfs_file_path(file, path, sizeof path);
    inode_init(inode, &wrapper_fs, &wrapper_ops, number_of(path), mode_of(path));
    file_get(file);
    inode->data = file;
    struct dentry *dentry = dentry_create_root(&wrapper_fs, path, strlen(path), inode, true);
    inode_put(inode);
    if (!dentry)
        return -ENOMEM;
    *out = dentry;
    return 0;
}
