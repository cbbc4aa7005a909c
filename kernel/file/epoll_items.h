/*
 * The inside of epoll, private to this module.
 *
 * Lock order: nesting_mutex (adding one epoll to another), epoll->mutex (an outer epoll's before an inner one's), then
 * the locks that files' poll functions take, a file's epoll_lock, the files' wait queues, epoll->lock, the queues of
 * epoll itself. epoll->lock is taken in work context (notify), never around anything that sleeps.
 */
#pragma once
#include <file/epoll.h>
#include <file/poll.h>
#include <mm/alloc.h>

#define EPOLL_OPTIONS (EPOLL_EXCLUSIVE | EPOLL_WAKEUP | EPOLL_ONE_SHOT | EPOLL_EDGE_TRIGGERED)
enum { EPOLL_NESTING_MAX = 5 };

struct epoll {
    struct refcount refs; /* the file's, one an item, and of who forgets a file */
    struct mutex mutex;
    struct rb_tree items GUARDED_BY(&mutex); /* by file and descriptor */
    struct spinlock lock;
    struct list ready GUARDED_BY(&lock);
    uint32_t ready_count GUARDED_BY(&lock); /* also read as a hint */
    struct wait_queue wait;                 /* epoll_wait; key: none */
    struct wait_queue poll_queue;           /* who polls the epoll file itself */
    struct file *file;                      /* not referenced: while it is open */
    uint64_t mark;                          /* nesting_mutex: the last search that came by */
    unsigned depth;                         /* nesting_mutex: what that search found */
};

struct epoll_item;
struct epoll_listener {
    struct waiter waiter;
    struct wait_queue *queue;
    struct epoll_item *item;
    struct epoll_listener *next;
};
struct epoll_item {
    struct rb_node node;
    struct epoll *epoll;
    struct file *file; /* alive while the item is in the tree */
    int fd;
    struct list file_link;                   /* file->epoll_items */
    struct list ready_link;                  /* epoll->lock */
    bool is_ready;                           /* epoll->lock: in epoll->ready */
    uint32_t events;                         /* wanted and options; changed under mutex and lock, read under either */
    uint64_t data;                           /* mutex */
    struct epoll_listener first, *listeners; /* `first` serves files with one queue */
    bool is_first_used, is_out_of_memory;
};

/* epoll_items.c; the caller holds epoll->mutex */
struct epoll_item *epoll_find(struct epoll *epoll, struct file *file, int fd);
int epoll_add_item(struct epoll *epoll, struct file *file, int fd, const struct epoll_event *event);
void epoll_change_item(struct epoll_item *item, const struct epoll_event *event);
void epoll_remove_item(struct epoll_item *item);
void epoll_put(struct epoll *epoll);
/* Puts it on the ready list, if it is not there, and wakes who waits. */
void epoll_make_ready(struct epoll_item *item);
/* What holds of what the item wants. */
uint32_t epoll_ask(struct epoll_item *item);
/* Takes the first ready item off the list; NULL: none. */
struct epoll_item *epoll_take_ready(struct epoll *epoll);
/* Puts it back at the end, without waking. */
void epoll_keep_ready(struct epoll_item *item);

/* epoll_nesting.c: adds an epoll file to another, with the check for loops and depth: -ELOOP. */
int epoll_add_nested(struct epoll *epoll, struct file *target, int fd, const struct epoll_event *event);
