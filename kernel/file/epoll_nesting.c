/*
 * One epoll in another: refused when that would close a loop or make a chain of more than EPOLL_NESTING_MAX, as
 * notifying and asking go down and up such chains. All such additions are made one at a time (nesting_mutex), so that
 * the checks see every chain; removals only shorten them.
 *
 * Each search visits an epoll once (epoll->mark), and the depth bounds the recursion.
 */
#include "epoll_items.h"

static struct mutex nesting_mutex = MUTEX_INIT(nesting_mutex);
static uint64_t last_mark GUARDED_BY(&nesting_mutex);

/* Epolls on the longest chain from this one down, itself included; more than the maximum when `stop` is on one. */
static unsigned depth_below(struct epoll *epoll, const struct epoll *stop, unsigned level)
{
    if (epoll == stop || level > EPOLL_NESTING_MAX)
        return EPOLL_NESTING_MAX + 1;
    if (epoll->mark == last_mark)
        return epoll->depth;
    unsigned deepest = 0;
    mutex_lock(&epoll->mutex);
    for (struct rb_node *node = rb_first(&epoll->items); node; node = rb_next(node)) {
        struct epoll_item *item = container_of(node, struct epoll_item, node);
        if (!file_is_epoll(item->file))
            continue;
        unsigned depth = depth_below(item->file->data, stop, level + 1);
        deepest = depth > deepest ? depth : deepest;
    }
    mutex_unlock(&epoll->mutex);
    epoll->mark = last_mark;
    epoll->depth = deepest + 1;
    return epoll->depth;
}

/* The same upwards, over the items that name this epoll's file. */
static unsigned depth_above(struct epoll *epoll, unsigned level)
{
    if (level > EPOLL_NESTING_MAX)
        return EPOLL_NESTING_MAX + 1;
    if (epoll->mark == last_mark)
        return epoll->depth;
    unsigned highest = 0;
    struct epoll_item *item;
    spin_lock(&epoll->file->epoll_lock);
    list_for_each(item, &epoll->file->epoll_items, file_link)
    {
        unsigned depth = depth_above(item->epoll, level + 1);
        highest = depth > highest ? depth : highest;
    }
    spin_unlock(&epoll->file->epoll_lock);
    epoll->mark = last_mark;
    epoll->depth = highest + 1;
    return epoll->depth;
}

int epoll_add_nested(struct epoll *epoll, struct file *target, int fd, const struct epoll_event *event)
{
    mutex_lock(&nesting_mutex);
    last_mark++;
    unsigned below = depth_below(target->data, epoll, 1);
    last_mark++;
    unsigned above = depth_above(epoll, 1);
    int err = below + above > EPOLL_NESTING_MAX ? -ELOOP : 0;
    if (!err) {
        mutex_lock(&epoll->mutex);
        err = epoll_find(epoll, target, fd) ? -EEXIST : epoll_add_item(epoll, target, fd, event);
        mutex_unlock(&epoll->mutex);
    }
    mutex_unlock(&nesting_mutex);
    return err;
}
