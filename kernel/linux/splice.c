/* splice, tee and vmsplice: between a pipe and another file by way of kernel memory (file/pipe.h). */
#include <common/checked.h>
#include <file/pipe.h>
#include <linux/syscalls.h>
#include "paths.h"

enum { SPLICE_NONBLOCK = 2, SPLICE_KNOWN = 15, SPLICE_MAX = 0x7ffff000, SIGPIPE = 13 };

struct splice_target {
    struct file *file;
    int64_t offset; /* -1: the file's own */
};

static ssize_t consume_into_file(void *argument, const void *bytes, size_t n)
{
    struct splice_target *target = argument;
    ssize_t done = file_transfer_kernel(target->file, bytes, n, target->offset, true);
    if (done > 0 && target->offset >= 0)
        target->offset += done;
    return done;
}

static ssize_t produce_from_file(void *argument, void *to, size_t n)
{
    struct splice_target *source = argument;
    ssize_t done = file_transfer_kernel(source->file, to, n, source->offset, false);
    if (done > 0 && source->offset >= 0)
        source->offset += done;
    return done;
}

static ssize_t splice_files(struct file *in, int64_t *in_offset, struct file *out, int64_t *out_offset, size_t len,
                            unsigned flags)
{
    bool from_pipe = file_is_pipe(in), to_pipe = file_is_pipe(out);
    if (!file_is_readable(in) || !file_is_writable(out))
        return -EBADF;
    if (!from_pipe && !to_pipe)
        return -EINVAL;
    if ((from_pipe && *in_offset >= 0) || (to_pipe && *out_offset >= 0))
        return -ESPIPE;
    if (!to_pipe && load_relaxed(&out->flags) & O_APPEND)
        return -EINVAL;
    bool is_nonblocking = flags & SPLICE_NONBLOCK;
    if (from_pipe && to_pipe)
        return pipe_transfer(in, out, len, true, is_nonblocking);
    struct splice_target other = {.file = from_pipe ? out : in, .offset = from_pipe ? *out_offset : *in_offset};
    ssize_t done = from_pipe ? pipe_consume(in, len, is_nonblocking, consume_into_file, &other)
                             : pipe_produce(out, len, is_nonblocking, produce_from_file, &other);
    *(from_pipe ? out_offset : in_offset) = other.offset;
    return done;
}

static int get_offset(struct file *file, const struct user *from, int64_t *offset)
{
    *offset = -1;
    if (!from)
        return 0;
    if (!file->ops->seek)
        return -ESPIPE;
    if (copy_struct_from_user(offset, from))
        return -EFAULT;
    return *offset < 0 ? -EINVAL : 0;
}

long sys_splice(int in_fd, struct user *in_offset, int out_fd, struct user *out_offset, size_t len, unsigned flags)
{
    int64_t from = -1, to = -1;
    if (flags & ~(unsigned)SPLICE_KNOWN)
        return -EINVAL;
    if (!len)
        return 0;
    struct file *in = file_of(in_fd), *out = file_of(out_fd);
    ssize_t done = in && out ? 0 : -EBADF;
    if (!done)
        done = get_offset(in, in_offset, &from);
    if (!done)
        done = get_offset(out, out_offset, &to);
    if (!done)
        done = splice_files(in, &from, out, &to, MIN(len, (size_t)SPLICE_MAX), flags);
    if (done > 0 &&
        ((in_offset && copy_struct_to_user(in_offset, &from)) || (out_offset && copy_struct_to_user(out_offset, &to))))
        done = -EFAULT;
    if (done == -EPIPE)
        signal_send_task(task_current(), SIGPIPE, NULL);
    if (in)
        file_put(in);
    if (out)
        file_put(out);
    return done;
}

long sys_tee(int in_fd, int out_fd, size_t len, unsigned flags)
{
    if (flags & ~(unsigned)SPLICE_KNOWN)
        return -EINVAL;
    if (!len)
        return 0;
    struct file *in = file_of(in_fd), *out = file_of(out_fd);
    ssize_t done = in && out ? 0 : -EBADF;
    if (!done && (!file_is_readable(in) || !file_is_writable(out)))
        done = -EBADF;
    if (!done && (!file_is_pipe(in) || !file_is_pipe(out)))
        done = -EINVAL;
    if (!done)
        done = pipe_transfer(in, out, MIN(len, (size_t)SPLICE_MAX), false, flags & SPLICE_NONBLOCK);
    if (done == -EPIPE)
        signal_send_task(task_current(), SIGPIPE, NULL);
    if (in)
        file_put(in);
    if (out)
        file_put(out);
    return done;
}

/* Memory into a pipe or out of it: the copying read or write, which is what vmsplice promises without SPLICE_F_GIFT. */
long sys_vmsplice(int fd, struct user *vector, size_t count, unsigned flags)
{
    if (flags & ~(unsigned)SPLICE_KNOWN)
        return -EINVAL;
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    bool is_pipe = file_is_pipe(file), is_writable = file_is_writable(file);
    file_put(file);
    if (!is_pipe)
        return -EBADF;
    return is_writable ? sys_writev(fd, vector, (int)MIN(count, 1025ul))
                       : sys_readv(fd, vector, (int)MIN(count, 1025ul));
}
