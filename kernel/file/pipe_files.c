/* Making pipes, opening FIFOs, their sizes, and moving data between pipes and other files. */
#include <common/checked.h>
#include "pipe_ring.h"

/* Serialises the making of FIFOs' pipes. Taken before no other lock. */
static struct mutex fifo_mutex = MUTEX_INIT(fifo_mutex);

bool file_is_pipe(const struct file *file)
{
    return file->ops == &pipe_ops || file->ops == &fifo_ops;
}

int pipe_create(uint32_t flags, struct file *files[2])
{
    if (flags & O_DIRECT)
        return -EINVAL;
    struct pipe *pipe = pipe_alloc();
    if (!pipe)
        return -ENOMEM;
    struct file *reader = file_create(&pipe_ops, flags & O_NONBLOCK, pipe);
    if (!reader)
        goto put_pipe;
    pipe->readers = pipe->reader_opens = 1;
    struct file *writer = file_create(&pipe_ops, O_WRONLY | (flags & O_NONBLOCK), pipe);
    if (!writer)
        goto put_reader;
    pipe->writers = pipe->writer_opens = 1;
    refcount_get(&pipe->refs);
    files[0] = reader;
    files[1] = writer;
    return 0;

put_reader:
    file_put(reader); /* puts the pipe, too */
    return -ENOMEM;
put_pipe:
    pipe_put(pipe);
    return -ENOMEM;
}

/* ---- FIFOs ---- */

static struct pipe *pipe_of_inode(void **slot)
{
    mutex_lock(&fifo_mutex);
    struct pipe *pipe = *slot ? *slot : pipe_alloc();
    if (pipe) {
        *slot = pipe; /* holds the first reference */
        refcount_get(&pipe->refs);
    }
    mutex_unlock(&fifo_mutex);
    return pipe;
}

struct opening {
    const uint32_t *count, *opens;
    uint32_t opens_before;
};

/* The other side is there, or was there since we began to wait. */
static bool has_partner(void *argument)
{
    const struct opening *opening = argument;
    return load_relaxed(opening->count) || load_relaxed(opening->opens) != opening->opens_before;
}

static void enter(struct pipe *pipe, bool reads, bool writes)
{
    if (reads) {
        store_relaxed(&pipe->reader_opens, pipe->reader_opens + 1);
        store_release(&pipe->readers, pipe->readers + 1);
    }
    if (writes) {
        store_relaxed(&pipe->writer_opens, pipe->writer_opens + 1);
        store_release(&pipe->writers, pipe->writers + 1);
    }
}

int pipe_fifo_open(void **slot, struct file *file)
{
    uint32_t mode = load_relaxed(&file->flags) & O_ACCESS_MODE;
    bool reads = mode != O_WRONLY, writes = mode == O_WRONLY || mode == O_RDWR, waits = !file_is_nonblocking(file);
    struct pipe *pipe = pipe_of_inode(slot);
    if (!pipe)
        return -ENOMEM;
    mutex_lock(&pipe->mutex);
    if (writes && !reads && !waits && !pipe->readers) {
        mutex_unlock(&pipe->mutex);
        pipe_put(pipe);
        return -ENXIO;
    }
    enter(pipe, reads, writes);
    struct opening opening = {&pipe->writers, &pipe->writer_opens, pipe->writer_opens};
    if (!reads)
        opening = (struct opening){&pipe->readers, &pipe->reader_opens, pipe->reader_opens};
    mutex_unlock(&pipe->mutex);
    wake_up_all(&pipe->write_queue, 0); /* opens that wait for us */
    const struct file_ops *former_ops = file->ops;
    void *former_data = file->data;
    file->ops = &fifo_ops;
    file->data = pipe;
    if (reads && writes)
        return 0;
    int err = 0;
    if (waits)
        err = wait_until(&pipe->write_queue, has_partner, &opening, WAIT_INTERRUPTIBLE, UINT64_MAX, false);
    if (err) {
        fifo_ops.release(file);
        file->ops = former_ops;
        file->data = former_data;
    }
    return err;
}

void pipe_fifo_free(void *pipe)
{
    if (pipe)
        pipe_put(pipe);
}

/* ---- sizes ---- */

