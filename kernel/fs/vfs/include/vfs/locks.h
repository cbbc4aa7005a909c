/*
 * File locks: flock (owner: the open file), POSIX record locks (owner: the process), OFD locks (owner: the open file).
 * A blocked call sleeps interruptibly (-ERESTARTSYS).
 */
#pragma once
#include <base/types.h>

struct file;
struct inode;
enum lock_type { LOCK_TYPE_READ, LOCK_TYPE_WRITE, LOCK_TYPE_UNLOCK };
struct lock_range {
    enum lock_type type;
    uint64_t start, end; /* last byte included; UINT64_MAX: to the end */
    int32_t pid;         /* of the holder as F_GETLK tells it; -1 for OFD locks */
};
/* operation: Linux's LOCK_SH 1, LOCK_EX 2, LOCK_NB 4, LOCK_UN 8. */
int vfs_flock(struct file *file, int operation);
/* owner: the process for POSIX, the file for OFD. -EAGAIN when held and !wait; -EDEADLK. */
int vfs_lock_range(struct file *file, const void *owner, bool is_ofd, const struct lock_range *range, bool wait);
/* The first lock that stands in the way of *range, or type UNLOCK. */
int vfs_test_lock(struct file *file, const void *owner, bool is_ofd, struct lock_range *range);
/* Each close of a descriptor: drops the process's POSIX locks on the file's inode. */
void vfs_unlock_owner(struct inode *inode, const void *owner);
struct lock_info {
    struct lock_range range;
    bool is_flock, is_ofd;
};
