/* Moving data between pipes and other files, and between pipes. */
#include <common/checked.h>
#include "pipe_ring.h"

static bool waits_not(const struct file *file, bool is_nonblocking)
{
    return is_nonblocking || file_is_nonblocking(file);
}

/* ---- out of a pipe ---- */

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
    ssize_t done = pipe_wait_to_read(pipe, waits_not(file, is_nonblocking));
    if (!done)
        done = consume_ring(pipe, len, consume, argument);
    bool has_more = pipe->used;
    mutex_unlock(&pipe->mutex);
    if (done > 0)
        wake_up_one(&pipe->write_queue, POLL_WRITABLE);
    if (has_more)
        wake_up_one(&pipe->read_queue, POLL_READABLE);
    return done;
}

/* ---- into a pipe ---- */

static ssize_t produce_ring(struct pipe *pipe, size_t len, ssize_t (*produce)(void *, void *, size_t), void *argument)
{
    ssize_t done = 0;
    while (len && pipe->used < pipe->slots) {
        size_t n = MIN(len, PAGE_SIZE);
        struct page *page = pipe_take_page(pipe);
        ssize_t got = page ? produce(argument, page_address(page), n) : -ENOMEM;
        if (got <= 0) {
            if (page)
                pipe_give_back_page(pipe, page);
            return done ? done : got;
        }
        pipe_append_page(pipe, page, (uint32_t)got);
        done += got;
        len -= (size_t)got;
        if ((size_t)got < n)
            break;
    }
    return done;
}

/* Until a whole page of room is there. */
static int wait_for_slot(struct pipe *pipe, bool is_nonblocking)
{
    return pipe->readers ? pipe_wait_to_write(pipe, PAGE_SIZE, is_nonblocking) : -EPIPE;
}

ssize_t pipe_produce(struct file *file, size_t len, bool is_nonblocking,
                     ssize_t (*produce)(void *argument, void *to, size_t n), void *argument)
{
    struct pipe *pipe = file->data;
    mutex_lock(&pipe->mutex);
    ssize_t done = wait_for_slot(pipe, waits_not(file, is_nonblocking));
    if (!done)
        done = produce_ring(pipe, len, produce, argument);
    bool has_room = pipe->used < pipe->slots;
    mutex_unlock(&pipe->mutex);
    if (done > 0)
        wake_up_one(&pipe->read_queue, POLL_READABLE);
    if (has_room)
        wake_up_one(&pipe->write_queue, POLL_WRITABLE);
    return done;
}

/* ---- from pipe to pipe ---- */

static int wait_readable(struct file *file, bool is_nonblocking)
{
    struct pipe *pipe = file->data;
    mutex_lock(&pipe->mutex);
    int err = pipe_wait_to_read(pipe, waits_not(file, is_nonblocking));
    mutex_unlock(&pipe->mutex);
    return err;
}

static int wait_writable(struct file *file, bool is_nonblocking)
{
    struct pipe *pipe = file->data;
    mutex_lock(&pipe->mutex);
    int err = wait_for_slot(pipe, waits_not(file, is_nonblocking));
    mutex_unlock(&pipe->mutex);
    return err;
}

static ssize_t append_bytes(struct pipe *to, const struct pipe_buffer *buffer, size_t n)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, (char *)page_address(buffer->page) + buffer->offset, n);
    return pipe_append(to, &io);
}

/* Without waiting: bytes, or 0 when one is empty or the other full. Both locks are held. */
static ssize_t copy_ring(struct pipe *from, struct pipe *to, size_t len, bool is_move)
{
    ssize_t done = 0;
    for (uint32_t i = 0; len && i < from->used;) {
        struct pipe_buffer *buffer = &from->ring[(from->head + i) % from->slots];
        size_t n = MIN(len, buffer->len);
        ssize_t copied = append_bytes(to, buffer, n);
        if (copied <= 0)
            return done ? done : copied;
        done += copied;
        len -= (size_t)copied;
        if (is_move)
            pipe_drop(from, (uint32_t)copied); /* the next one is the first now */
        else
            i++;
    }
    return done;
}

static ssize_t try_transfer(struct pipe *from, struct pipe *to, size_t len, bool is_move)
{
    struct pipe *first = from < to ? from : to, *second = from < to ? to : from;
    mutex_lock(&first->mutex);
    mutex_lock(&second->mutex);
    ssize_t done = to->readers ? copy_ring(from, to, len, is_move) : -EPIPE;
    if (!done)
        done = from->used || from->writers ? -EAGAIN : 0;
    mutex_unlock(&second->mutex);
    mutex_unlock(&first->mutex);
    if (done > 0)
        wake_up_one(&to->read_queue, POLL_READABLE);
    if (done > 0 && is_move)
        wake_up_one(&from->write_queue, POLL_WRITABLE);
    return done;
}

ssize_t pipe_transfer(struct file *in, struct file *out, size_t len, bool is_move, bool is_nonblocking)
{
    if (in->data == out->data)
        return -EINVAL;
    for (;;) {
        ssize_t done = try_transfer(in->data, out->data, len, is_move);
        if (done != -EAGAIN)
            return done;
        int err = wait_readable(in, is_nonblocking);
        if (!err)
            err = wait_writable(out, is_nonblocking);
        if (err)
            return err;
    }
}
