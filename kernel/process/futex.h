/* Waiters of futexes and their hash table. Private to futex.c, futex_move.c and futex_many.c. */
#pragma once
#include <process/futex.h>
#include "private.h"

/* Private words are known by space and address, shared ones by object and offset; never followed, only compared. */
struct futex_key {
    uintptr_t owner;
    uint64_t offset;
};
struct futex_bucket;
struct futex_waiter {
    struct list link;
    struct futex_key key;
    uint32_t bitset;
    struct thread *thread;
    /* Where it is queued; changed under that bucket's lock. NULL: woken, after which the waker never looks at it. */
    struct futex_bucket *bucket;
};
/* Order: the lower address first, then run queues. Only user_load32 without sleeping touches program memory under it.
 */
struct futex_bucket {
    struct spinlock lock;
    struct list waiters GUARDED_BY(&lock);
} __attribute__((aligned(64)));

int futex_key_of(struct user *word, unsigned flags, struct futex_key *out); /* -EINVAL: not aligned; -EFAULT */
static inline bool futex_key_equals(const struct futex_key *a, const struct futex_key *b)
{
    return a->owner == b->owner && a->offset == b->offset;
}
struct futex_bucket *futex_bucket_of(const struct futex_key *key);
void futex_bucket_lock(struct futex_bucket *bucket);
void futex_bucket_lock_both(struct futex_bucket *a, struct futex_bucket *b); /* may be the same */
void futex_bucket_unlock_both(struct futex_bucket *a, struct futex_bucket *b);

/* Queues the waiter if the word holds `value`: 0, -EAGAIN, -EFAULT. */
int futex_enqueue(struct futex_waiter *waiter, struct user *word, uint32_t value);
/* Takes it off: true when it had been woken before. */
bool futex_dequeue(struct futex_waiter *waiter);

/* Threads to wake, collected under a bucket's lock and woken outside; referenced, for they may be gone by then. */
struct futex_wakes {
    struct thread *threads[16];
    unsigned count;
};
void futex_wake_later(struct futex_wakes *wakes, struct futex_waiter *waiter);
void futex_wake_now(struct futex_wakes *wakes);
