/* Seals: what a memory file's owner gave up for good. Guarded by inode->lock. */
#include <pagecache/mapping.h>
#include <vfs/io.h>
#include "inodes.h"
#include "seals.h"

enum { TMPFS_MAGIC = 0x01021994, SEAL_ALL = 63 };

int seals_check_write(const struct inode *inode, uint64_t end)
{
    if (inode->seals & (SEAL_WRITE | SEAL_FUTURE_WRITE))
        return -EPERM;
    return inode->seals & SEAL_GROW && end > inode->size ? -EPERM : 0;
}

int seals_check_resize(const struct inode *inode, uint64_t size)
{
    if (size < inode->size && inode->seals & SEAL_SHRINK)
        return -EPERM;
    return size > inode->size && inode->seals & SEAL_GROW ? -EPERM : 0;
}

/* Whether anything maps it: we cannot see which of the mappings are shared and writable, so any counts. */
static bool is_mapped(struct inode *inode)
{
    if (!inode->mapping)
        return false;
    struct vm_object *object = &inode->mapping->object;
    spin_lock(&object->vma_lock);
    bool mapped = !list_is_empty(&object->vmas);
    spin_unlock(&object->vma_lock);
    return mapped;
}

int vfs_add_seals(struct file *file, uint32_t seals)
{
    struct inode *inode = file_inode(file);
    if (!inode || seals & ~(uint32_t)SEAL_ALL || !inode_is(inode, S_IFREG))
        return -EINVAL;
    if (!file_is_writable(file))
        return -EPERM;
    if (inode->fs->magic != TMPFS_MAGIC)
        return -EINVAL;
    if (!(load_relaxed(&inode->flags) & INODE_MAY_SEAL))
        return -EPERM;
    mutex_lock(&inode->lock);
    int err = inode->seals & SEAL_SEAL ? -EPERM : 0;
    if (!err && seals & SEAL_WRITE && !(inode->seals & SEAL_WRITE) && is_mapped(inode))
        err = -EBUSY;
    if (!err)
        store_relaxed(&inode->seals, inode->seals | seals);
    mutex_unlock(&inode->lock);
    return err;
}

int vfs_get_seals(struct file *file)
{
    struct inode *inode = file_inode(file);
    if (!inode || !inode_is(inode, S_IFREG) || inode->fs->magic != TMPFS_MAGIC)
        return -EINVAL;
    return load_relaxed(&inode->flags) & INODE_MAY_SEAL ? (int)load_relaxed(&inode->seals) : SEAL_SEAL;
}
