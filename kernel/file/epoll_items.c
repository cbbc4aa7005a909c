/* Entries of an epoll: their tree, what they listen to, and the ready list. */
#include "epoll_items.h"

static int compare(const struct epoll_item *item, const struct file *file, int fd)
{
    if (item->file != file)
        return file < item->file ? -1 : 1;
    return fd < item->fd ? -1 : fd > item->fd;
}

struct epoll_item *epoll_find(struct epoll *epoll, struct file *file, int fd)
{
    struct rb_node *node = epoll->items.root;
    while (node) {
        struct epoll_item *item = container_of(node, struct epoll_item, node);
        int order = compare(item, file, fd);
        if (!order)
            return item;
        node = order < 0 ? node->left : node->right;
    }
    return NULL;
}

static void insert(struct epoll *epoll, struct epoll_item *item)
{
    struct rb_node *parent = NULL, **link = &epoll->items.root;
    while (*link) {
        parent = *link;
        int order = compare(container_of(parent, struct epoll_item, node), item->file, item->fd);
        link = order < 0 ? &parent->left : &parent->right;
    }
    rb_insert(&epoll->items, &item->node, parent, link, NULL);
}

/* ---- the ready list ---- */

void epoll_keep_ready(struct epoll_item *item)
{
    struct epoll *epoll = item->epoll;
    spin_lock(&epoll->lock);
    if (!item->is_ready) {
        item->is_ready = true;
        list_add_last(&epoll->ready, &item->ready_link);
        store_relaxed(&epoll->ready_count, epoll->ready_count + 1);
    }
    spin_unlock(&epoll->lock);
}

static void leave_ready(struct epoll_item *item)
{
    if (!item->is_ready)
        return;
    item->is_ready = false;
    list_remove(&item->ready_link);
    store_relaxed(&item->epoll->ready_count, item->epoll->ready_count - 1);
}

struct epoll_item *epoll_take_ready(struct epoll *epoll)
{
    struct epoll_item *item = NULL;
    spin_lock(&epoll->lock);
    if (!list_is_empty(&epoll->ready)) {
        item = list_first(&epoll->ready, struct epoll_item, ready_link);
        leave_ready(item);
    }
    spin_unlock(&epoll->lock);
    return item;
}

void epoll_make_ready(struct epoll_item *item)
{
    struct epoll *epoll = item->epoll;
    epoll_keep_ready(item);
    wake_up_one(&epoll->wait, 0);
    wake_up_all(&epoll->poll_queue, POLL_IN | POLL_RDNORM);
}

/* ---- listening ---- */

/* The queue's lock is held; work context as a rule. */
static bool notify(struct waiter *waiter, uint32_t key)
{
    struct epoll_item *item = container_of(waiter, struct epoll_listener, waiter)->item;
    uint32_t wanted = load_relaxed(&item->events) & ~EPOLL_OPTIONS;
    if (!wanted || (key && !(key & wanted)))
        return false; /* spent (EPOLLONESHOT), or not of interest */
    /* EPOLLEXCLUSIVE: an epoll nobody waits on leaves the event to the next one, too. */
    bool has_taker = !(load_relaxed(&item->events) & EPOLL_EXCLUSIVE) || wait_queue_has_waiters(&item->epoll->wait);
    epoll_make_ready(item);
    return has_taker;
}

struct item_table {
    struct poll_table table;
    struct epoll_item *item;
};

static void listen(struct poll_table *table, struct wait_queue *queue)
{
    struct epoll_item *item = container_of(table, struct item_table, table)->item;
    struct epoll_listener *listener = &item->first;
    if (item->is_first_used)
        listener = kmalloc(sizeof *listener, ALLOC_WAIT);
    if (!listener) {
        item->is_out_of_memory = true;
        return;
    }
    item->is_first_used = true;
    *listener = (struct epoll_listener){
        .waiter = {.notify = notify, .is_exclusive = item->events & EPOLL_EXCLUSIVE},
        .queue = queue,
        .item = item,
        .next = item->listeners,
    };
    item->listeners = listener;
    wait_queue_add(queue, &listener->waiter);
}

