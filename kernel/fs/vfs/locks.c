/* Record locks: POSIX and OFD, with their splitting and joining, and the search for deadlocks. */
#include <common/checked.h>
#include <mm/alloc.h>
#include "locks.h"

enum { DEADLOCK_SEARCH_MAX = 64, SPARE_MAX = 2 };

struct spinlock file_locks_lock = SPINLOCK_INIT;

/* A process that waits for a POSIX lock, and whose lock it waits for. */
struct blocked {
    struct list link;
    const void *owner, *holder;
};
static struct list blocked_list GUARDED_BY(&file_locks_lock) = LIST_INIT(blocked_list);

struct file_locks *locks_of(struct inode *inode)
{
    struct file_locks *locks = load_acquire(&inode->locks);
    if (locks)
        return locks;
    struct file_locks *mine = kzalloc(sizeof *mine, ALLOC_WAIT);
    if (!mine)
        return NULL;
    list_init(&mine->held);
    wait_queue_init(&mine->queue);
    spin_lock(&inode->field_lock);
    locks = inode->locks;
    if (!locks)
        store_release(&inode->locks, locks = mine);
    spin_unlock(&inode->field_lock);
    if (locks != mine)
        kfree(mine);
    return locks;
}

void locks_wake(struct file_locks *locks)
{
    atomic_fetch_add(&locks->releases, 1u);
    if (wait_queue_has_waiters(&locks->queue))
        wake_up_all(&locks->queue, 0);
}

int locks_wait(struct file_locks *locks, uint32_t seen)
{
    return wait_event(&locks->queue, load_acquire(&locks->releases) != seen, WAIT_INTERRUPTIBLE, UINT64_MAX);
}

static bool overlaps(const struct lock_range *a, const struct lock_range *b)
{
    return a->start <= b->end && b->start <= a->end;
}

struct held_lock *locks_find_conflict(struct file_locks *locks, enum lock_kind kind, const void *owner,
                                      const struct lock_range *range)
{
    struct held_lock *held, *first = NULL; /* F_GETLK tells the lowest one */
    list_for_each(held, &locks->held, link)
    {
        if ((held->kind == LOCK_FLOCK) != (kind == LOCK_FLOCK) || (held->kind == kind && held->owner == owner))
            continue;
        bool stands_in_the_way = overlaps(&held->range, range) &&
                                 (held->range.type == LOCK_TYPE_WRITE || range->type == LOCK_TYPE_WRITE);
        if (stands_in_the_way && (!first || held->range.start < first->range.start))
            first = held;
    }
    return first;
}

/* ---- changing what an owner holds; all under file_locks_lock ---- */

struct spares { /* made before the lock is taken: a split and the new lock itself */
    struct held_lock *free[SPARE_MAX];
};

static int spares_make(struct spares *spares)
{
    for (unsigned i = 0; i < SPARE_MAX; i++)
        spares->free[i] = kmalloc(sizeof(struct held_lock), ALLOC_WAIT);
    if (spares->free[0] && spares->free[1])
        return 0;
    for (unsigned i = 0; i < SPARE_MAX; i++)
        kfree(spares->free[i]);
    return -ENOLCK;
}

static void spares_free(struct spares *spares, struct list *doomed)
{
    for (unsigned i = 0; i < SPARE_MAX; i++)
        kfree(spares->free[i]);
    while (!list_is_empty(doomed)) {
        struct held_lock *held = list_first(doomed, struct held_lock, link);
        list_remove(&held->link);
        kfree(held);
    }
}

static void add_held(struct file_locks *locks, struct spares *spares, enum lock_kind kind, const void *owner,
                     const struct lock_range *range)
{
    struct held_lock **slot = spares->free[0] ? &spares->free[0] : &spares->free[1];
    struct held_lock *held = *slot;
    *slot = NULL;
    *held = (struct held_lock){.kind = kind, .owner = owner, .range = *range};
    list_add_last(&locks->held, &held->link);
}

static bool touches(const struct lock_range *a, const struct lock_range *b)
{
    return overlaps(a, b) || (a->end != UINT64_MAX && a->end + 1 == b->start) ||
           (b->end != UINT64_MAX && b->end + 1 == a->start);
}

/* Cuts `range` out of a lock of the same owner: it shrinks, splits (the tail into a spare) or goes to `doomed`. */
static void cut(struct file_locks *locks, struct held_lock *held, const struct lock_range *range, struct spares *spares,
                struct list *doomed)
{
    struct lock_range tail = held->range;
    bool has_head = held->range.start<range->start, has_tail = held->range.end> range->end;
    tail.start = range->end + 1;
    if (has_head && has_tail)
        add_held(locks, spares, held->kind, held->owner, &tail);
    if (has_head) {
        held->range.end = range->start - 1;
    } else if (has_tail) {
        held->range.start = tail.start;
    } else {
        list_remove(&held->link);
        list_add_last(doomed, &held->link);
    }
}

/* The owner now has `range` with its type (or nothing there): joins with neighbours of the same type, cuts the others.
 */
static void set_range(struct file_locks *locks, enum lock_kind kind, const void *owner, const struct lock_range *range,
                      struct spares *spares, struct list *doomed)
{
    struct lock_range whole = *range;
    struct held_lock *held, *after;
    list_for_each_safe(held, after, &locks->held, link)
    {
        if (held->kind != kind || held->owner != owner)
            continue;
        if (held->range.type == range->type && touches(&held->range, &whole)) {
            whole.start = MIN(whole.start, held->range.start);
            whole.end = MAX(whole.end, held->range.end);
            list_remove(&held->link);
            list_add_last(doomed, &held->link);
        } else if (overlaps(&held->range, range)) {
            cut(locks, held, range, spares, doomed);
        }
    }
    if (range->type != LOCK_TYPE_UNLOCK)
        add_held(locks, spares, kind, owner, &whole);
}

