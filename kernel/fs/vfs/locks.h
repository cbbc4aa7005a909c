/*
 * Locks on a file's inode. One spinlock guards the lists of all inodes and of all who wait: record locks are few and
 * short, and looking for a deadlock follows waiters from file to file.
 */
#pragma once
#include <sched/wait.h>
#include <vfs/locks.h>
#include "inodes.h"

enum lock_kind { LOCK_POSIX, LOCK_OFD, LOCK_FLOCK };

struct held_lock {
    struct list link; /* file_locks->held */
    enum lock_kind kind;
    const void *owner; /* the process, or the open file */
    struct lock_range range;
};

struct file_locks {
    struct list held;  /* under file_locks_lock */
    uint32_t releases; /* counts what may let a waiter go on; atomic */
    struct wait_queue queue;
};

extern struct spinlock file_locks_lock; /* a leaf */

/* The inode's lists, made when it has none: NULL without memory. */
struct file_locks *locks_of(struct inode *inode);
/* The first lock that keeps `owner` from having the range; flock locks and record locks do not see each other. */
struct held_lock *locks_find_conflict(struct file_locks *locks, enum lock_kind kind, const void *owner,
                                      const struct lock_range *range);
/* After locks went: wakes who waits. */
void locks_wake(struct file_locks *locks);
/* Sleeps until something was released since `seen` was read: 0 or -ERESTARTSYS. */
int locks_wait(struct file_locks *locks, uint32_t seen);
