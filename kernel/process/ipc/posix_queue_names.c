/* POSIX queues by name: opening, making, unlinking. */
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include "posix_queue.h"

/* Linux's open flags and hard limits (ipc/mqueue.c). */
enum { O_ACCMODE = 3, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_EXCL = 0200, O_NONBLOCK = 04000 };
enum { HARD_MESSAGES = 65536, HARD_SIZE = 16 << 20, OVERHEAD = 48, CAPABILITY_OVERRIDE = 1, CAPABILITY_FOWNER = 3 };

struct posix_queue_limits posix_queue_limits = {256, 10, 8192, 10, 8192};
struct spinlock posix_queue_lock = SPINLOCK_INIT;
static struct list queues = LIST_INIT(queues); /* named ones */
static unsigned queue_count;                   /* of those; posix_queue_lock, both */

static struct posix_queue *find_locked(const char *name)
{
    struct posix_queue *queue;
    list_for_each(queue, &queues, link)
    {
        if (!strcmp(queue->name, name))
            return queue;
    }
    return NULL;
}

static int check_name(const char *name)
{
    if (!*name)
        return -ENOENT;
    if (strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
        return -EACCES;
    return strlen(name) > QUEUE_NAME_MAX ? -ENAMETOOLONG : 0;
}

/* ---- making ---- */

static int check_attributes(const struct posix_queue_attributes *of)
{
    bool is_free = process_is_capable(CAPABILITY_SYS_RESOURCE);
    int64_t messages = is_free ? HARD_MESSAGES : (int64_t)load_relaxed(&posix_queue_limits.messages);
    int64_t size = is_free ? HARD_SIZE : (int64_t)load_relaxed(&posix_queue_limits.message_size);
    return of->max_messages <= 0 || of->message_size <= 0 || of->max_messages > messages || of->message_size > size
               ? -EINVAL
               : 0;
}

static uint64_t charge_of(int64_t messages, int64_t size)
{
    uint64_t priorities = (uint64_t)MIN(messages, POSIX_QUEUE_PRIORITIES);
    return (uint64_t)messages * (uint64_t)size + ((uint64_t)messages + priorities) * OVERHEAD;
}

/* RLIMIT_MSGQUEUE counts what all queues of the user may come to hold. */
static int charge_locked(const struct posix_queue *new)
{
    uint64_t sum = new->charge;
    struct posix_queue *queue;
    list_for_each(queue, &queues, link)
    {
        if (queue->permissions.uid == new->permissions.uid)
            sum += queue->charge;
    }
    if (sum > process_current()->limits[LIMIT_MSGQUEUE].soft)
        return -EMFILE;
    bool is_full = queue_count >= load_relaxed(&posix_queue_limits.queues);
    return is_full && !process_is_capable(CAPABILITY_SYS_RESOURCE) ? -ENOSPC : 0;
}

static struct posix_queue *make(const char *name, uint32_t mode, const struct posix_queue_attributes *attributes)
{
    const struct credentials *who = &process_current()->credentials;
    struct posix_queue *queue = kzalloc(sizeof *queue, ALLOC_WAIT);
    if (!queue)
        return NULL;
    list_init(&queue->link);
    list_init(&queue->messages);
    wait_queue_init(&queue->senders);
    wait_queue_init(&queue->receivers);
    queue->permissions = (struct ipc_permissions){
        .uid = who->fsuid, .cuid = who->fsuid, .gid = who->fsgid, .cgid = who->fsgid, .mode = mode & 0777};
    queue->max_messages = attributes ? attributes->max_messages
                                     : (int64_t)MIN(load_relaxed(&posix_queue_limits.default_messages),
                                                    load_relaxed(&posix_queue_limits.messages));
    queue->message_size = attributes ? attributes->message_size
                                     : (int64_t)MIN(load_relaxed(&posix_queue_limits.default_message_size),
                                                    load_relaxed(&posix_queue_limits.message_size));
    queue->charge = charge_of(queue->max_messages, queue->message_size);
    queue->refs = 2; /* the name, and who opens it */
    memcpy(queue->name, name, strlen(name) + 1);
    return queue;
}

static int add_locked(struct posix_queue *queue)
{
    int err = charge_locked(queue);
    if (err)
        return err;
    list_add_last(&queues, &queue->link);
    queue_count++;
    return 0;
}

/* ---- opening ---- */

static int open_existing_locked(struct posix_queue *queue, unsigned flags)
{
    static const unsigned rights[] = {0400, 0200, 0600};
    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
        return -EEXIST;
    if ((flags & O_ACCMODE) > O_RDWR)
        return -EINVAL;
    int err = ipc_check_rights(&queue->permissions, rights[flags & O_ACCMODE], CAPABILITY_OVERRIDE);
    if (!err)
        queue->refs++;
    return err;
}

/* The queue with a reference for the caller: found, or `made` put into the table. */
static int find_or_add(const char *name, unsigned flags, struct posix_queue **made, struct posix_queue **out)
{
    int err = -ENOENT;
    spin_lock(&posix_queue_lock);
    struct posix_queue *queue = find_locked(name);
    if (queue) {
        err = open_existing_locked(queue, flags);
    } else if (*made) {
        queue = *made;
        err = add_locked(queue);
        if (!err)
            *made = NULL;
    }
    spin_unlock(&posix_queue_lock);
    if (!err)
        *out = queue;
    return err;
}

static bool exists(const char *name)
{
    spin_lock(&posix_queue_lock);
    bool is_there = find_locked(name);
    spin_unlock(&posix_queue_lock);
    return is_there;
}

int posix_queue_open(const char *name, unsigned flags, uint32_t mode, const struct posix_queue_attributes *attributes,
                     struct file **out)
{
    struct posix_queue *queue, *made = NULL;
    int err = check_name(name);
    if (err)
        return err;
    if (flags & O_CREAT && !exists(name)) {
        err = attributes ? check_attributes(attributes) : 0;
        made = err ? NULL : make(name, mode, attributes);
        if (!made)
            return err ? err : -ENOMEM;
    }
    err = find_or_add(name, flags, &made, &queue);
    kfree(made);
    if (err)
        return err;
    struct file *file = file_create(&posix_queue_ops, flags & (O_ACCMODE | O_NONBLOCK), queue);
    if (!file) {
        posix_queue_put(queue);
        return -ENOMEM;
    }
    *out = file;
    return 0;
}

/* As in a directory with the sticky bit: the owner's, or CAP_FOWNER. */
int posix_queue_unlink(const char *name)
{
    int err = check_name(name);
    if (err)
        return err;
    spin_lock(&posix_queue_lock);
    struct posix_queue *queue = find_locked(name);
    if (!queue)
        err = -ENOENT;
    else if (queue->permissions.uid != process_current()->credentials.fsuid && !process_is_capable(CAPABILITY_FOWNER))
        err = -EPERM;
    if (!err) {
        list_remove(&queue->link);
        queue_count--;
    }
    spin_unlock(&posix_queue_lock);
    if (!err)
        posix_queue_put(queue);
    return err;
}

void posix_queue_put(struct posix_queue *queue)
{
    spin_lock(&posix_queue_lock);
    bool is_last = --queue->refs == 0;
    spin_unlock(&posix_queue_lock);
    if (!is_last)
        return;
    while (!list_is_empty(&queue->messages)) {
        struct posix_message *message = list_first(&queue->messages, struct posix_message, link);
        list_remove(&message->link);
        kfree(message);
    }
    if (queue->notified)
        process_put(queue->notified);
    kfree(queue);
}
