/*
 * epoll: control and waiting. A wait takes ready items off the list one by one, asks each file, tells the program and
 * puts level-triggered ones back at the end; it looks at no more items than were ready when it began.
 */
#include <arch/cpu.h>
#include <base/string.h>
#include "epoll_items.h"

enum { EVENTS_MAX = 0x7fffffff / (int)sizeof(struct epoll_event) };
#define EXCLUSIVE_ALLOWED                                                                                              \
    (POLL_IN | POLL_OUT | POLL_ERR | POLL_HUP | EPOLL_WAKEUP | EPOLL_EDGE_TRIGGERED | EPOLL_EXCLUSIVE)

/* ---- control ---- */

static int add(struct epoll *epoll, int fd, struct file *target, const struct epoll_event *event)
{
    if (event->events & EPOLL_EXCLUSIVE && (event->events & ~EXCLUSIVE_ALLOWED || file_is_epoll(target)))
        return -EINVAL;
    if (file_is_epoll(target))
        return epoll_add_nested(epoll, target, fd, event);
    mutex_lock(&epoll->mutex);
    int err = epoll_find(epoll, target, fd) ? -EEXIST : epoll_add_item(epoll, target, fd, event);
    mutex_unlock(&epoll->mutex);
    return err;
}

static int change(struct epoll *epoll, int fd, struct file *target, const struct epoll_event *event)
{
    mutex_lock(&epoll->mutex);
    struct epoll_item *item = epoll_find(epoll, target, fd);
    int err = item ? 0 : -ENOENT;
    if (item && (item->events & EPOLL_EXCLUSIVE || event->events & EPOLL_EXCLUSIVE))
        err = -EINVAL;
    if (!err)
        epoll_change_item(item, event);
    mutex_unlock(&epoll->mutex);
    return err;
}

static int remove(struct epoll *epoll, int fd, struct file *target)
{
    mutex_lock(&epoll->mutex);
    struct epoll_item *item = epoll_find(epoll, target, fd);
    if (item)
        epoll_remove_item(item);
    mutex_unlock(&epoll->mutex);
    return item ? 0 : -ENOENT;
}

int epoll_control(struct file *file, int operation, int fd, struct file *target, const struct epoll_event *event)
{
    if (!target->ops->poll)
        return -EPERM;
    if (target == file || !file_is_epoll(file))
        return -EINVAL;
    switch (operation) {
    case EPOLL_ADD:
        return add(file->data, fd, target, event);
    case EPOLL_MODIFY:
        return change(file->data, fd, target, event);
    case EPOLL_DELETE:
        return remove(file->data, fd, target);
    default:
        return -EINVAL;
    }
}

const struct file *epoll_target(struct file *file, int fd, unsigned index)
{
    struct epoll *epoll = file->data;
    const struct file *target = NULL;
    mutex_lock(&epoll->mutex);
    for (struct rb_node *node = rb_first(&epoll->items); node && !target; node = rb_next(node)) {
        const struct epoll_item *item = container_of(node, struct epoll_item, node);
        if (item->fd == fd && !index--)
            target = item->file;
    }
    mutex_unlock(&epoll->mutex);
    return target;
}

/* ---- waiting ---- */

/* One event to the program: 1, 0 (nothing holds any more), or -EFAULT. */
static int send_event(struct epoll_item *item, struct user *to)
{
    uint32_t found = epoll_ask(item), events = item->events;
    if (!found)
        return 0;
    struct epoll_event event = {found, item->data};
    int err = copy_struct_to_user(to, &event);
    if (err || !(events & (EPOLL_EDGE_TRIGGERED | EPOLL_ONE_SHOT)))
        epoll_keep_ready(item);
    if (err)
        return err;
    if (events & EPOLL_ONE_SHOT) {
        spin_lock(&item->epoll->lock);
        store_relaxed(&item->events, events & EPOLL_OPTIONS);
        spin_unlock(&item->epoll->lock);
    }
    return 1;
}

