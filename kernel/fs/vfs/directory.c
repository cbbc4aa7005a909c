/*
 * Open directories. Position 0 is ".", 1 is "..", from 2 on it is the file system's own plus 2. Entries are gathered in
 * kernel memory under the directory's lock and copied out without it.
 */
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include <vfs/io.h>
#include <vfs/notify.h>
#include "inodes.h"

enum { ENTRIES_MAX = 2 * PAGE_SIZE, OWN_ENTRIES = 2, D_NAME = 19, OLD_D_NAME = 18 };

struct entries {
    struct directory_sink sink;
    uint8_t *bytes;
    size_t len, size;
    uint64_t position; /* where the next call goes on */
    uint64_t base;     /* added to what the file system says */
    bool is_old, is_full;
};

/* struct linux_dirent64: d_ino, d_off, d_reclen, d_type, d_name; linux_dirent has d_type in its last byte. */
static bool put_entry(struct entries *e, const char *name, size_t len, uint64_t number, uint32_t mode, uint64_t next)
{
    size_t record = align_up(D_NAME + len + 1, (size_t)8);
    if (record > e->size - e->len) {
        e->is_full = true;
        return false;
    }
    uint8_t *to = e->bytes + e->len;
    uint16_t record16 = (uint16_t)record;
    uint8_t type = (uint8_t)((mode & S_IFMT) >> 12);
    memset(to, 0, record);
    memcpy(to, &number, 8);
    memcpy(to + 8, &next, 8);
    memcpy(to + 16, &record16, 2);
    to[e->is_old ? record - 1 : OLD_D_NAME] = type;
    memcpy(to + (e->is_old ? OLD_D_NAME : D_NAME), name, len);
    e->len += record;
    e->position = next;
    return true;
}

static bool sink_entry(struct directory_sink *sink, const char *name, size_t len, uint64_t number, uint32_t mode,
                       uint64_t next)
{
    struct entries *e = container_of(sink, struct entries, sink);
    return put_entry(e, name, len, number, mode, next + e->base);
}

static uint64_t parent_number(struct dentry *dentry)
{
    if (!dentry)
        return 1;
    struct dentry *covers = dentry_is(dentry, DENTRY_ROOT) ? mount_covers(dentry) : NULL;
    struct dentry *parent = dentry_get_parent(covers ? covers : dentry);
    uint64_t number = parent->inode->number;
    dentry_put(parent);
    dentry_put(covers);
    return number;
}

static int gather_locked(struct file *file, struct inode *inode, struct entries *e)
{
    if (load_relaxed(&inode->flags) & INODE_DEAD)
        return -ENOENT;
    if (e->position == 0 && !put_entry(e, ".", 1, inode->number, S_IFDIR, 1))
        return 0;
    if (e->position == 1 && !put_entry(e, "..", 2, parent_number(file->path), S_IFDIR, OWN_ENTRIES))
        return 0;
    if (!inode->ops->iterate)
        return 0;
    return inode->ops->iterate(inode, e->position - OWN_ENTRIES, &e->sink);
}

static ssize_t gather(struct file *file, struct inode *inode, struct entries *e)
{
    mutex_lock(&inode->lock);
    int err = gather_locked(file, inode, e);
    mutex_unlock(&inode->lock);
    if (e->len)
        return (ssize_t)e->len;
    return err ? err : e->is_full ? -EINVAL : 0;
}

ssize_t vfs_getdents(struct file *file, struct user *to, size_t size, bool is_old)
{
    struct inode *inode = file_inode(file);
    if (!inode || !inode_is(inode, S_IFDIR) || load_relaxed(&file->flags) & O_PATH)
        return -ENOTDIR;
    struct entries e = {
        .sink.entry = sink_entry, .size = MIN(size, (size_t)ENTRIES_MAX), .base = OWN_ENTRIES, .is_old = is_old};
    e.bytes = kmalloc(MAX(e.size, (size_t)1), ALLOC_WAIT);
    if (!e.bytes)
        return -ENOMEM;
    mutex_lock(&file->offset_lock);
    e.position = (uint64_t)file->offset;
    ssize_t len = gather(file, inode, &e);
    if (len > 0 && copy_to_user(to, e.bytes, (size_t)len))
        len = -EFAULT;
    if (len > 0)
        file->offset = (int64_t)e.position;
    mutex_unlock(&file->offset_lock);
    kfree(e.bytes);
    if (len >= 0)
        inode_touch_access(file, inode);
    if (len > 0)
        notify_dentry(file->path, IN_ACCESS);
    return len;
}

static ssize_t directory_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    return -EISDIR;
}

static int64_t directory_seek(struct file *file, int64_t offset, int whence)
{
    int64_t to = offset;
    if (whence == 1 && add_overflows(file->offset, offset, &to))
        return -EOVERFLOW;
    if (whence < 0 || whence > 1 || to < 0)
        return -EINVAL;
    file->offset = to;
    return to;
}

static int directory_sync(struct file *file, bool data_only)
{
    struct inode *inode = file->node;
    return inode->ops->sync ? inode->ops->sync(inode, data_only) : 0;
}

const struct file_ops directory_file_ops = {
    .read = directory_read,
    .seek = directory_seek,
    .sync = directory_sync,
    .name = "directory",
};
