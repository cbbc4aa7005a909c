/*
 * Open regular files over their page cache. Reads take no lock of ours; writes hold inode->lock, so that an append
 * finds the end where it puts its bytes and a truncation comes before or after a write. Direct I/O is ordinary I/O.
 */
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include <pagecache/mapping.h>
#include <vfs/locks.h>
#include <vfs/notify.h>
#include "inodes.h"
#include "seals.h"

enum { SEEK_SET_ABI, SEEK_CUR_ABI, SEEK_END_ABI, SEEK_DATA_ABI, SEEK_HOLE_ABI };

static ssize_t regular_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    struct inode *inode = file->node;
    struct mapping *mapping = load_acquire(&inode->mapping);
    if (!mapping)
        return -EINVAL;
    ssize_t n = mapping_read(mapping, to, (uint64_t)*offset);
    if (n <= 0)
        return n;
    *offset += n;
    inode_touch_access(file, inode);
    notify_dentry(file->path, IN_ACCESS);
    return n;
}

static ssize_t write_locked(struct file *file, struct inode *inode, struct io_vector *from, int64_t *offset)
{
    if (load_relaxed(&file->flags) & O_APPEND)
        *offset = (int64_t)inode->size;
    uint64_t start = (uint64_t)*offset, end;
    size_t len, wanted = from->left;
    int err = size_limit_check_write(start, wanted, &len);
    if (!err && (add_overflows(start, len, &end) || end > INT64_MAX))
        err = -EFBIG;
    if (!err)
        err = seals_check_write(inode, end);
    if (!err)
        err = inode_prepare_change(inode, true);
    if (err)
        return err;
    if (!inode->mapping)
        return -EINVAL;
    inode_drop_setid(inode);
    from->left = len;
    ssize_t n = mapping_write(inode->mapping, from, start);
    from->left += wanted - len;
    if (n <= 0)
        return n;
    *offset += n;
    if ((uint64_t)*offset > inode->size)
        store_relaxed(&inode->size, (uint64_t)*offset);
    inode_touch(inode, true);
    return n;
}

static int regular_sync(struct file *file, bool data_only)
{
    struct inode *inode = file->node;
    return inode->ops->sync ? inode->ops->sync(inode, data_only) : 0;
}

static ssize_t regular_write(struct file *file, struct io_vector *from, int64_t *offset)
{
    struct inode *inode = file->node;
    if (!from->left)
        return 0;
    mutex_lock(&inode->lock);
    ssize_t n = write_locked(file, inode, from, offset);
    mutex_unlock(&inode->lock);
    if (n <= 0)
        return n;
    notify_dentry(file->path, IN_MODIFY);
    int err = load_relaxed(&file->flags) & O_DSYNC ? regular_sync(file, true) : 0;
    return err ? err : n;
}

/* ---- position ---- */

/* What is no hole is data; a file system that cannot tell has no holes but the one behind the end. */
static int64_t seek_data(struct inode *inode, uint64_t offset, bool want_hole)
{
    uint64_t size = load_relaxed(&inode->size);
    struct mapping *mapping = load_acquire(&inode->mapping);
    if (offset >= size)
        return -ENXIO;
    if (inode->ops->seek_data)
        return inode->ops->seek_data(inode, offset, want_hole);
    if (!mapping || !mapping->is_memory)
        return (int64_t)(want_hole ? size : offset);
    uint64_t end = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;
    uint64_t index = mapping_seek(mapping, offset >> PAGE_SHIFT, end, want_hole);
    if (index >= end)
        return want_hole ? (int64_t)size : -ENXIO;
    return (int64_t)MIN(MAX(index << PAGE_SHIFT, offset), size);
}

/* The caller (file_seek) holds offset_lock. */
static int64_t regular_seek(struct file *file, int64_t offset, int whence)
{
    struct inode *inode = file->node;
    int64_t to = offset;
    switch (whence) {
    case SEEK_SET_ABI:
        break;
    case SEEK_CUR_ABI:
        if (add_overflows(file->offset, offset, &to))
            return -EOVERFLOW;
        break;
    case SEEK_END_ABI:
        if (add_overflows((int64_t)load_relaxed(&inode->size), offset, &to))
            return -EOVERFLOW;
        break;
    case SEEK_DATA_ABI:
    case SEEK_HOLE_ABI:
        if (offset < 0)
            return -ENXIO;
        to = seek_data(inode, (uint64_t)offset, whence == SEEK_HOLE_ABI);
        if (to < 0)
            return to;
        break;
    default:
        return -EINVAL;
    }
    if (to < 0)
        return -EINVAL;
    file->offset = to;
    return to;
}

/* ---- mapping ---- */

/* What /proc/PID/maps shows. Without memory for it the line has no path; the mapping works. */
static void name_mapping(struct mapping *mapping, struct file *file, struct inode *inode)
{
    if (mapping_has_name(mapping))
        return;
    char *path = kmalloc(VFS_PATH_MAX, ALLOC_WAIT);
    if (!path)
        return;
    vfs_file_path(file, path, VFS_PATH_MAX);
    mapping_set_name(mapping, path, inode->fs->device, inode->number);
    kfree(path);
}

static int regular_get_vm_object(struct file *file, bool is_shared, struct vm_object **out)
{
    struct inode *inode = file->node;
    struct mapping *mapping = load_acquire(&inode->mapping);
    if (!mapping)
        return -ENODEV;
    if (is_shared && file_is_writable(file) && load_relaxed(&inode->seals) & (SEAL_WRITE | SEAL_FUTURE_WRITE))
        return -EPERM;
    name_mapping(mapping, file, inode);
    inode_touch_access(file, inode);
    mapping->object.ops->get(&mapping->object);
    *out = &mapping->object;
    return 0;
}

/* POSIX: closing any descriptor of a file drops the process's record locks on it. */
static void regular_flush(struct file *file)
{
    vfs_unlock_owner(file->node, thread_current()->process);
}

#define REGULAR_OPS                                                                                                    \
    .read = regular_read, .write = regular_write, .seek = regular_seek, .get_vm_object = regular_get_vm_object,        \
    .sync = regular_sync, .flush = regular_flush

const struct file_ops regular_file_ops = {REGULAR_OPS, .name = "file"};
/* The file of a running program: nobody may write to it (see open.c). */
const struct file_ops program_file_ops = {REGULAR_OPS, .name = "program"};
/* O_PATH: only a name. */
const struct file_ops path_file_ops = {.name = "path"};
