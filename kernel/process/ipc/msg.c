/*
 * System V message queues. Everything is guarded by msg_table.lock. Senders and receivers wait until their own attempt
 * succeeds: the attempt is the condition of the wait, and keeps its outcome.
 */
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include <ipc/msg.h>
#include "table.h"

enum { MODE_READ = 0400, MODE_WRITE = 0200 };
struct msg_limits msg_limits = {8192, 16384, 32000}; /* Linux's defaults */

struct message {
    struct list link;
    long type;
    size_t size;
    uint8_t text[];
};
struct msg_queue {
    struct ipc_object base;
    struct list messages; /* oldest first */
    uint64_t count, bytes, max_bytes;
    int64_t send_time, receive_time, change_time;
    uint32_t last_sender, last_receiver;
    struct wait_queue senders, receivers;
};

static void free_queue(struct ipc_object *object);
static struct ipc_table msg_table = IPC_TABLE_INIT(msg_table, free_queue);
static uint64_t total_messages, total_bytes; /* of all queues; msg_table.lock */

static struct msg_queue *queue_of(struct ipc_object *object)
{
    return container_of(object, struct msg_queue, base);
}

/* Nobody can reach it any more. */
static void free_queue(struct ipc_object *object)
{
    struct msg_queue *queue = queue_of(object);
    spin_lock(&msg_table.lock);
    total_messages -= queue->count;
    total_bytes -= queue->bytes;
    spin_unlock(&msg_table.lock);
    while (!list_is_empty(&queue->messages)) {
        struct message *message = list_first(&queue->messages, struct message, link);
        list_remove(&message->link);
        kfree(message);
    }
    kfree(queue);
}

/* ---- msgget ---- */

static int make_queue(const struct ipc_get *get, struct ipc_object **out)
{
    struct msg_queue *queue = kzalloc(sizeof *queue, ALLOC_WAIT);
    if (!queue)
        return -ENOMEM;
    list_init(&queue->messages);
    wait_queue_init(&queue->senders);
    wait_queue_init(&queue->receivers);
    queue->max_bytes = load_relaxed(&msg_limits.queue_bytes);
    queue->change_time = ipc_now();
    *out = &queue->base;
    return 0;
}

static int check_queue(const struct ipc_get *get, const struct ipc_object *object)
{
    return 0;
}

long msg_get(int32_t key, int flags)
{
    struct ipc_get get = {
        .key = key,
        .flags = flags,
        .limit = (unsigned)MIN(load_relaxed(&msg_limits.queues), UINT64_C(32768)),
        .make = make_queue,
        .check = check_queue,
    };
    return ipc_get(&msg_table, &get);
}

static int find_and_hold(int id, unsigned rights, struct msg_queue **out)
{
    struct ipc_object *object;
    spin_lock(&msg_table.lock);
    int err = ipc_find_locked(&msg_table, id, IPC_BY_ID, rights, &object);
    if (!err) {
        ipc_hold_locked(object);
        *out = queue_of(object);
    }
    spin_unlock(&msg_table.lock);
    return err;
}

static long end_of_wait(int err, bool is_waiting)
{
    return err == -ERESTARTSYS && is_waiting ? -ERESTARTNOHAND : err;
}

/* ---- msgsnd ---- */

struct sending {
    struct msg_queue *queue;
    struct message *message; /* NULL: queued */
    int err;
};

/* Room for the bytes, and fewer messages than bytes are allowed: empty ones are bounded too. */
static bool has_room_locked(const struct msg_queue *queue, size_t size)
{
    return queue->bytes + size <= queue->max_bytes && queue->count + 1 <= queue->max_bytes;
}

static bool try_send(void *argument)
{
    struct sending *sending = argument;
    struct msg_queue *queue = sending->queue;
    if (!sending->message || sending->err)
        return true;
    spin_lock(&msg_table.lock);
    if (queue->base.is_removed) {
        sending->err = -EIDRM;
    } else if (has_room_locked(queue, sending->message->size)) {
        list_add_last(&queue->messages, &sending->message->link);
        queue->count++;
        queue->bytes += sending->message->size;
        total_messages++;
        total_bytes += sending->message->size;
        queue->send_time = ipc_now();
        queue->last_sender = process_current()->id;
        sending->message = NULL;
    }
    spin_unlock(&msg_table.lock);
    return !sending->message || sending->err;
}