long pipe_get_size(struct file *file)
{
    if (!file_is_pipe(file))
        return -EBADF;
    struct pipe *pipe = file->data;
    return (long)(load_relaxed(&pipe->slots) * PAGE_SIZE);
}

long pipe_set_size(struct file *file, uint64_t size)
{
    if (!file_is_pipe(file))
        return -EBADF;
    if (!size || size > UINT32_MAX / 2)
        return -EINVAL;
    uint32_t slots = 1;
    while (slots * PAGE_SIZE < size)
        slots *= 2;
    if (slots > PIPE_SLOTS_MAX)
        return -EPERM;
    struct pipe *pipe = file->data;
    mutex_lock(&pipe->mutex);
    int err = pipe_resize(pipe, slots);
    mutex_unlock(&pipe->mutex);
    if (!err)
        wake_up_all(&pipe->write_queue, POLL_WRITABLE);
    return err ? err : (long)(slots * PAGE_SIZE);
}

/* ---- splice and tee ---- */

static ssize_t consume_ring(struct pipe *pipe, size_t len, ssize_t (*consume)(void *, const void *, size_t),
                            void *argument)
{
    ssize_t done = 0;
    while (len && pipe->used) {
        struct pipe_buffer *first = pipe_first(pipe);
        size_t n = MIN(len, first->len);
        ssize_t took = consume(argument, (char *)page_address(first->page) + first->offset, n);
        if (took <= 0)
            return done ? done : took;
        debug_assert((size_t)took <= n);
        pipe_drop(pipe, (uint32_t)took);
        done += took;
        len -= (size_t)took;
        if ((size_t)took < n)
            break;
    }
    return done;
}

ssize_t pipe_consume(struct file *file, size_t len, bool is_nonblocking,
                     ssize_t (*consume)(void *argument, const void *bytes, size_t n), void *argument)
{
    struct pipe *pipe = file->data;
    mutex_lock(&pipe->mutex);
    ssize_t done = pipe_wait_to_read(pipe, is_nonblocking || file_is_nonblocking(file));
    if (!done)
        done = consume_ring(pipe, len, consume, argument);
    mutex_unlock(&pipe->mutex);
    if (done > 0)
        wake_up_one(&pipe->write_queue, POLL_WRITABLE);
    return done;
}

int pipe_wait_readable(struct file *file, bool is_nonblocking)
{
    struct pipe *pipe = file->data;
    mutex_lock(&pipe->mutex);
    int err = pipe_wait_to_read(pipe, is_nonblocking || file_is_nonblocking(file));
    mutex_unlock(&pipe->mutex);
    return err;
}

int pipe_wait_writable(struct file *file, bool is_nonblocking)
{
    struct pipe *pipe = file->data;
    mutex_lock(&pipe->mutex);
    int err = pipe->readers ? pipe_wait_to_write(pipe, PIPE_BUF, is_nonblocking || file_is_nonblocking(file)) : -EPIPE;
    mutex_unlock(&pipe->mutex);
    return err;
}

static ssize_t copy_ring(struct pipe *from, struct pipe *to, size_t len)
{
    ssize_t done = 0;
    for (uint32_t i = 0; len && i < from->used; i++) {
        struct pipe_buffer *buffer = &from->ring[(from->head + i) % from->slots];
        size_t n = MIN(len, buffer->len);
        struct io_segment segment;
        struct io_vector io;
        io_vector_kernel(&io, &segment, (char *)page_address(buffer->page) + buffer->offset, n);
        ssize_t copied = pipe_append(to, &io);
        if (copied <= 0)
            return done ? done : copied ? copied : -EAGAIN;
        done += copied;
        len -= (size_t)copied;
    }
    return done;
}

ssize_t pipe_tee(struct file *in, struct file *out, size_t len)
{
    struct pipe *from = in->data, *to = out->data;
    if (from == to)
        return -EINVAL;
    struct pipe *first = from < to ? from : to, *second = from < to ? to : from;
    mutex_lock(&first->mutex);
    mutex_lock(&second->mutex);
    ssize_t done = -EPIPE;
    if (to->readers)
        done = from->used ? copy_ring(from, to, len) : from->writers ? -EAGAIN : 0;
    mutex_unlock(&second->mutex);
    mutex_unlock(&first->mutex);
    if (done > 0)
        wake_up_one(&to->read_queue, POLL_READABLE);
    return done;
}
