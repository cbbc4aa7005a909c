/* Calls on the contents of open files: fallocate, copying, advice; and statfs. */
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include <pagecache/mapping.h>
#include <vfs/io.h>
#include <vfs/notify.h>
#include "inodes.h"
#include "seals.h"

enum { FALLOC_KEEP_SIZE = 1, FALLOC_PUNCH_HOLE = 2, FALLOC_ZERO_RANGE = 16 };
enum { ADVICE_WILL_NEED = 3, ADVICE_LAST = 5, READ_AHEAD_MAX = 512, COPY_CHUNK = PAGE_SIZE };
enum { COPY_MAX = 0x7ffff000 };

static int check_fallocate(struct file *file, struct inode *inode, unsigned mode, uint64_t offset, uint64_t len)
{
    uint64_t end;
    if (!file_is_writable(file))
        return -EBADF;
    if (inode_is(inode, S_IFIFO))
        return -ESPIPE;
    if (inode_is(inode, S_IFDIR))
        return -EISDIR;
    if (!inode_is(inode, S_IFREG))
        return -ENODEV;
    if (!len || offset > INT64_MAX || len > INT64_MAX)
        return -EINVAL;
    if (add_overflows(offset, len, &end) || end > INT64_MAX)
        return -EFBIG;
    if (mode & ~(unsigned)(FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE) || !inode->ops->fallocate)
        return -EOPNOTSUPP;
    if (mode & FALLOC_PUNCH_HOLE && (mode & FALLOC_ZERO_RANGE || !(mode & FALLOC_KEEP_SIZE)))
        return -EOPNOTSUPP;
    return 0;
}

static int fallocate_locked(struct inode *inode, unsigned mode, uint64_t offset, uint64_t len)
{
    uint64_t end = offset + len;
    bool changes_contents = mode & (FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE);
    bool grows = !(mode & FALLOC_KEEP_SIZE) && end > inode->size;
    int err = changes_contents ? seals_check_write(inode, 0) : 0;
    if (!err && grows)
        err = seals_check_resize(inode, end);
    if (!err && grows)
        err = size_limit_check_resize(inode, end);
    if (!err)
        err = inode_prepare_change(inode, true);
    if (!err)
        err = inode->ops->fallocate(inode, mode, offset, len);
    if (err)
        return err;
    if (grows)
        store_relaxed(&inode->size, end);
    inode_drop_setid(inode);
    inode_touch(inode, true);
    return 0;
}

int vfs_fallocate(struct file *file, unsigned mode, uint64_t offset, uint64_t len)
{
    struct inode *inode = file_inode(file);
    if (!inode)
        return -ENODEV;
    int err = check_fallocate(file, inode, mode, offset, len);
    if (err)
        return err;
    mutex_lock(&inode->lock);
    err = fallocate_locked(inode, mode, offset, len);
    mutex_unlock(&inode->lock);
    if (!err && file->path)
        notify_dentry(file->path, IN_MODIFY);
    return err;
}

/* ---- copying ---- */

static int check_copy(struct file *in, uint64_t in_offset, struct file *out, uint64_t out_offset, size_t len)
{
    struct inode *from = file_inode(in), *to = file_inode(out);
    uint64_t in_end, out_end;
    if (!file_is_readable(in) || !file_is_writable(out) || load_relaxed(&out->flags) & O_APPEND)
        return -EBADF;
    if (!from || !to)
        return -EINVAL;
    if (inode_is(from, S_IFDIR) || inode_is(to, S_IFDIR))
        return -EISDIR;
    if (!inode_is(from, S_IFREG) || !inode_is(to, S_IFREG))
        return -EINVAL;
    if (add_overflows(in_offset, len, &in_end) || add_overflows(out_offset, len, &out_end) || in_end > INT64_MAX ||
        out_end > INT64_MAX)
        return -EOVERFLOW;
    return from == to && in_offset < out_end && out_offset < in_end ? -EINVAL : 0;
}

/* One piece through the buffer: bytes, 0 at the end of `in`. */
static ssize_t copy_piece(struct file *in, uint64_t in_offset, struct file *out, uint64_t out_offset, void *buffer,
                          size_t len)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, buffer, len);
    ssize_t got = file_read(in, &io, (int64_t)in_offset);
    if (got <= 0)
        return got;
    io_vector_kernel(&io, &segment, buffer, (size_t)got);
    return file_write(out, &io, (int64_t)out_offset);
}

ssize_t vfs_copy_range(struct file *in, uint64_t in_offset, struct file *out, uint64_t out_offset, size_t len)
{
    len = MIN(len, (size_t)COPY_MAX);
    int err = check_copy(in, in_offset, out, out_offset, len);
    if (err)
        return err;
    void *buffer = kmalloc(COPY_CHUNK, ALLOC_WAIT);
    if (!buffer)
        return -ENOMEM;
    size_t done = 0;
    ssize_t n = 0;
    while (done < len) {
        n = copy_piece(in, in_offset + done, out, out_offset + done, buffer, MIN(len - done, (size_t)COPY_CHUNK));
        if (n <= 0)
            break;
        done += (size_t)n;
        if (load_relaxed(&thread_current()->is_interrupted))
            break;
    }
    kfree(buffer);
    return done ? (ssize_t)done : n;
}

/* ---- advice ---- */

int vfs_advise(struct file *file, uint64_t offset, uint64_t len, int advice)
{
    struct inode *inode = file_inode(file);
    if (!inode || inode_is(inode, S_IFIFO))
        return -ESPIPE;
    if (advice < 0 || advice > ADVICE_LAST)
        return -EINVAL;
    struct mapping *mapping = load_acquire(&inode->mapping);
    uint64_t size = load_relaxed(&inode->size), end;
    if (advice != ADVICE_WILL_NEED || !mapping || offset >= size)
        return 0;
    if (!len || add_overflows(offset, len, &end) || end > size)
        end = size;
    uint64_t first = offset >> PAGE_SHIFT, count = ((end + PAGE_SIZE - 1) >> PAGE_SHIFT) - first;
    mapping_read_ahead(mapping, first, (unsigned)MIN(count, (uint64_t)READ_AHEAD_MAX));
    return 0;
}

int vfs_statfs(struct inode *inode, struct vfs_statfs *out)
{
    struct file_system *fs = inode->fs;
    *out = (struct vfs_statfs){.type = fs->magic, .block_size = PAGE_SIZE, .id = fs->device};
    return fs->ops && fs->ops->statfs ? fs->ops->statfs(fs, out) : 0;
}