static int make_message(long type, const struct user *text, size_t size, struct message **out)
{
    struct message *message = kmalloc(sizeof *message + size, ALLOC_WAIT);
    if (!message)
        return -ENOMEM;
    message->type = type;
    message->size = size;
    list_init(&message->link);
    if (copy_from_user(message->text, text, size)) {
        kfree(message);
        return -EFAULT;
    }
    *out = message;
    return 0;
}

long msg_send(int id, long type, const struct user *text, size_t size, int flags)
{
    struct sending sending = {0};
    if (size > load_relaxed(&msg_limits.max_size) || id < 0 || type < 1)
        return -EINVAL;
    long err = make_message(type, text, size, &sending.message);
    if (err)
        return err;
    err = find_and_hold(id, MODE_WRITE, &sending.queue);
    if (err)
        goto free_message;
    if (!try_send(&sending)) {
        if (flags & IPC_NO_WAIT)
            err = -EAGAIN;
        else
            err = wait_until(&sending.queue->senders, try_send, &sending, WAIT_INTERRUPTIBLE, UINT64_MAX, false);
    }
    err = sending.err ? sending.err : end_of_wait((int)err, sending.message);
    if (!sending.message)
        wake_up_all(&sending.queue->receivers, 0);
    ipc_drop(&msg_table, &sending.queue->base);
free_message:
    kfree(sending.message);
    return err;
}

/* ---- msgrcv ---- */

struct receiving {
    struct msg_queue *queue;
    long type;
    size_t size;
    int flags;
    struct message *message; /* taken */
    int err;
};

static bool matches(const struct message *message, long type, int flags)
{
    if (!type)
        return true;
    if (type < 0)
        return message->type <= (type == INT64_MIN ? INT64_MAX : -type);
    return flags & MSG_EXCEPT ? message->type != type : message->type == type;
}

/* The oldest that fits; of a range of types the lowest type first. */
static struct message *find_locked(const struct msg_queue *queue, long type, int flags)
{
    struct message *message, *best = NULL;
    list_for_each(message, &queue->messages, link)
    {
        if (!matches(message, type, flags) || (best && best->type <= message->type))
            continue;
        best = message;
        if (type >= 0)
            break;
    }
    return best;
}

static void take_locked(struct receiving *receiving, struct message *message)
{
    struct msg_queue *queue = receiving->queue;
    list_remove(&message->link);
    queue->count--;
    queue->bytes -= message->size;
    total_messages--;
    total_bytes -= message->size;
    queue->receive_time = ipc_now();
    queue->last_receiver = process_current()->id;
    receiving->message = message;
}

static bool try_receive(void *argument)
{
    struct receiving *receiving = argument;
    if (receiving->message || receiving->err)
        return true;
    spin_lock(&msg_table.lock);
    struct message *message = find_locked(receiving->queue, receiving->type, receiving->flags);
    if (receiving->queue->base.is_removed)
        receiving->err = -EIDRM;
    else if (message && message->size > receiving->size && !(receiving->flags & MSG_NO_ERROR))
        receiving->err = -E2BIG;
    else if (message)
        take_locked(receiving, message);
    spin_unlock(&msg_table.lock);
    return receiving->message || receiving->err;
}

/* As on Linux, a message that cannot be delivered is lost. */
static long deliver(const struct receiving *receiving, struct user *to)
{
    size_t len = MIN(receiving->message->size, receiving->size);
    long type = receiving->message->type;
    if (copy_struct_to_user(to, &type) || copy_to_user(user_offset(to, sizeof type), receiving->message->text, len))
        return -EFAULT;
    return (long)len;
}

/* The n-th message from the oldest on, which stays. */
static struct message *message_at_locked(const struct msg_queue *queue, long n)
{
    struct message *message;
    list_for_each(message, &queue->messages, link)
    {
        if (n-- == 0)
            return message;
    }
    return NULL;
}

/* As on Linux a copy that would be cut short is refused, whatever MSG_NO_ERROR says. */
static int copy_message_locked(const struct receiving *receiving, struct message *copy)
{
    const struct message *message = message_at_locked(receiving->queue, receiving->type);
    if (!message)
        return -ENOMSG;
    if (message->size > receiving->size)
        return receiving->flags & MSG_NO_ERROR ? -EINVAL : -E2BIG;
    copy->type = message->type;
    copy->size = message->size;
    memcpy(copy->text, message->text, message->size);
    return 0;
}

