/*
 * Reading, writing and polling pipes. One mutex a pipe; who has to wait releases it and waits for a condition on the
 * ring's counters. Waiting readers and writers are exclusive: each wakes the next when it leaves something behind.
 */
#include <base/string.h>
#include <common/checked.h>
#include "pipe_ring.h"

enum { FIONREAD = 0x541b };

int pipe_wait_to_read(struct pipe *pipe, bool is_nonblocking)
{
    while (!pipe_can_read(pipe)) {
        if (is_nonblocking)
            return -EAGAIN;
        mutex_unlock(&pipe->mutex);
        int err = wait_until(&pipe->read_queue, pipe_can_read, pipe, WAIT_INTERRUPTIBLE, UINT64_MAX, true);
        mutex_lock(&pipe->mutex);
        if (err)
            return err;
    }
    return 0;
}

struct room {
    struct pipe *pipe;
    size_t n;
};

static bool has_room(void *argument)
{
    struct room *room = argument;
    return pipe_has_room(room->pipe, room->n);
}

int pipe_wait_to_write(struct pipe *pipe, size_t n, bool is_nonblocking)
{
    struct room room = {pipe, n};
    while (!has_room(&room)) {
        if (is_nonblocking)
            return -EAGAIN;
        mutex_unlock(&pipe->mutex);
        int err = wait_until(&pipe->write_queue, has_room, &room, WAIT_INTERRUPTIBLE, UINT64_MAX, true);
        mutex_lock(&pipe->mutex);
        if (err)
            return err;
    }
    return pipe->readers ? 0 : -EPIPE;
}

static ssize_t read_ring(struct pipe *pipe, struct io_vector *to)
{
    ssize_t done = 0;
    while (to->left && pipe->used) {
        struct pipe_buffer *first = pipe_first(pipe);
        size_t n = MIN(to->left, first->len);
        size_t got = io_copy_to(to, (char *)page_address(first->page) + first->offset, n);
        pipe_drop(pipe, (uint32_t)got);
        done += (ssize_t)got;
        if (got < n)
            return done ? done : -EFAULT;
    }
    return done;
}

static ssize_t pipe_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    struct pipe *pipe = file->data;
    if (!to->left)
        return 0;
    mutex_lock(&pipe->mutex);
    ssize_t done = pipe_wait_to_read(pipe, file_is_nonblocking(file));
    if (!done)
        done = read_ring(pipe, to);
    bool has_more = pipe->used, has_freed = done > 0 && pipe->used < pipe->slots;
    mutex_unlock(&pipe->mutex);
    if (has_freed)
        wake_up_one(&pipe->write_queue, POLL_WRITABLE);
    if (has_more)
        wake_up_one(&pipe->read_queue, POLL_READABLE);
    return done;
}

/* Up to PIPE_BUF bytes go in at once; longer writes as the room comes. Readers are told before the writer waits. */
static ssize_t write_ring(struct pipe *pipe, struct io_vector *from, bool is_nonblocking)
{
    ssize_t done = 0;
    while (from->left) {
        size_t piece = MIN(from->left, (size_t)PIPE_BUF);
        if (done && !pipe_has_room(pipe, piece))
            wake_up_one(&pipe->read_queue, POLL_READABLE);
        ssize_t n = pipe_wait_to_write(pipe, piece, is_nonblocking);
        if (!n)
            n = pipe_append(pipe, from);
        if (n <= 0)
            return done ? done : n;
        done += n;
    }
    return done;
}

static ssize_t pipe_write(struct file *file, struct io_vector *from, int64_t *offset)
{
    struct pipe *pipe = file->data;
    if (!from->left)
        return 0;
    mutex_lock(&pipe->mutex);
    ssize_t done = pipe->readers ? write_ring(pipe, from, file_is_nonblocking(file)) : -EPIPE;
    bool has_room_left = pipe->used < pipe->slots;
    mutex_unlock(&pipe->mutex);
    if (done > 0)
        wake_up_one(&pipe->read_queue, POLL_READABLE);
    if (has_room_left)
        wake_up_one(&pipe->write_queue, POLL_WRITABLE);
    return done;
}

static uint32_t pipe_poll(struct file *file, struct poll_table *table)
{
    struct pipe *pipe = file->data;
    uint32_t found = 0;
    if (file_is_readable(file)) {
        poll_listen(table, &pipe->read_queue);
        if (load_acquire(&pipe->used))
            found |= POLL_READABLE;
        if (!load_acquire(&pipe->writers) && load_relaxed(&pipe->writer_opens))
            found |= POLL_HUP;
    }
    if (file_is_writable(file)) {
        poll_listen(table, &pipe->write_queue);
        if (load_acquire(&pipe->used) < load_relaxed(&pipe->slots))
            found |= POLL_WRITABLE;
        if (!load_acquire(&pipe->readers))
            found |= POLL_ERR;
    }
    return found;
}

static long pipe_ioctl(struct file *file, unsigned command, struct user *argument)
{
    struct pipe *pipe = file->data;
    if (command != FIONREAD)
        return -ENOTTY;
    uint32_t n = 0;
    mutex_lock(&pipe->mutex);
    for (uint32_t i = 0; i < pipe->used; i++)
        n += pipe->ring[(pipe->head + i) % pipe->slots].len;
    mutex_unlock(&pipe->mutex);
    return copy_struct_to_user(argument, &n);
}

static void pipe_release(struct file *file)
{
    struct pipe *pipe = file->data;
    mutex_lock(&pipe->mutex);
    if (file_is_readable(file))
        store_release(&pipe->readers, pipe->readers - 1);
    if (file_is_writable(file))
        store_release(&pipe->writers, pipe->writers - 1);
    bool is_unused = !pipe->readers && !pipe->writers;
    while (is_unused && pipe->used)
        pipe_drop(pipe, pipe_first(pipe)->len);
    mutex_unlock(&pipe->mutex);
    wake_up_all(&pipe->read_queue, POLL_READABLE | POLL_HUP);
    wake_up_all(&pipe->write_queue, POLL_WRITABLE | POLL_ERR);
    pipe_put(pipe);
}

static void pipe_describe(struct file *file, char *to, size_t size)
{
    struct pipe *pipe = file->data;
    snprintf(to, size, "pipe:[%llu]", (unsigned long long)pipe->number);
}

const struct file_ops pipe_ops = {
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .ioctl = pipe_ioctl,
    .release = pipe_release,
    .describe = pipe_describe,
    .name = "pipe",
};
/* vfs describes a FIFO by its path. */
const struct file_ops fifo_ops = {
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .ioctl = pipe_ioctl,
    .release = pipe_release,
    .name = "fifo",
};
