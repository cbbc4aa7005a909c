/*
 * Futexes: the hash table, waiting and waking.
 *
 *   waiter                                waker
 *   lock bucket                           change the word (in ring 3)
 *   word == value? queue                  lock bucket
 *   unlock, sleep                         take waiters off, wake
 *
 * Whichever locks second sees what the other did, so no wake-up is lost.
 */
#include <base/errno.h>
#include "futex.h"

enum { BUCKETS = 512 };
static struct futex_bucket buckets[BUCKETS]; /* lists are made when first locked: nothing to do at boot */

int futex_key_of(struct user *word, unsigned flags, struct futex_key *out)
{
    uintptr_t address = user_address(word);
    struct address_space *space = process_current()->space;
    struct vm_object *object;
    uint64_t offset;
    if (!is_aligned(address, sizeof(uint32_t)))
        return -EINVAL;
    if (address >= USER_ADDRESS_MAX)
        return -EFAULT;
    *out = (struct futex_key){(uintptr_t)space, address};
    if ((flags & FUTEX_IS_SHARED) && address_space_shared_key(space, address, &object, &offset))
        *out = (struct futex_key){(uintptr_t)object, offset};
    return 0;
}

struct futex_bucket *futex_bucket_of(const struct futex_key *key)
{
    uint64_t hash = (key->owner >> 4 ^ key->offset >> 2) * UINT64_C(0x9e3779b97f4a7c15);
    return &buckets[hash >> 55];
}
static_assert(BUCKETS == 1 << (64 - 55), "the hash's top bits");

void futex_bucket_lock(struct futex_bucket *bucket)
{
    spin_lock(&bucket->lock);
    if (!bucket->waiters.next)
        list_init(&bucket->waiters);
}

void futex_bucket_lock_both(struct futex_bucket *a, struct futex_bucket *b)
{
    futex_bucket_lock(a < b ? a : b);
    if (a != b)
        futex_bucket_lock(a < b ? b : a);
}

void futex_bucket_unlock_both(struct futex_bucket *a, struct futex_bucket *b)
{
    spin_unlock(&a->lock);
    if (a != b)
        spin_unlock(&b->lock);
}

/* ---- waking ---- */

void futex_wake_now(struct futex_wakes *wakes)
{
    for (unsigned i = 0; i < wakes->count; i++) {
        thread_wake(wakes->threads[i]);
        thread_put(wakes->threads[i]);
    }
    wakes->count = 0;
}

void futex_wake_later(struct futex_wakes *wakes, struct futex_waiter *waiter)
{
    struct thread *thread = waiter->thread;
    if (wakes->count == ARRAY_SIZE(wakes->threads))
        futex_wake_now(wakes);
    thread_get(thread);
    wakes->threads[wakes->count++] = thread;
    list_remove(&waiter->link);
    /* Partner: the waiter's load_acquire. From here on its stack frame may be gone. */
    store_release(&waiter->bucket, NULL);
}

int futex_wake(struct user *word, uint32_t count, uint32_t bitset, unsigned flags)
{
    struct futex_key key;
    struct futex_wakes wakes = {.count = 0};
    uint32_t woken = 0;
    if (!bitset)
        return -EINVAL;
    int err = futex_key_of(word, flags, &key);
    if (err)
        return err;
    struct futex_bucket *bucket = futex_bucket_of(&key);
    struct futex_waiter *waiter, *after;
    futex_bucket_lock(bucket);
    list_for_each_safe(waiter, after, &bucket->waiters, link)
    {
        if (woken >= count)
            break;
        if (!futex_key_equals(&waiter->key, &key) || !(waiter->bitset & bitset))
            continue;
        futex_wake_later(&wakes, waiter);
        woken++;
    }
    spin_unlock(&bucket->lock);
    futex_wake_now(&wakes);
    return (int)woken;
}

/* ---- waiting ---- */

int futex_enqueue(struct futex_waiter *waiter, struct user *word, uint32_t value)
{
    struct futex_bucket *bucket = futex_bucket_of(&waiter->key);
    for (;;) {
        uint32_t now;
        futex_bucket_lock(bucket);
        int err = user_load32(word, &now, false);
        if (!err && now == value) {
            waiter->bucket = bucket;
            list_add_last(&bucket->waiters, &waiter->link);
        }
        spin_unlock(&bucket->lock);
        if (!err)
            return now == value ? 0 : -EAGAIN;
        /* The page is not there: fetched without the lock, then from the start. */
        if (user_load32(word, &now, true))
            return -EFAULT;
        if (load_relaxed(&thread_current()->is_interrupted))
            return -ERESTARTSYS;
    }
}

bool futex_dequeue(struct futex_waiter *waiter)
{
    struct futex_bucket *bucket;
    while ((bucket = load_acquire(&waiter->bucket))) {
        spin_lock(&bucket->lock);
        bool is_here = load_relaxed(&waiter->bucket) == bucket; /* else it was moved or woken meanwhile */
        if (is_here)
            list_remove(&waiter->link);
        spin_unlock(&bucket->lock);
        if (is_here)
            return false;
    }
    return true;
}

/* Until woken (0), interrupted or late. */
static int sleep_until_woken(struct futex_waiter *waiter, uint64_t deadline_ns)
{
    for (;;) {
        thread_prepare_sleep();
        bool is_woken = !load_acquire(&waiter->bucket);
        bool is_interrupted = load_acquire(&waiter->thread->is_interrupted);
        if (is_woken || is_interrupted) {
            thread_cancel_sleep();
            return is_woken ? 0 : -ERESTARTSYS;
        }
        if (!thread_sleep(deadline_ns))
            return -ETIMEDOUT;
    }
}

int futex_wait(struct user *word, uint32_t value, uint32_t bitset, uint64_t deadline_ns, unsigned flags)
{
    struct futex_waiter waiter = {.bitset = bitset, .thread = thread_current()};
    if (!bitset)
        return -EINVAL;
    int err = futex_key_of(word, flags, &waiter.key);
    if (!err)
        err = futex_enqueue(&waiter, word, value);
    if (err)
        return err;
    err = sleep_until_woken(&waiter, deadline_ns);
    /* A wake-up that came with the timeout or the signal counts: the waker was told of it. */
    return futex_dequeue(&waiter) ? 0 : err;
}
