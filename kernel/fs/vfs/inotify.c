/* The inotify file: its queue of events and its watches. See inotify.h. */
#include <base/string.h>
#include <common/checked.h>
#include <file/poll.h>
#include <mm/alloc.h>
#include "inotify.h"

enum { ABI_HEADER = 16, IOCTL_FIONREAD = 0x541b };

int inotify_init(void)
{
    return 0;
}

void inotify_put(struct inotify *inotify)
{
    if (refcount_put(&inotify->refs))
        kfree(inotify);
}

/* ---- the queue ---- */

/* As in struct inotify_event: a header of 16 bytes, and the name with its NUL filled up to a multiple of 16. */
static size_t abi_name_len(const struct inotify_event *event)
{
    return event->name_len ? align_up((size_t)event->name_len + 1, (size_t)ABI_HEADER) : 0;
}

static size_t abi_len(const struct inotify_event *event)
{
    return ABI_HEADER + abi_name_len(event);
}

static void append_locked(struct inotify *inotify, struct inotify_event *event)
{
    list_add_last(&inotify->events, &event->link);
    inotify->event_count++;
    inotify->event_bytes += abi_len(event);
}

static bool is_repeated_locked(struct inotify *inotify, int32_t watch, uint32_t mask, const char *name, size_t len)
{
    if (list_is_empty(&inotify->events))
        return false;
    struct inotify_event *last = list_last(&inotify->events, struct inotify_event, link);
    return last->watch == watch && last->mask == mask && last->name_len == len &&
           !memcmp(last->name, name ? name : "", len);
}

static void overflow_locked(struct inotify *inotify)
{
    if (inotify->has_overflowed)
        return;
    inotify->has_overflowed = true;
    append_locked(inotify, &inotify->overflow);
}

void inotify_queue(struct inotify *inotify, int32_t watch, uint32_t mask, uint32_t cookie, const char *name, size_t len)
{
    struct inotify_event *event = NULL;
    spin_lock(&inotify->lock);
    if (is_repeated_locked(inotify, watch, mask, name, len)) {
        spin_unlock(&inotify->lock);
        return;
    }
    if (inotify->event_count < INOTIFY_QUEUE_MAX)
        event = kmalloc(sizeof *event + len, ALLOC_ATOMIC);
    if (event) {
        *event = (struct inotify_event){.watch = watch, .mask = mask, .cookie = cookie, .name_len = (uint32_t)len};
        memcpy(event->name, name ? name : "", len);
        append_locked(inotify, event);
    } else {
        overflow_locked(inotify);
    }
    spin_unlock(&inotify->lock);
    wake_up_all(&inotify->readers, POLL_IN | POLL_RDNORM);
}

static struct inotify_event *pop_locked(struct inotify *inotify)
{
    struct inotify_event *event = list_first(&inotify->events, struct inotify_event, link);
    list_remove(&event->link);
    inotify->event_count--;
    inotify->event_bytes -= abi_len(event);
    if (event == &inotify->overflow)
        inotify->has_overflowed = false;
    return event;
}

/* *event NULL: the queue is empty. -EINVAL: the next one does not fit into `room`. */
static int pop_if_fits(struct inotify *inotify, size_t room, struct inotify_event **event)
{
    int err = 0;
    *event = NULL;
    spin_lock(&inotify->lock);
    if (!list_is_empty(&inotify->events)) {
        if (abi_len(list_first(&inotify->events, struct inotify_event, link)) > room)
            err = -EINVAL;
        else
            *event = pop_locked(inotify);
    }
    spin_unlock(&inotify->lock);
    return err;
}

static void free_event(struct inotify *inotify, struct inotify_event *event)
{
    if (event != &inotify->overflow)
        kfree(event);
}

/* ---- file operations ---- */

