/* futex_waitv(2): waiting on several words at once. */
#include <base/errno.h>
#include "futex.h"

struct many {
    struct futex_waiter *waiters;
    unsigned count;
};

/* Takes the first n off; the index of one that was woken, or -1. */
static int dequeue_all(struct futex_waiter *waiters, unsigned n)
{
    int woken = -1;
    for (unsigned i = 0; i < n; i++)
        if (futex_dequeue(&waiters[i]))
            woken = (int)i;
    return woken;
}

static bool is_any_woken(const struct many *many)
{
    for (unsigned i = 0; i < many->count; i++)
        if (!load_acquire(&many->waiters[i].bucket))
            return true;
    return false;
}

static int sleep_for_any(const struct many *many, uint64_t deadline_ns)
{
    struct thread *thread = thread_current();
    for (;;) {
        thread_prepare_sleep();
        bool is_woken = is_any_woken(many);
        bool is_interrupted = load_acquire(&thread->is_interrupted);
        if (is_woken || is_interrupted) {
            thread_cancel_sleep();
            return is_woken ? 0 : -ERESTARTSYS;
        }
        if (!thread_sleep(deadline_ns))
            return -ETIMEDOUT;
    }
}

int futex_wait_many(const struct futex_wait_one *waits, unsigned count, uint64_t deadline_ns)
{
    struct many many = {kmalloc_array(count, sizeof(struct futex_waiter), ALLOC_ZERO), count};
    if (!many.waiters)
        return -ENOMEM;
    int err = 0, woken;
    unsigned queued = 0;
    for (; queued < count && !err; queued++) {
        struct futex_waiter *waiter = &many.waiters[queued];
        waiter->bitset = FUTEX_MATCH_ANY;
        waiter->thread = thread_current();
        err = futex_key_of(waits[queued].word, waits[queued].flags, &waiter->key);
        if (!err)
            err = futex_enqueue(waiter, waits[queued].word, waits[queued].value);
        if (err)
            break;
    }
    if (!err)
        err = sleep_for_any(&many, deadline_ns);
    woken = dequeue_all(many.waiters, queued);
    kfree(many.waiters);
    return woken >= 0 ? woken : err;
}
