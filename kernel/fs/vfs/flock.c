/* flock(2): one lock an open file, on the whole file. */
#include <mm/alloc.h>
#include "locks.h"

enum { FLOCK_SHARED = 1, FLOCK_EXCLUSIVE = 2, FLOCK_NO_WAIT = 4, FLOCK_UNLOCK = 8 };

static struct held_lock *find_own(struct file_locks *locks, struct file *file)
{
    struct held_lock *held;
    list_for_each(held, &locks->held, link)
    {
        if (held->kind == LOCK_FLOCK && held->owner == file)
            return held;
    }
    return NULL;
}

/* A lock of another type is given up first, so two that convert cannot wait for each other for ever. Returns 0, with
 * the spare consumed (or left when the lock was there already), or -EAGAIN. */
static int try_flock(struct file_locks *locks, struct file *file, enum lock_type type, struct held_lock **spare,
                     bool *released)
{
    const struct lock_range range = {.type = type, .start = 0, .end = UINT64_MAX};
    struct held_lock *own = find_own(locks, file);
    if (own && own->range.type == type)
        return 0;
    if (locks_find_conflict(locks, LOCK_FLOCK, file, &range)) {
        if (own) {
            list_remove(&own->link);
            kfree(own);
            *released = true;
        }
        return -EAGAIN;
    }
    if (own) {
        own->range.type = type;
        *released = type == LOCK_TYPE_READ;
        return 0;
    }
    **spare = (struct held_lock){.kind = LOCK_FLOCK, .owner = file, .range = range};
    list_add_last(&locks->held, &(*spare)->link);
    *spare = NULL;
    return 0;
}

static int take(struct file_locks *locks, struct file *file, enum lock_type type, bool wait)
{
    struct held_lock *spare = kmalloc(sizeof *spare, ALLOC_WAIT);
    if (!spare)
        return -ENOLCK;
    int err;
    do {
        bool released = false;
        uint32_t seen = load_acquire(&locks->releases);
        spin_lock(&file_locks_lock);
        err = try_flock(locks, file, type, &spare, &released);
        spin_unlock(&file_locks_lock);
        if (released)
            locks_wake(locks); /* ourselves too: one more try, then we sleep */
        if (err != -EAGAIN || !wait)
            break;
        err = locks_wait(locks, seen);
    } while (!err);
    kfree(spare);
    return err;
}

int vfs_flock(struct file *file, int operation)
{
    struct inode *inode = file_inode(file);
    int what = operation & ~FLOCK_NO_WAIT;
    if (what != FLOCK_SHARED && what != FLOCK_EXCLUSIVE && what != FLOCK_UNLOCK)
        return -EINVAL;
    if (!inode || load_relaxed(&file->flags) & O_PATH)
        return -EBADF;
    if (what == FLOCK_UNLOCK && !load_acquire(&inode->locks))
        return 0;
    struct file_locks *locks = locks_of(inode);
    if (!locks)
        return -ENOLCK;
    if (what != FLOCK_UNLOCK)
        return take(locks, file, what == FLOCK_SHARED ? LOCK_TYPE_READ : LOCK_TYPE_WRITE, !(operation & FLOCK_NO_WAIT));
    spin_lock(&file_locks_lock);
    struct held_lock *own = find_own(locks, file);
    if (own)
        list_remove(&own->link);
    spin_unlock(&file_locks_lock);
    if (own)
        locks_wake(locks);
    kfree(own);
    return 0;
}
