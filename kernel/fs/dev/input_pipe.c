/*
 * Standard input that is no terminal: a pipe, fed with the console's bytes as they are by a kernel thread. The
 * console's work puts bytes into a page-sized ring, the thread moves them into the pipe and sleeps while that is full;
 * a full ring leaves the rest with the console, and so with the host. The host tells the length once it knows it, in
 * another channel, so that no byte of the input can be taken for its end.
 */
#include <base/log.h>
#include <base/string.h>
#include <common/checked.h>
#include <device/console.h>
#include <devfs/devfs.h>
#include <file/pipe.h>
#include <mm/alloc.h>
#include <sched/wait.h>
#include "devices.h"

enum { RING_SIZE = PAGE_SIZE };

static struct {
    struct console_device *device; /* fixed at boot */
    char *ring; /* fixed at boot; bytes from head on belong to the thread, the others to the console */
    struct spinlock lock;
    size_t head, count GUARDED_BY(&lock);
    uint64_t received_bytes, end_bytes GUARDED_BY(&lock); /* end_bytes: UINT64_MAX while the end is not known */
    bool is_held GUARDED_BY(&lock);                       /* the console keeps some, as there was no room */
    struct wait_queue changed;
} input = {.end_bytes = UINT64_MAX, .changed = WAIT_QUEUE_INIT(input.changed)};

/* Work context, one CPU at a time. */
static size_t console_received(struct console_device *device, const char *bytes, size_t n)
{
    spin_lock(&input.lock);
    size_t taken = MIN(n, RING_SIZE - input.count), tail = (input.head + input.count) % RING_SIZE;
    size_t first = MIN(taken, RING_SIZE - tail);
    memcpy(input.ring + tail, bytes, first);
    memcpy(input.ring, bytes + first, taken - first);
    input.count += taken;
    input.received_bytes += taken;
    input.is_held = taken < n;
    spin_unlock(&input.lock);
    wake_up_all(&input.changed, 0);
    return taken;
}

void console_input_end(uint64_t total_bytes)
{
    spin_lock(&input.lock);
    input.end_bytes = total_bytes;
    spin_unlock(&input.lock);
    wake_up_all(&input.changed, 0);
}

static bool is_ready(size_t *count, bool *is_ended)
{
    spin_lock(&input.lock);
    *count = MIN(input.count, RING_SIZE - input.head);
    *is_ended = input.received_bytes >= input.end_bytes;
    spin_unlock(&input.lock);
    return *count || *is_ended;
}

static void drop(size_t n)
{
    spin_lock(&input.lock);
    input.head = (input.head + n) % RING_SIZE;
    input.count -= n;
    bool is_held = input.is_held;
    input.is_held = false;
    spin_unlock(&input.lock);
    if (is_held)
        input.device->ops->resume_input(input.device);
}

/* Ends with the input, or when nobody has the pipe's reading end any more: then the rest stays with the host. */
static void feed(void *argument)
{
    struct file *pipe = argument;
    ssize_t written = 0;
    while (written >= 0) {
        size_t count;
        bool is_ended;
        wait_event(&input.changed, is_ready(&count, &is_ended), WAIT_UNINTERRUPTIBLE, UINT64_MAX);
        if (!count)
            break;
        struct io_segment segment;
        struct io_vector from;
        io_vector_kernel(&from, &segment, input.ring + input.head, count);
        written = file_write(pipe, &from, -1);
        if (written > 0)
            drop((size_t)written);
    }
    file_put(pipe);
}

int input_pipe_open(struct file **out)
{
    struct file *ends[2];
    int err = pipe_create(0, ends);
    if (err)
        return err;
    input.device = console_device_default();
    input.ring = kmalloc(RING_SIZE, ALLOC_WAIT);
    struct thread *thread = input.ring ? thread_create("input", feed, ends[1]) : NULL;
    if (!thread) {
        file_put(ends[0]);
        file_put(ends[1]);
        kfree(input.ring);
        return -ENOMEM;
    }
    thread_start(thread);
    thread_put(thread);
    if (input.device) {
        input.device->received = console_received;
        input.device->ops->resume_input(input.device);
    } else {
        console_input_end(0);
    }
    *out = ends[0];
    return 0;
}
