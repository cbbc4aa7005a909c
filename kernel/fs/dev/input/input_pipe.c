/* See input_pipe.h. */
#include <base/string.h>
#include <common/checked.h>
#include <device/console.h>
#include <file/pipe.h>
#include <input_pipe/input_pipe.h>
#include <mm/alloc.h>
#include <sched/wait.h>

enum { RING_SIZE = PAGE_SIZE };

struct input_pipe {
    struct console_device *device;
    struct file *writer; /* the thread's */
    char *ring;          /* `count` bytes from head on are the thread's to read, the rest the console's to fill */
    struct spinlock lock;
    size_t head, count GUARDED_BY(&lock);
    uint64_t received_bytes, end_bytes GUARDED_BY(&lock); /* end_bytes: UINT64_MAX while the end is not known */
    bool is_held GUARDED_BY(&lock);                       /* the console keeps some, as there was no room */
    struct wait_queue changed;
};

/* Work context, one CPU at a time. */
static size_t console_received(struct console_device *device, const char *bytes, size_t n)
{
    struct input_pipe *input = device->client_data;
    spin_lock(&input->lock);
    size_t taken = MIN(n, RING_SIZE - input->count), tail = (input->head + input->count) % RING_SIZE;
    size_t first = MIN(taken, RING_SIZE - tail);
    memcpy(input->ring + tail, bytes, first);
    memcpy(input->ring, bytes + first, taken - first);
    input->count += taken;
    input->received_bytes += taken;
    input->is_held = taken < n;
    spin_unlock(&input->lock);
    wake_up_all(&input->changed, 0);
    return taken;
}

void input_pipe_end(struct input_pipe *input, uint64_t total_bytes)
{
    spin_lock(&input->lock);
    input->end_bytes = total_bytes;
    spin_unlock(&input->lock);
    wake_up_all(&input->changed, 0);
}

/* *count: bytes that can be read in one piece. */
static bool is_ready(struct input_pipe *input, size_t *count)
{
    spin_lock(&input->lock);
    *count = MIN(input->count, RING_SIZE - input->head);
    bool is_ended = input->received_bytes >= input->end_bytes;
    spin_unlock(&input->lock);
    return *count || is_ended;
}

static void drop(struct input_pipe *input, size_t n)
{
    spin_lock(&input->lock);
    input->head = (input->head + n) % RING_SIZE;
    input->count -= n;
    bool is_held = input->is_held;
    input->is_held = false;
    spin_unlock(&input->lock);
    if (is_held)
        input->device->ops->resume_input(input->device);
}

/* Ends with the input, or when nobody has the reading end any more: then the rest stays with the host. */
static void feed(void *argument)
{
    struct input_pipe *input = argument;
    ssize_t written = 0;
    while (written >= 0) {
        size_t count;
        wait_event(&input->changed, is_ready(input, &count), WAIT_UNINTERRUPTIBLE, UINT64_MAX);
        if (!count)
            break;
        struct io_segment segment;
        struct io_vector from;
        io_vector_kernel(&from, &segment, input->ring + input->head, count);
        written = file_write(input->writer, &from, -1);
        if (written > 0)
            drop(input, (size_t)written);
    }
    file_put(input->writer);
}

int input_pipe_create(struct console_device *device, struct input_pipe **out, struct file **reader)
{
    struct file *ends[2];
    int err = pipe_create(0, ends);
    if (err)
        return err;
    struct input_pipe *input = kzalloc(sizeof *input, ALLOC_WAIT);
    char *ring = kmalloc(RING_SIZE, ALLOC_WAIT);
    struct thread *thread = input && ring ? thread_create("input", feed, input) : NULL;
    err = -ENOMEM;
    if (!thread)
        goto free_all;
    input->device = device;
    input->writer = ends[1];
    input->ring = ring;
    input->end_bytes = UINT64_MAX;
    spin_init(&input->lock);
    wait_queue_init(&input->changed);
    thread_start(thread);
    thread_put(thread);
    *out = input;
    *reader = ends[0];
    device->client_data = input;
    device->received = console_received;
    device->ops->resume_input(device);
    return 0;

free_all:
    kfree(ring);
    kfree(input);
    file_put(ends[0]);
    file_put(ends[1]);
    return err;
}
