/*
 * Messages of POSIX queues, and the queue as a file. Senders and receivers wait until their own attempt succeeds: the
 * attempt is the condition of the wait, and keeps its outcome.
 */
#include "posix_queue.h"
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <file/poll.h>
#include <mm/alloc.h>

enum { O_NONBLOCK = 04000, SIGNAL_CODE_MESSAGE = -3, EVENT_SIGNAL = 0, EVENT_NONE = 1, STATE_TEXT = 80 };

static struct posix_queue *queue_of(struct file *file)
{
    return file->ops == &posix_queue_ops ? file->data : NULL;
}

/* ---- notices ---- */

/* What is to be sent once the lock is released. */
struct notification {
    struct process *to; /* NULL: nothing */
    struct posix_queue_notice notice;
};

static struct notification take_notice_locked(struct posix_queue *queue)
{
    struct notification taken = {queue->notified, queue->notice};
    queue->notified = NULL;
    return taken;
}

static void send_notice(const struct notification *notification)
{
    struct signal_info info;
    if (!notification->to)
        return;
    if (notification->notice.notify == EVENT_SIGNAL && notification->notice.number) {
        signal_info_init(&info, notification->notice.number, SIGNAL_CODE_MESSAGE, process_current()->id,
                         process_current()->credentials.uid);
        info.fields[1] = notification->notice.value;
        signal_send_process(notification->to, notification->notice.number, &info);
    }
    process_put(notification->to);
}

int posix_queue_notify(struct file *file, const struct posix_queue_notice *notice)
{
    struct posix_queue *queue = queue_of(file);
    struct process *caller = process_current(), *dropped = NULL;
    int err = 0;
    if (!queue)
        return -EBADF;
    spin_lock(&posix_queue_lock);
    if (!notice) {
        if (queue->notified == caller)
            dropped = take_notice_locked(queue).to;
    } else if (queue->notified) {
        err = -EBUSY;
    } else {
        process_get(caller);
        queue->notified = caller;
        queue->notice = *notice;
    }
    spin_unlock(&posix_queue_lock);
    if (dropped)
        process_put(dropped);
    return err;
}

/* ---- sending ---- */

struct sending {
    struct posix_queue *queue;
    struct posix_message *message; /* NULL: in the queue */
    struct notification notification;
};

/* Behind those of its own and of higher priority. */
static void insert_locked(struct posix_queue *queue, struct posix_message *message)
{
    struct list *at = queue->messages.previous;
    while (at != &queue->messages && container_of(at, struct posix_message, link)->priority < message->priority)
        at = at->previous;
    list_insert_between(&message->link, at, at->next);
}

static bool try_send(void *argument)
{
    struct sending *sending = argument;
    struct posix_queue *queue = sending->queue;
    if (!sending->message)
        return true;
    spin_lock(&posix_queue_lock);
    if (queue->count < queue->max_messages) {
        insert_locked(queue, sending->message);
        sending->message = NULL;
        if (!queue->count++ && !queue->receivers_waiting)
            sending->notification = take_notice_locked(queue);
    }
    spin_unlock(&posix_queue_lock);
    return !sending->message;
}

static int make_message(const struct user *text, size_t size, unsigned priority, struct posix_message **out)
{
    struct posix_message *message = kmalloc(sizeof *message + size, ALLOC_WAIT);
    if (!message)
        return -ENOMEM;
    message->size = size;
    message->priority = priority;
    if (copy_from_user(message->text, text, size)) {
        kfree(message);
        return -EFAULT;
    }
    *out = message;
    return 0;
}

long posix_queue_send(struct file *file, const struct user *text, size_t size, unsigned priority, uint64_t deadline_ns)
{
    struct sending sending = {.queue = queue_of(file)};
    if (!sending.queue || !file_is_writable(file))
        return -EBADF;
    if (size > (uint64_t)sending.queue->message_size)
        return -EMSGSIZE;
    int err = make_message(text, size, priority, &sending.message);
    if (err)
        return err;
    if (!try_send(&sending))
        err = file_is_nonblocking(file)
                  ? -EAGAIN
                  : wait_until(&sending.queue->senders, try_send, &sending, WAIT_INTERRUPTIBLE, deadline_ns, false);
    if (sending.message) {
        kfree(sending.message);
        return err;
    }
    wake_up_all(&sending.queue->receivers, POLL_IN | POLL_RDNORM);
    send_notice(&sending.notification);
    return 0;
}

/* ---- receiving ---- */

struct receiving {
    struct posix_queue *queue;
    struct posix_message *message; /* taken */
};

static bool try_receive(void *argument)
{
    struct receiving *receiving = argument;
    struct posix_queue *queue = receiving->queue;
    if (receiving->message)
        return true;
    spin_lock(&posix_queue_lock);
    if (queue->count) {
        receiving->message = list_first(&queue->messages, struct posix_message, link);
        list_remove(&receiving->message->link);
        queue->count--;
    }
    spin_unlock(&posix_queue_lock);
    return receiving->message;
}

