/* eventfd: the counter under its queue's neighbour lock; one queue for readers, writers and poll, told apart by key. */
#include <base/string.h>
#include <file/eventfd.h>
#include <file/poll.h>
#include <mm/alloc.h>

static const uint64_t VALUE_MAX = UINT64_MAX - 1;

struct eventfd {
    struct spinlock lock;             /* order: lock, then queue->lock never under it */
    uint64_t value GUARDED_BY(&lock); /* read anywhere as a hint */
    bool is_semaphore;
    uint64_t number;
    struct wait_queue queue;
};
struct addition {
    struct eventfd *event;
    uint64_t by;
};

static bool take(struct eventfd *event, uint64_t *out)
{
    spin_lock(&event->lock);
    uint64_t value = event->value;
    *out = event->is_semaphore && value ? 1 : value;
    store_relaxed(&event->value, value - *out);
    spin_unlock(&event->lock);
    return value != 0;
}

static bool add(struct addition *addition)
{
    struct eventfd *event = addition->event;
    spin_lock(&event->lock);
    bool fits = addition->by <= VALUE_MAX - event->value;
    if (fits)
        store_relaxed(&event->value, event->value + addition->by);
    spin_unlock(&event->lock);
    return fits;
}

static bool is_nonzero(void *argument)
{
    return load_relaxed(&((struct eventfd *)argument)->value) != 0;
}

static bool has_room(void *argument)
{
    struct addition *addition = argument;
    return addition->by <= VALUE_MAX - load_relaxed(&addition->event->value);
}

static ssize_t eventfd_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    struct eventfd *event = file->data;
    uint64_t value;
    if (to->left < sizeof value)
        return -EINVAL;
    while (!take(event, &value)) {
        if (file_is_nonblocking(file))
            return -EAGAIN;
        int err = wait_until(&event->queue, is_nonzero, event, WAIT_INTERRUPTIBLE, UINT64_MAX, false);
        if (err)
            return err;
    }
    wake_up_one(&event->queue, POLL_OUT | POLL_WRNORM);
    return io_copy_to(to, &value, sizeof value) == sizeof value ? (ssize_t)sizeof value : -EFAULT;
}

static ssize_t eventfd_write(struct file *file, struct io_vector *from, int64_t *offset)
{
    struct addition addition = {.event = file->data};
    if (from->left < sizeof addition.by)
        return -EINVAL;
    if (io_copy_from(from, &addition.by, sizeof addition.by) != sizeof addition.by)
        return -EFAULT;
    if (addition.by == UINT64_MAX)
        return -EINVAL;
    while (!add(&addition)) {
        if (file_is_nonblocking(file))
            return -EAGAIN;
        int err = wait_until(&addition.event->queue, has_room, &addition, WAIT_INTERRUPTIBLE, UINT64_MAX, false);
        if (err)
            return err;
    }
    wake_up_one(&addition.event->queue, POLL_IN | POLL_RDNORM);
    return sizeof addition.by;
}

static uint32_t eventfd_poll(struct file *file, struct poll_table *table)
{
    struct eventfd *event = file->data;
    poll_listen(table, &event->queue);
    uint64_t value = load_acquire(&event->value);
    return (value ? POLL_IN | POLL_RDNORM : 0) | (value < VALUE_MAX ? POLL_OUT | POLL_WRNORM : 0);
}

static void eventfd_release(struct file *file)
{
    kfree(file->data);
}

static void eventfd_describe(struct file *file, char *to, size_t size)
{
    snprintf(to, size, "anon_inode:[eventfd]");
}

static const struct file_ops eventfd_ops = {
    .read = eventfd_read,
    .write = eventfd_write,
    .poll = eventfd_poll,
    .release = eventfd_release,
    .describe = eventfd_describe,
    .name = "eventfd",
};

bool file_is_eventfd(const struct file *file)
{
    return file->ops == &eventfd_ops;
}

void eventfd_signal(struct file *file)
{
    struct addition addition = {.event = file->data, .by = 1};
    if (add(&addition))
        wake_up_one(&addition.event->queue, POLL_IN | POLL_RDNORM);
}

int eventfd_create(uint64_t value, uint32_t flags, struct file **out)
{
    enum { O_RDWR = 2, O_NONBLOCK = 04000 };
    struct eventfd *event = kzalloc(sizeof *event, ALLOC_WAIT);
    if (!event)
        return -ENOMEM;
    event->value = value;
    event->is_semaphore = flags & EVENTFD_SEMAPHORE;
    wait_queue_init(&event->queue);
    struct file *file = file_create(&eventfd_ops, O_RDWR | (flags & O_NONBLOCK), event);
    if (!file) {
        kfree(event);
        return -ENOMEM;
    }
    *out = file;
    return 0;
}
