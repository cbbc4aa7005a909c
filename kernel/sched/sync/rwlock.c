/*
 * The reader-writer lock is handed over: who releases it gives it to those it wakes, a writer to all readers that wait
 * (else the next writer), the last reader to the first writer. So neither side starves the other. `lock` guards all
 * fields and both lists. Lock order: lock, then the queues' own (wait_queue_add), then run queues'.
 */
#include <sched/mutex.h>

void rwlock_init(struct rwlock *lock)
{
    spin_init(&lock->lock);
    lock->readers = 0;
    lock->waiting_writers = 0;
    wait_queue_init(&lock->read_queue);
    wait_queue_init(&lock->write_queue);
}

/* Called and returns with lock->lock held; the lock is the caller's when it returns. */
static void wait_for_grant(struct rwlock *lock, struct wait_queue *queue)
{
    struct waiter waiter = {.thread = thread_current(), .is_exclusive = true};
    wait_queue_add(queue, &waiter); /* exclusive: in order of arrival */
    while (!waiter.was_woken) {
        thread_prepare_sleep();
        spin_unlock(&lock->lock);
        thread_sleep(UINT64_MAX);
        spin_lock(&lock->lock);
    }
}

static void grant_first(struct wait_queue *queue)
{
    struct waiter *waiter = list_first(&queue->waiters, struct waiter, link);
    list_remove(&waiter->link);
    waiter->was_woken = true;
    thread_wake(waiter->thread);
}

static void hand_to_writer(struct rwlock *lock)
{
    lock->readers = -1;
    lock->waiting_writers--;
    grant_first(&lock->write_queue);
}

void rwlock_read_lock(struct rwlock *lock)
{
    spin_lock(&lock->lock);
    if (lock->readers >= 0 && !lock->waiting_writers)
        lock->readers++;
    else
        wait_for_grant(lock, &lock->read_queue);
    spin_unlock(&lock->lock);
}

bool rwlock_try_read_lock(struct rwlock *lock)
{
    spin_lock(&lock->lock);
    bool is_ours = lock->readers >= 0 && !lock->waiting_writers;
    if (is_ours)
        lock->readers++;
    spin_unlock(&lock->lock);
    return is_ours;
}

void rwlock_read_unlock(struct rwlock *lock)
{
    spin_lock(&lock->lock);
    debug_assert(lock->readers > 0);
    if (--lock->readers == 0 && lock->waiting_writers)
        hand_to_writer(lock);
    spin_unlock(&lock->lock);
}

void rwlock_write_lock(struct rwlock *lock)
{
    spin_lock(&lock->lock);
    if (lock->readers == 0) {
        lock->readers = -1;
    } else {
        lock->waiting_writers++;
        wait_for_grant(lock, &lock->write_queue);
    }
    spin_unlock(&lock->lock);
}

void rwlock_write_unlock(struct rwlock *lock)
{
    spin_lock(&lock->lock);
    debug_assert(lock->readers == -1);
    lock->readers = 0;
    while (!list_is_empty(&lock->read_queue.waiters)) {
        lock->readers++;
        grant_first(&lock->read_queue);
    }
    if (lock->readers == 0 && lock->waiting_writers)
        hand_to_writer(lock);
    spin_unlock(&lock->lock);
}