static void stop_listening(struct epoll_item *item)
{
    while (item->listeners) {
        struct epoll_listener *listener = item->listeners;
        item->listeners = listener->next;
        wait_queue_remove(listener->queue, &listener->waiter);
        if (listener != &item->first)
            kfree(listener);
    }
}

uint32_t epoll_ask(struct epoll_item *item)
{
    return file_poll(item->file, NULL) & item->events & ~EPOLL_OPTIONS;
}

/* ---- adding, changing, removing ---- */

static uint32_t with_errors(uint32_t events)
{
    return events | POLL_ERR | POLL_HUP;
}

int epoll_add_item(struct epoll *epoll, struct file *file, int fd, const struct epoll_event *event)
{
    struct epoll_item *item = kzalloc(sizeof *item, ALLOC_WAIT);
    if (!item)
        return -ENOMEM;
    item->epoll = epoll;
    item->file = file;
    item->fd = fd;
    item->events = with_errors(event->events);
    item->data = event->data;
    list_init(&item->ready_link);
    refcount_get(&epoll->refs);
    insert(epoll, item);
    spin_lock(&file->epoll_lock);
    list_add_last(&file->epoll_items, &item->file_link);
    spin_unlock(&file->epoll_lock);

    struct item_table table = {{listen}, item};
    uint32_t found = file_poll(file, &table.table) & item->events;
    if (item->is_out_of_memory) {
        epoll_remove_item(item);
        return -ENOMEM;
    }
    if (found)
        epoll_make_ready(item);
    return 0;
}

void epoll_change_item(struct epoll_item *item, const struct epoll_event *event)
{
    item->data = event->data;
    spin_lock(&item->epoll->lock);
    store_relaxed(&item->events, with_errors(event->events));
    spin_unlock(&item->epoll->lock);
    /* Before the file is asked: what changes later is notified with the new events. Partner: notify. */
    memory_barrier();
    if (epoll_ask(item))
        epoll_make_ready(item);
}

void epoll_remove_item(struct epoll_item *item)
{
    struct epoll *epoll = item->epoll;
    stop_listening(item); /* from here on nobody makes it ready */
    spin_lock(&item->file->epoll_lock);
    list_remove(&item->file_link);
    spin_unlock(&item->file->epoll_lock);
    spin_lock(&epoll->lock);
    leave_ready(item);
    spin_unlock(&epoll->lock);
    rb_remove(&epoll->items, &item->node, NULL);
    kfree(item);
    /* The last reference is not an item's: our caller holds one, too. */
    epoll_put(epoll);
}

void epoll_put(struct epoll *epoll)
{
    if (refcount_put(&epoll->refs))
        kfree(epoll);
}

/* The next item of the file, with a reference on its epoll. */
static struct epoll *first_epoll_of(struct file *file)
{
    struct epoll *epoll = NULL;
    spin_lock(&file->epoll_lock);
    if (!list_is_empty(&file->epoll_items)) {
        epoll = list_first(&file->epoll_items, struct epoll_item, file_link)->epoll;
        refcount_get(&epoll->refs); /* the item in the list holds one: it leaves the list before that is put */
    }
    spin_unlock(&file->epoll_lock);
    return epoll;
}

static struct epoll_item *item_of(struct file *file, struct epoll *epoll)
{
    struct epoll_item *item, *found = NULL;
    spin_lock(&file->epoll_lock);
    list_for_each(item, &file->epoll_items, file_link)
    {
        if (item->epoll == epoll) {
            found = item;
            break;
        }
    }
    spin_unlock(&file->epoll_lock);
    return found;
}

/* An epoll that goes at the same time removes its items under its own mutex: so do we, one by one. */
void epoll_forget_file(struct file *file)
{
    struct epoll *epoll;
    while ((epoll = first_epoll_of(file))) {
        mutex_lock(&epoll->mutex);
        struct epoll_item *item = item_of(file, epoll);
        if (item)
            epoll_remove_item(item);
        mutex_unlock(&epoll->mutex);
        epoll_put(epoll);
    }
}
