/*
 * inotify inside: a watch joins an inode's list of marks (under inode->field_lock) and its inotify's list of watches
 * and (under inotify->lock). A watch holds its inode; who finds it in a list takes a reference before the lock goes.
 * Lock order: inotify->add_lock, then inode->field_lock, then inotify->lock, then the wait queue's.
 */
#pragma once
#include <file/file.h>
#include <sched/wait.h>
#include <vfs/notify.h>
#include "inodes.h"

enum { INOTIFY_QUEUE_MAX = 16384, INOTIFY_WATCH_MAX = 524288 };

struct inotify_event {
    struct list link;
    int32_t watch;
    uint32_t mask, cookie;
    uint32_t name_len; /* without padding; 0: none */
    char name[];
};

struct inotify {
    struct refcount refs;  /* the file's, and one a watch */
    struct mutex add_lock; /* one addition at a time, so an inode is not watched twice */
    struct spinlock lock;
    struct list events GUARDED_BY(&lock);
    uint32_t event_count GUARDED_BY(&lock);
    uint64_t event_bytes GUARDED_BY(&lock); /* as read(2) would give them */
    struct list watches GUARDED_BY(&lock);
    uint32_t watch_count GUARDED_BY(&lock);
    int32_t last_watch GUARDED_BY(&lock);
    bool has_overflowed GUARDED_BY(&lock); /* the event for it is in the queue */
    struct inotify_event overflow;
    struct wait_queue readers;
};

struct watch {
    struct refcount refs;
    struct list mark_link;  /* inotify_marks->watches; under inode->field_lock */
    struct list watch_link; /* inotify->watches; under inotify->lock */
    struct inotify *inotify;
    struct inode *inode; /* referenced */
    int32_t number;
    uint32_t mask;    /* under inode->field_lock */
    bool is_attached; /* in both lists; changed under both locks */
};

struct inotify_marks {
    struct list watches;
};

extern uint32_t notify_watch_count; /* in all; atomic. 0: nothing below has anything to do */

/* Puts an event into the queue; inotify->lock is taken inside. Never sleeps: without memory it counts as an overflow.
 */
void inotify_queue(struct inotify *inotify, int32_t watch, uint32_t mask, uint32_t cookie, const char *name,
                   size_t len);
/* Ends a watch, with IN_IGNORED: 0, -EINVAL when somebody else did. The caller has a reference. */
int watch_end(struct watch *watch);
void watch_put(struct watch *watch);
void inotify_put(struct inotify *inotify);