static int wait_for_message(struct receiving *receiving, uint64_t deadline_ns)
{
    struct posix_queue *queue = receiving->queue;
    spin_lock(&posix_queue_lock);
    queue->receivers_waiting++;
    spin_unlock(&posix_queue_lock);
    int err = wait_until(&queue->receivers, try_receive, receiving, WAIT_INTERRUPTIBLE, deadline_ns, false);
    spin_lock(&posix_queue_lock);
    queue->receivers_waiting--;
    spin_unlock(&posix_queue_lock);
    return err;
}

long posix_queue_receive(struct file *file, struct user *to, size_t size, unsigned *priority, uint64_t deadline_ns)
{
    struct receiving receiving = {.queue = queue_of(file)};
    if (!receiving.queue || !file_is_readable(file))
        return -EBADF;
    if (size < (uint64_t)receiving.queue->message_size)
        return -EMSGSIZE;
    int err = 0;
    if (!try_receive(&receiving))
        err = file_is_nonblocking(file) ? -EAGAIN : wait_for_message(&receiving, deadline_ns);
    struct posix_message *message = receiving.message;
    if (!message)
        return err;
    wake_up_all(&receiving.queue->senders, POLL_OUT | POLL_WRNORM);
    long result = copy_to_user(to, message->text, message->size) ? -EFAULT : (long)message->size;
    *priority = message->priority;
    kfree(message);
    return result;
}

/* ---- attributes ---- */

static void set_nonblocking(struct file *file, bool is_nonblocking)
{
    spin_lock(&file->flags_lock);
    store_relaxed(&file->flags, (file->flags & ~(uint32_t)O_NONBLOCK) | (is_nonblocking ? O_NONBLOCK : 0));
    spin_unlock(&file->flags_lock);
}

int posix_queue_attributes(struct file *file, const struct posix_queue_attributes *set,
                           struct posix_queue_attributes *old)
{
    struct posix_queue *queue = queue_of(file);
    if (set && set->flags & ~(int64_t)O_NONBLOCK)
        return -EINVAL;
    if (!queue)
        return -EBADF;
    spin_lock(&posix_queue_lock);
    if (old)
        *old = (struct posix_queue_attributes){
            .flags = load_relaxed(&file->flags) & O_NONBLOCK,
            .max_messages = queue->max_messages,
            .message_size = queue->message_size,
            .messages = queue->count,
        };
    spin_unlock(&posix_queue_lock);
    if (set)
        set_nonblocking(file, set->flags & O_NONBLOCK);
    return 0;
}

/* ---- as a file ---- */

/* The queue's state as a line of text, as reading it in /dev/mqueue gives on Linux. */
static ssize_t queue_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    struct posix_queue *queue = file->data;
    char text[STATE_TEXT];
    uint64_t bytes = 0;
    struct posix_message *message;
    spin_lock(&posix_queue_lock);
    list_for_each(message, &queue->messages, link) bytes += message->size;
    const struct process *notified = queue->notified;
    int len = snprintf(text, sizeof text, "QSIZE:%-10llu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6u\n",
                       (unsigned long long)bytes, notified ? queue->notice.notify : 0,
                       notified && queue->notice.notify == EVENT_SIGNAL ? queue->notice.number : 0,
                       notified ? notified->id : 0);
    spin_unlock(&posix_queue_lock);
    if (!offset || *offset < 0 || *offset >= len)
        return 0;
    size_t done = io_copy_to(to, text + *offset, MIN(to->left, (size_t)(len - *offset)));
    if (!done)
        return -EFAULT;
    *offset += (int64_t)done;
    return (ssize_t)done;
}

static uint32_t queue_poll(struct file *file, struct poll_table *table)
{
    struct posix_queue *queue = file->data;
    poll_listen(table, &queue->senders);
    poll_listen(table, &queue->receivers);
    spin_lock(&posix_queue_lock);
    uint32_t found = queue->count ? POLL_IN | POLL_RDNORM : 0;
    found |= queue->count < queue->max_messages ? POLL_OUT | POLL_WRNORM : 0;
    spin_unlock(&posix_queue_lock);
    return found;
}

/* A process that closes the queue is not told any more. */
static void queue_flush(struct file *file)
{
    posix_queue_notify(file, NULL);
}

static void queue_release(struct file *file)
{
    posix_queue_put(file->data);
}

static void queue_describe(struct file *file, char *to, size_t size)
{
    const struct posix_queue *queue = file->data;
    snprintf(to, size, "/%s", queue->name);
}

const struct file_ops posix_queue_ops = {
    .read = queue_read,
    .poll = queue_poll,
    .flush = queue_flush,
    .release = queue_release,
    .describe = queue_describe,
    .name = "mqueue",
};
