/* Sleeping locks that never sleep; see fakes/locks.h. */
#include <fakes/locks.h>

void (*fake_wait_hook)(void);

void mutex_init(struct mutex *mutex)
{
    mutex->state = 0;
    wait_queue_init(&mutex->queue);
}

bool mutex_trylock(struct mutex *mutex)
{
    bool was_free = !mutex->state;
    mutex->state = 1;
    return was_free;
}

void mutex_lock(struct mutex *mutex)
{
    bool was_free = mutex_trylock(mutex);
    assert(was_free);
}

void mutex_unlock(struct mutex *mutex)
{
    assert(mutex->state);
    mutex->state = 0;
}

bool mutex_is_locked(const struct mutex *mutex)
{
    return mutex->state != 0;
}

void rwlock_init(struct rwlock *lock)
{
    *lock = (struct rwlock){0};
    wait_queue_init(&lock->read_queue);
    wait_queue_init(&lock->write_queue);
}

bool rwlock_try_read_lock(struct rwlock *lock)
{
    if (lock->readers < 0)
        return false;
    lock->readers++;
    return true;
}

void rwlock_read_lock(struct rwlock *lock)
{
    bool is_locked = rwlock_try_read_lock(lock);
    assert(is_locked);
}

void rwlock_read_unlock(struct rwlock *lock)
{
    assert(lock->readers > 0);
    lock->readers--;
}

void rwlock_write_lock(struct rwlock *lock)
{
    assert(lock->readers == 0);
    lock->readers = -1;
}

void rwlock_write_unlock(struct rwlock *lock)
{
    assert(lock->readers == -1);
    lock->readers = 0;
}

void wait_queue_init(struct wait_queue *queue)
{
    spin_init(&queue->lock);
    list_init(&queue->waiters);
}

void wait_queue_add(struct wait_queue *queue, struct waiter *waiter)
{
    waiter->was_woken = false;
    list_add_last(&queue->waiters, &waiter->link);
}

void wait_queue_remove(struct wait_queue *queue, struct waiter *waiter)
{
    list_remove(&waiter->link);
}

bool wait_queue_has_waiters(struct wait_queue *queue)
{
    return !list_is_empty(&queue->waiters);
}

static void wake(struct wait_queue *queue, uint32_t key, bool only_one)
{
    struct waiter *waiter, *after;
    list_for_each_safe(waiter, after, &queue->waiters, link)
    {
        bool counts = waiter->notify ? waiter->notify(waiter, key) : true;
        waiter->was_woken = true;
        if (only_one && counts && waiter->is_exclusive)
            return;
    }
}

void wake_up_one(struct wait_queue *queue, uint32_t key)
{
    wake(queue, key, true);
}

void wake_up_all(struct wait_queue *queue, uint32_t key)
{
    wake(queue, key, false);
}

int wait_until(struct wait_queue *queue, bool (*condition)(void *), void *argument, enum wait_mode mode,
               uint64_t deadline_ns, bool is_exclusive)
{
    if (condition(argument))
        return 0;
    if (mode == WAIT_INTERRUPTIBLE && thread_current() && thread_current()->is_interrupted)
        return -ERESTARTSYS;
    if (fake_wait_hook)
        fake_wait_hook();
    return condition(argument) ? 0 : -ETIMEDOUT;
}

int sleep_until(uint64_t deadline_ns, enum wait_mode mode)
{
    return 0;
}

void thread_prepare_sleep(void)
{
}

void thread_cancel_sleep(void)
{
}

bool thread_sleep(uint64_t deadline_ns)
{
    if (fake_wait_hook)
        fake_wait_hook();
    return false;
}

void thread_wake(struct thread *thread)
{
}

struct sched_attention sched_attention[CPU_MAX];

void sched_attend(void)
{
}