static bool copy_event(struct io_vector *to, const struct inotify_event *event)
{
    size_t name_len = abi_name_len(event);
    struct {
        int32_t watch;
        uint32_t mask, cookie, len;
    } header = {event->watch, event->mask, event->cookie, (uint32_t)name_len};
    static_assert(sizeof header == ABI_HEADER, "struct inotify_event");
    if (io_copy_to(to, &header, sizeof header) != sizeof header)
        return false;
    if (io_copy_to(to, event->name, event->name_len) != event->name_len)
        return false;
    return io_zero(to, name_len - event->name_len) == name_len - event->name_len;
}

static bool has_events(void *argument)
{
    struct inotify *inotify = argument;
    return load_acquire(&inotify->event_count);
}

static ssize_t inotify_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    struct inotify *inotify = file->data;
    size_t before = to->left;
    for (;;) {
        struct inotify_event *event;
        int err = pop_if_fits(inotify, to->left, &event);
        if (event) {
            bool is_copied = copy_event(to, event);
            free_event(inotify, event);
            if (is_copied)
                continue;
            err = -EFAULT;
        }
        if (to->left < before && err != -EFAULT)
            return (ssize_t)(before - to->left);
        if (err)
            return err;
        if (file_is_nonblocking(file))
            return -EAGAIN;
        err = wait_until(&inotify->readers, has_events, inotify, WAIT_INTERRUPTIBLE, UINT64_MAX, false);
        if (err)
            return err;
    }
}

static uint32_t inotify_poll(struct file *file, struct poll_table *table)
{
    struct inotify *inotify = file->data;
    poll_listen(table, &inotify->readers);
    return has_events(inotify) ? POLL_IN | POLL_RDNORM : 0;
}

static long inotify_ioctl(struct file *file, unsigned command, struct user *argument)
{
    struct inotify *inotify = file->data;
    if (command != IOCTL_FIONREAD)
        return -ENOTTY;
    spin_lock(&inotify->lock);
    int32_t bytes = (int32_t)MIN(inotify->event_bytes, (uint64_t)INT32_MAX);
    spin_unlock(&inotify->lock);
    return copy_struct_to_user(argument, &bytes);
}

static void inotify_describe(struct file *file, char *to, size_t size)
{
    snprintf(to, size, "anon_inode:inotify");
}

/* The watch that `wanted` (0: any) names, referenced. */
static struct watch *find_watch(struct inotify *inotify, int wanted)
{
    struct watch *watch, *found = NULL;
    spin_lock(&inotify->lock);
    list_for_each(watch, &inotify->watches, watch_link)
    {
        if (!wanted || watch->number == wanted) {
            found = watch;
            refcount_get(&found->refs);
            break;
        }
    }
    spin_unlock(&inotify->lock);
    return found;
}

static void inotify_release(struct file *file)
{
    struct inotify *inotify = file->data;
    struct watch *watch;
    while ((watch = find_watch(inotify, 0))) {
        watch_end(watch);
        watch_put(watch);
    }
    /* No watch is attached, so no event comes any more; those who still hold one only put it. */
    while (!list_is_empty(&inotify->events))
        free_event(inotify, pop_locked(inotify));
    inotify_put(inotify);
}

static const struct file_ops inotify_ops = {
    .read = inotify_read,
    .poll = inotify_poll,
    .ioctl = inotify_ioctl,
    .release = inotify_release,
    .describe = inotify_describe,
    .name = "inotify",
};

int inotify_create(unsigned flags, struct file **out)
{
    struct inotify *inotify = kzalloc(sizeof *inotify, ALLOC_WAIT);
    if (!inotify)
        return -ENOMEM;
    refcount_init(&inotify->refs, 1);
    mutex_init(&inotify->add_lock);
    spin_init(&inotify->lock);
    list_init(&inotify->events);
    list_init(&inotify->watches);
    list_init(&inotify->overflow.link);
    wait_queue_init(&inotify->readers);
    inotify->overflow.watch = -1;
    inotify->overflow.mask = IN_Q_OVERFLOW;
    struct file *file = file_create(&inotify_ops, O_RDONLY | (flags & O_NONBLOCK), inotify);
    if (!file) {
        kfree(inotify);
        return -ENOMEM;
    }
    *out = file;
    return 0;
}

