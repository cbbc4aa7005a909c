/* Copies from one descriptor to another inside the kernel: sendfile and copy_file_range. */
#include <common/checked.h>
#include <linux/syscalls.h>
#include "paths.h"

enum { COPY_ORDER = 2, COPY_BUFFER = (int)PAGE_SIZE << COPY_ORDER, SIGPIPE = 13 };

/*
 * Copies up to len bytes from position *at of `in` to out's own position, a buffer at a time; *at moves by what was
 * written, so nothing is lost when `out` takes less than was read.
 */
static ssize_t copy_out(struct file *out, struct file *in, int64_t *at, size_t len)
{
    struct page *page = page_alloc(COPY_ORDER, ALLOC_WAIT);
    if (!page)
        return -ENOMEM;
    ssize_t total = 0, done = 0;
    while ((size_t)total < len) {
        size_t want = MIN(len - (size_t)total, (size_t)COPY_BUFFER);
        ssize_t got = file_transfer_kernel(in, page_address(page), want, *at, false);
        done = got <= 0 ? got : file_transfer_kernel(out, page_address(page), (size_t)got, -1, true);
        if (done <= 0)
            break;
        *at += done;
        total += done;
        if (done < got || signal_is_pending())
            break;
    }
    page_put(page);
    return total ? total : done;
}

static long send_file(struct file *out, struct file *in, struct user *offset, size_t len)
{
    int64_t at = 0;
    if (!file_is_readable(in) || !file_is_writable(out))
        return -EBADF;
    if (!in->ops->seek)
        return offset ? -ESPIPE : -EINVAL;
    if (load_relaxed(&out->flags) & O_APPEND)
        return -EINVAL;
    if (offset && copy_struct_from_user(&at, offset))
        return -EFAULT;
    if (!offset)
        at = file_seek(in, 0, 1);
    if (at < 0)
        return -EINVAL;
    ssize_t done = copy_out(out, in, &at, MIN(len, (size_t)0x7ffff000));
    if (done == -EPIPE)
        signal_send_task(task_current(), SIGPIPE, NULL);
    if (done <= 0)
        return done;
    if (offset)
        return copy_struct_to_user(offset, &at) ? -EFAULT : done;
    file_seek(in, at, 0);
    return done;
}

long sys_sendfile(int out_fd, int in_fd, struct user *offset, size_t len)
{
    struct file *in = file_of(in_fd), *out = file_of(out_fd);
    long done = in && out ? send_file(out, in, offset, len) : -EBADF;
    if (in)
        file_put(in);
    if (out)
        file_put(out);
    return done;
}

static int get_position(struct file *file, const struct user *offset, uint64_t *at)
{
    if (offset)
        return copy_struct_from_user(at, offset);
    int64_t position = file_seek(file, 0, 1);
    *at = (uint64_t)position;
    return position < 0 ? (int)position : 0;
}

static int put_position(struct file *file, struct user *offset, uint64_t at)
{
    if (offset)
        return copy_struct_to_user(offset, &at);
    file_seek(file, (int64_t)at, 0);
    return 0;
}

static long copy_range(struct file *in, struct user *in_offset, struct file *out, struct user *out_offset, size_t len)
{
    uint64_t from, to;
    if (!file_is_readable(in) || !file_is_writable(out) || load_relaxed(&out->flags) & O_APPEND)
        return -EBADF;
    if (!file_inode(in) || !file_inode(out))
        return -EINVAL;
    if (inode_is(file_inode(in), S_IFDIR) || inode_is(file_inode(out), S_IFDIR))
        return -EISDIR;
    if (!inode_is(file_inode(in), S_IFREG) || !inode_is(file_inode(out), S_IFREG))
        return -EINVAL;
    int err = get_position(in, in_offset, &from);
    if (!err)
        err = get_position(out, out_offset, &to);
    if (err)
        return err;
    len = MIN(len, (size_t)0x7ffff000);
    if (from > INT64_MAX - len || to > INT64_MAX - len)
        return -EOVERFLOW;
    if (file_inode(in) == file_inode(out) && from < to + len && to < from + len)
        return -EINVAL;
    ssize_t done = vfs_copy_range(in, from, out, to, len);
    if (done > 0)
        err = put_position(in, in_offset, from + (uint64_t)done);
    if (done > 0 && !err)
        err = put_position(out, out_offset, to + (uint64_t)done);
    return err ? err : done;
}

long sys_copy_file_range(int in_fd, struct user *in_offset, int out_fd, struct user *out_offset, size_t len, unsigned flags)
{
    if (flags)
        return -EINVAL;
    struct file *in = file_of(in_fd), *out = file_of(out_fd);
    long done = in && out ? copy_range(in, in_offset, out, out_offset, len) : -EBADF;
    if (in)
        file_put(in);
    if (out)
        file_put(out);
    return done;
}
