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