/* MSG_COPY: `type` is the message's place in the queue. */
static long receive_copy(int id, struct user *to, struct receiving *receiving)
{
    if (receiving->flags & MSG_EXCEPT || !(receiving->flags & IPC_NO_WAIT))
        return -EINVAL;
    receiving->size = MIN(receiving->size, load_relaxed(&msg_limits.max_size));
    receiving->message = kmalloc(sizeof *receiving->message + receiving->size, ALLOC_WAIT);
    if (!receiving->message)
        return -ENOMEM;
    long result = find_and_hold(id, MODE_READ, &receiving->queue);
    if (!result) {
        spin_lock(&msg_table.lock);
        result = copy_message_locked(receiving, receiving->message);
        spin_unlock(&msg_table.lock);
        ipc_drop(&msg_table, &receiving->queue->base);
        if (!result)
            result = deliver(receiving, to);
    }
    kfree(receiving->message);
    return result;
}

long msg_receive(int id, struct user *to, size_t size, long type, int flags)
{
    struct receiving receiving = {.type = type, .size = size, .flags = flags};
    if (id < 0 || (ssize_t)size < 0)
        return -EINVAL;
    if (flags & MSG_COPY)
        return receive_copy(id, to, &receiving);
    long err = find_and_hold(id, MODE_READ, &receiving.queue);
    if (err)
        return err;
    if (!try_receive(&receiving)) {
        if (flags & IPC_NO_WAIT)
            err = -ENOMSG;
        else
            err =
                wait_until(&receiving.queue->receivers, try_receive, &receiving, WAIT_INTERRUPTIBLE, UINT64_MAX, false);
    }
    err = receiving.err ? receiving.err : end_of_wait((int)err, !receiving.message);
    if (receiving.message) {
        wake_up_all(&receiving.queue->senders, 0);
        err = deliver(&receiving, to);
    }
    ipc_drop(&msg_table, &receiving.queue->base);
    kfree(receiving.message);
    return err;
}

/* ---- msgctl ---- */

long msg_stat(int id, enum ipc_by by, struct msg_status *out)
{
    struct ipc_object *object;
    spin_lock(&msg_table.lock);
    int err = ipc_find_locked(&msg_table, id, by, MODE_READ, &object);
    if (!err) {
        const struct msg_queue *queue = queue_of(object);
        *out = (struct msg_status){
            .permissions = object->permissions,
            .id = object->id,
            .send_time = queue->send_time,
            .receive_time = queue->receive_time,
            .change_time = queue->change_time,
            .bytes = queue->bytes,
            .count = queue->count,
            .max_bytes = queue->max_bytes,
            .last_sender = queue->last_sender,
            .last_receiver = queue->last_receiver,
        };
    }
    spin_unlock(&msg_table.lock);
    return err ? err : by == IPC_BY_ID ? 0 : out->id;
}

long msg_set(int id, const struct ipc_change *change, uint64_t max_bytes)
{
    struct ipc_object *object;
    spin_lock(&msg_table.lock);
    int err = ipc_find_owned_locked(&msg_table, id, &object);
    if (!err && max_bytes > load_relaxed(&msg_limits.queue_bytes) && !process_is_capable(CAPABILITY_SYS_RESOURCE))
        err = -EPERM;
    if (!err) {
        ipc_change_locked(object, change);
        queue_of(object)->max_bytes = max_bytes;
        queue_of(object)->change_time = ipc_now();
        ipc_hold_locked(object);
    }
    spin_unlock(&msg_table.lock);
    if (err)
        return err;
    wake_up_all(&queue_of(object)->senders, 0);
    ipc_drop(&msg_table, object);
    return 0;
}

long msg_remove(int id)
{
    struct ipc_object *object;
    spin_lock(&msg_table.lock);
    int err = ipc_find_owned_locked(&msg_table, id, &object);
    if (!err) {
        ipc_hold_locked(object);
        ipc_remove_locked(&msg_table, object);
    }
    spin_unlock(&msg_table.lock);
    if (err)
        return err;
    wake_up_all(&queue_of(object)->senders, 0);
    wake_up_all(&queue_of(object)->receivers, 0);
    ipc_drop(&msg_table, object);
    return 0;
}

void msg_usage(struct msg_usage *out)
{
    spin_lock(&msg_table.lock);
    out->queues = (struct ipc_usage){.count = msg_table.count, .highest = ipc_highest_locked(&msg_table)};
    out->messages = total_messages;
    out->bytes = total_bytes;
    spin_unlock(&msg_table.lock);
}
