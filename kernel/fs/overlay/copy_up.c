/*
 * Contents of files: read through the lower file's mapping until the first change, which copies the file to memory.
 * Who has the lower mapping (open reads under way, programs that mapped it) keeps the old pages, as on Linux.
 */
#include <common/checked.h>
#include <mm/alloc.h>
#include "overlay.h"

/* The first `size` bytes become the file's own contents. inode->lock is held. */
static int copy_up(struct inode *inode, uint64_t size)
{
    struct overlay_inode *self = overlay_inode_of(inode);
    if (!self->lower || !inode_is(inode, S_IFREG) || self->file)
        return 0;
    struct memory_file *file = kmalloc(sizeof *file, ALLOC_WAIT);
    if (!file)
        return -ENOMEM;
    memory_file_init(file, inode, &overlay_of(inode->fs)->store);
    int err = mapping_copy(&file->mapping, inode->mapping, size);
    if (err) {
        memory_file_destroy(file);
        kfree(file);
        return err;
    }
    self->file = file;
    store_release(&inode->mapping, &file->mapping); /* pairs with the loads of who reads without the lock */
    store_relaxed(&inode->size, size);
    return 0;
}

int overlay_prepare_change(struct inode *inode, bool contents)
{
    int err = contents ? copy_up(inode, load_relaxed(&inode->size)) : 0;
    if (!err)
        overlay_pin(inode);
    return err;
}

int overlay_truncate(struct inode *inode, uint64_t size)
{
    int err = size > INT64_MAX ? -EFBIG : copy_up(inode, MIN(size, load_relaxed(&inode->size)));
    if (err)
        return err;
    overlay_pin(inode);
    return memory_file_truncate(inode, size);
}

int overlay_fallocate(struct inode *inode, unsigned mode, uint64_t offset, uint64_t len)
{
    int err = overlay_prepare_change(inode, true);
    return err ? err : memory_file_allocate(inode, mode, offset, len);
}

int64_t overlay_seek_data(struct inode *inode, uint64_t offset, bool want_hole)
{
    const struct mapping *mapping = load_acquire(&inode->mapping);
    if (mapping->is_memory)
        return memory_file_seek(inode, offset, want_hole);
    uint64_t size = load_relaxed(&inode->size);
    if (offset >= size)
        return -ENXIO;
    return (int64_t)(want_hole ? size : offset);
}

/* Access times alone are not worth keeping an inode in memory for. */
int overlay_set_attributes(struct inode *inode, const struct vfs_change *change)
{
    if (change->what & ~(unsigned)CHANGE_ATIME)
        overlay_pin(inode);
    return 0;
}