static int send_events(struct epoll *epoll, struct user *to, int max)
{
    int sent = 0, err = 0;
    mutex_lock(&epoll->mutex);
    for (uint32_t left = load_relaxed(&epoll->ready_count); left && sent < max; left--) {
        struct epoll_item *item = epoll_take_ready(epoll);
        if (!item)
            break;
        err = send_event(item, user_offset(to, (size_t)sent * sizeof(struct epoll_event)));
        if (err < 0)
            break;
        sent += err;
    }
    bool has_more = load_relaxed(&epoll->ready_count);
    mutex_unlock(&epoll->mutex);
    if (has_more)
        wake_up_one(&epoll->wait, 0);
    return sent ? sent : err;
}

static bool has_ready(void *argument)
{
    return load_relaxed(&((struct epoll *)argument)->ready_count) != 0;
}

int epoll_wait_events(struct file *file, struct user *events, int max, uint64_t deadline_ns)
{
    if (max <= 0 || max > EVENTS_MAX || !file_is_epoll(file))
        return -EINVAL;
    struct epoll *epoll = file->data;
    for (;;) {
        int sent = has_ready(epoll) ? send_events(epoll, events, max) : 0;
        if (sent || (deadline_ns != UINT64_MAX && deadline_ns <= clock_monotonic_ns()))
            return sent;
        int err = wait_until(&epoll->wait, has_ready, epoll, WAIT_INTERRUPTIBLE, deadline_ns, true);
        if (err)
            return err == -ETIMEDOUT ? 0 : -EINTR;
    }
}

/* ---- the epoll file ---- */

/* Ready items whose files have nothing to say any more are dropped on the way. */
static uint32_t epoll_poll(struct file *file, struct poll_table *table)
{
    struct epoll *epoll = file->data;
    poll_listen(table, &epoll->poll_queue);
    bool is_readable = false;
    mutex_lock(&epoll->mutex);
    for (uint32_t left = load_relaxed(&epoll->ready_count); left && !is_readable; left--) {
        struct epoll_item *item = epoll_take_ready(epoll);
        is_readable = item && epoll_ask(item);
        if (is_readable)
            epoll_keep_ready(item);
    }
    mutex_unlock(&epoll->mutex);
    return is_readable ? POLL_IN | POLL_RDNORM : 0;
}

static void epoll_release(struct file *file)
{
    struct epoll *epoll = file->data;
    struct rb_node *node;
    mutex_lock(&epoll->mutex);
    while ((node = epoll->items.root)) {
        epoll_remove_item(container_of(node, struct epoll_item, node));
        mutex_unlock(&epoll->mutex);
        sched_safe_point();
        mutex_lock(&epoll->mutex);
    }
    mutex_unlock(&epoll->mutex);
    epoll_put(epoll);
}

static void epoll_describe(struct file *file, char *to, size_t size)
{
    snprintf(to, size, "anon_inode:[eventpoll]");
}

static const struct file_ops epoll_ops = {
    .poll = epoll_poll,
    .release = epoll_release,
    .describe = epoll_describe,
    .name = "eventpoll",
};

bool file_is_epoll(const struct file *file)
{
    return file->ops == &epoll_ops;
}

int epoll_create_file(struct file **out)
{
    enum { O_RDWR = 2 };
    struct epoll *epoll = kzalloc(sizeof *epoll, ALLOC_WAIT);
    if (!epoll)
        return -ENOMEM;
    refcount_init(&epoll->refs, 1);
    mutex_init(&epoll->mutex);
    spin_init(&epoll->lock);
    list_init(&epoll->ready);
    wait_queue_init(&epoll->wait);
    wait_queue_init(&epoll->poll_queue);
    epoll->file = file_create(&epoll_ops, O_RDWR, epoll);
    if (!epoll->file) {
        kfree(epoll);
        return -ENOMEM;
    }
    *out = epoll->file;
    return 0;
}
