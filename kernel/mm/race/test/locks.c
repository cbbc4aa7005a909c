/* The scheduler's sleeping locks as locks that yield to other host threads. Writers wait for a moment without readers.
 */
#include <sched/thread.h>
#include <sched.h>
#include <sched/mutex.h>

void wait_queue_init(struct wait_queue *queue)
{
}

void mutex_init(struct mutex *mutex)
{
    store_relaxed(&mutex->state, 0u);
}

bool mutex_trylock(struct mutex *mutex)
{
    return !atomic_exchange(&mutex->state, 1u);
}

void mutex_lock(struct mutex *mutex)
{
    while (!mutex_trylock(mutex))
        sched_yield();
}

void mutex_unlock(struct mutex *mutex)
{
    store_release(&mutex->state, 0u);
}

void rwlock_init(struct rwlock *lock)
{
    store_relaxed(&lock->readers, 0);
}

bool rwlock_try_read_lock(struct rwlock *lock)
{
    int32_t readers = load_relaxed(&lock->readers);
    return readers >= 0 && atomic_compare_exchange(&lock->readers, &readers, readers + 1);
}

void rwlock_read_lock(struct rwlock *lock)
{
    while (!rwlock_try_read_lock(lock))
        sched_yield();
}

void rwlock_read_unlock(struct rwlock *lock)
{
    atomic_fetch_sub(&lock->readers, 1);
}

void rwlock_write_lock(struct rwlock *lock)
{
    int32_t none = 0;
    while (!atomic_compare_exchange(&lock->readers, &none, -1)) {
        none = 0;
        sched_yield();
    }
}

void rwlock_write_unlock(struct rwlock *lock)
{
    store_release(&lock->readers, 0);
}

/* For the thread that refills the reserve, which these tests do not have. */
int wait_until(struct wait_queue *queue, bool (*condition)(void *), void *argument, enum wait_mode mode,
               uint64_t deadline_ns, bool is_exclusive)
{
    return 0;
}

int sleep_until(uint64_t deadline_ns, enum wait_mode mode)
{
    return 0;
}

void wake_up_one(struct wait_queue *queue, uint32_t key)
{
}

/* No scheduler: nothing is ever due. */
struct sched_attention sched_attention[CPU_MAX];

void sched_attend(void)
{
}