/* ---- watches ---- */

static int ensure_marks(struct inode *inode)
{
    if (load_acquire(&inode->marks))
        return 0;
    struct inotify_marks *marks = kmalloc(sizeof *marks, ALLOC_WAIT);
    if (!marks)
        return -ENOMEM;
    list_init(&marks->watches);
    spin_lock(&inode->field_lock);
    bool is_first = !inode->marks;
    if (is_first)
        store_release(&inode->marks, marks);
    spin_unlock(&inode->field_lock);
    if (!is_first)
        kfree(marks);
    return 0;
}

/* Changes the watch that is there: its number, 0 when there is none, -EEXIST. */
static int update_watch(struct inotify *inotify, struct inode *inode, uint32_t mask)
{
    struct watch *watch;
    int result = 0;
    const uint32_t kept = 0xfff | IN_EXCL_UNLINK | IN_ONESHOT;
    spin_lock(&inode->field_lock);
    list_for_each(watch, &inode->marks->watches, mark_link)
    {
        if (watch->inotify != inotify)
            continue;
        result = mask & IN_MASK_CREATE ? -EEXIST : watch->number;
        if (result > 0)
            watch->mask = (mask & IN_MASK_ADD ? watch->mask : 0) | (mask & kept);
        break;
    }
    spin_unlock(&inode->field_lock);
    return result;
}

static int attach_watch(struct watch *watch)
{
    struct inotify *inotify = watch->inotify;
    struct inode *inode = watch->inode;
    int result = -ENOSPC;
    spin_lock(&inode->field_lock);
    spin_lock(&inotify->lock);
    if (inotify->watch_count < INOTIFY_WATCH_MAX && inotify->last_watch < INT32_MAX) {
        result = watch->number = ++inotify->last_watch;
        inotify->watch_count++;
        watch->is_attached = true;
        list_add_last(&inode->marks->watches, &watch->mark_link);
        list_add_last(&inotify->watches, &watch->watch_link);
        atomic_fetch_add(&notify_watch_count, 1u);
    }
    spin_unlock(&inotify->lock);
    spin_unlock(&inode->field_lock);
    return result;
}

static int new_watch(struct inotify *inotify, struct inode *inode, uint32_t mask)
{
    struct watch *watch = kzalloc(sizeof *watch, ALLOC_WAIT);
    if (!watch)
        return -ENOMEM;
    refcount_init(&watch->refs, 1);
    list_init(&watch->mark_link);
    list_init(&watch->watch_link);
    refcount_get(&inotify->refs);
    inode_get(inode);
    watch->inotify = inotify;
    watch->inode = inode;
    watch->mask = mask & (0xfff | IN_EXCL_UNLINK | IN_ONESHOT);
    int number = attach_watch(watch);
    if (number < 0)
        watch_put(watch);
    return number;
}

int inotify_add(struct file *file, struct inode *inode, uint32_t mask)
{
    if (file->ops != &inotify_ops || !(mask & 0xfff) || (mask & IN_MASK_ADD && mask & IN_MASK_CREATE))
        return -EINVAL;
    if (mask & IN_ONLYDIR && !inode_is(inode, S_IFDIR))
        return -ENOTDIR;
    struct inotify *inotify = file->data;
    int result = ensure_marks(inode);
    if (result)
        return result;
    mutex_lock(&inotify->add_lock);
    result = update_watch(inotify, inode, mask);
    if (!result)
        result = new_watch(inotify, inode, mask);
    mutex_unlock(&inotify->add_lock);
    return result;
}

int inotify_remove(struct file *file, int number)
{
    if (file->ops != &inotify_ops)
        return -EINVAL;
    struct watch *watch = number > 0 ? find_watch(file->data, number) : NULL;
    if (!watch)
        return -EINVAL;
    int err = watch_end(watch);
    watch_put(watch);
    return err;
}