/* ---- deadlocks ---- */

static const void *waits_for(const void *owner)
{
    struct blocked *b;
    list_for_each(b, &blocked_list, link)
    {
        if (b->owner == owner)
            return b->holder;
    }
    return NULL;
}

/* Would `owner` wait for itself in the end? Only POSIX locks' owners can be followed. */
static bool is_deadlock(const void *owner, const struct held_lock *conflict)
{
    const void *holder = conflict->kind == LOCK_POSIX ? conflict->owner : NULL;
    for (unsigned i = 0; holder && i < DEADLOCK_SEARCH_MAX; i++) {
        if (holder == owner)
            return true;
        holder = waits_for(holder);
    }
    return false;
}

/* ---- the calls ---- */

/* Takes the lock if it can: 0, -EAGAIN with *blocked entered when `wait`, -EDEADLK. */
static int try_lock(struct file_locks *locks, enum lock_kind kind, const void *owner, const struct lock_range *range,
                    struct spares *spares, struct list *doomed, struct blocked *blocked)
{
    struct held_lock *conflict = NULL;
    if (range->type != LOCK_TYPE_UNLOCK)
        conflict = locks_find_conflict(locks, kind, owner, range);
    if (!conflict) {
        set_range(locks, kind, owner, range, spares, doomed);
        return 0;
    }
    if (!blocked)
        return -EAGAIN;
    if (kind == LOCK_POSIX && is_deadlock(owner, conflict))
        return -EDEADLK;
    blocked->owner = kind == LOCK_POSIX ? owner : NULL;
    blocked->holder = conflict->kind == LOCK_POSIX ? conflict->owner : NULL;
    list_add_last(&blocked_list, &blocked->link);
    return -EAGAIN;
}

static int lock_range(struct file_locks *locks, enum lock_kind kind, const void *owner, const struct lock_range *range,
                      bool wait, struct spares *spares, struct list *doomed)
{
    for (;;) {
        struct blocked blocked;
        uint32_t seen = load_acquire(&locks->releases);
        spin_lock(&file_locks_lock);
        int err = try_lock(locks, kind, owner, range, spares, doomed, wait ? &blocked : NULL);
        spin_unlock(&file_locks_lock);
        if (err != -EAGAIN || !wait)
            return err;
        err = locks_wait(locks, seen);
        spin_lock(&file_locks_lock);
        list_remove(&blocked.link);
        spin_unlock(&file_locks_lock);
        if (err)
            return err;
    }
}

int vfs_lock_range(struct file *file, const void *owner, bool is_ofd, const struct lock_range *range, bool wait)
{
    struct inode *inode = file_inode(file);
    struct list doomed = LIST_INIT(doomed);
    struct spares spares;
    if (!inode)
        return -EBADF;
    if (range->start > range->end)
        return -EINVAL;
    if (range->type == LOCK_TYPE_UNLOCK && !load_acquire(&inode->locks))
        return 0;
    struct file_locks *locks = locks_of(inode);
    if (!locks)
        return -ENOLCK;
    int err = spares_make(&spares);
    if (err)
        return err;
    err = lock_range(locks, is_ofd ? LOCK_OFD : LOCK_POSIX, owner, range, wait, &spares, &doomed);
    bool has_released = !err && (range->type != LOCK_TYPE_WRITE || !list_is_empty(&doomed));
    spares_free(&spares, &doomed);
    if (has_released)
        locks_wake(locks);
    return err;
}

int vfs_test_lock(struct file *file, const void *owner, bool is_ofd, struct lock_range *range)
{
    struct inode *inode = file_inode(file);
    if (!inode)
        return -EBADF;
    struct file_locks *locks = load_acquire(&inode->locks);
    struct held_lock *conflict = NULL;
    spin_lock(&file_locks_lock);
    if (locks)
        conflict = locks_find_conflict(locks, is_ofd ? LOCK_OFD : LOCK_POSIX, owner, range);
    if (conflict) {
        *range = conflict->range;
        if (conflict->kind == LOCK_OFD)
            range->pid = -1;
    } else {
        range->type = LOCK_TYPE_UNLOCK;
    }
    spin_unlock(&file_locks_lock);
    return 0;
}

/* ---- dropping ---- */

static void drop(struct inode *inode, const void *owner, bool is_file)
{
    struct file_locks *locks = load_acquire(&inode->locks);
    struct list doomed = LIST_INIT(doomed);
    struct held_lock *held, *after;
    if (!locks)
        return;
    spin_lock(&file_locks_lock);
    list_for_each_safe(held, after, &locks->held, link)
    {
        if (held->owner == owner && (held->kind != LOCK_POSIX) == is_file) {
            list_remove(&held->link);
            list_add_last(&doomed, &held->link);
        }
    }
    spin_unlock(&file_locks_lock);
    if (list_is_empty(&doomed))
        return;
    struct spares none = {{NULL}};
    spares_free(&none, &doomed);
    locks_wake(locks);
}

void vfs_unlock_owner(struct inode *inode, const void *owner)
{
    if (inode)
        drop(inode, owner, false);
}

void locks_release_file(struct inode *inode, struct file *file)
{
    drop(inode, file, true);
}

void locks_destroy(struct inode *inode)
{
    struct file_locks *locks = inode->locks;
    if (!locks)
        return;
    struct spares none = {{NULL}};
    spares_free(&none, &locks->held);
    kfree(locks);
    inode->locks = NULL;
}
