/*
 * The mutex: 0 free, 1 held, 2 held and somebody may be waiting. Who had to wait takes it with 2, because others may
 * wait still; unlocking a 2 wakes the first in the queue. A woken waiter that finds the mutex taken by a newcomer
 * queues at the front again.
 */
#include <arch/cpu.h>
#include <sched/mutex.h>

enum {
    FREE = 0,
    HELD = 1,
    HELD_WITH_WAITERS = 2,
    SPIN_ROUNDS = 64, /* about as long as a short critical section on another CPU */
};

void mutex_init(struct mutex *mutex)
{
    mutex->state = FREE;
    wait_queue_init(&mutex->queue);
}

bool mutex_trylock(struct mutex *mutex)
{
    uint32_t was = FREE;
    return atomic_compare_exchange(&mutex->state, &was, (uint32_t)HELD);
}

static bool spin_for_it(struct mutex *mutex)
{
    if (cpu_count() < 2)
        return false;
    for (unsigned i = 0; i < SPIN_ROUNDS; i++) {
        uint32_t state = load_relaxed(&mutex->state);
        if (state == FREE && mutex_trylock(mutex))
            return true;
        if (state == HELD_WITH_WAITERS)
            return false;
        arch_cpu_relax();
    }
    return false;
}

static void queue_waiter(struct mutex *mutex, struct waiter *waiter, bool at_front)
{
    spin_lock(&mutex->queue.lock);
    store_relaxed(&waiter->was_woken, false);
    if (at_front)
        list_add_first(&mutex->queue.waiters, &waiter->link);
    else
        list_add_last(&mutex->queue.waiters, &waiter->link);
    spin_unlock(&mutex->queue.lock);
}

static void lock_slowly(struct mutex *mutex)
{
    struct waiter waiter = {.thread = thread_current(), .is_exclusive = true};
    bool at_front = false;
    for (;;) {
        queue_waiter(mutex, &waiter, at_front);
        thread_prepare_sleep();
        /* After queueing: an unlock from here on sees 2 and finds us in the queue. */
        bool is_ours = atomic_exchange(&mutex->state, (uint32_t)HELD_WITH_WAITERS) == FREE;
        if (is_ours || load_acquire(&waiter.was_woken)) /* else: woken before it slept, and off the queue */
            thread_cancel_sleep();
        else
            thread_sleep(UINT64_MAX);
        wait_queue_remove(&mutex->queue, &waiter);
        /* A wake-up consumed on this way is passed on by our unlock, as the state is 2. */
        if (is_ours)
            return;
        at_front = true;
    }
}

void mutex_lock(struct mutex *mutex)
{
    if (mutex_trylock(mutex) || spin_for_it(mutex))
        return;
    lock_slowly(mutex);
}

void mutex_unlock(struct mutex *mutex)
{
    uint32_t was = atomic_exchange(&mutex->state, (uint32_t)FREE);
    debug_assert(was != FREE);
    if (was == HELD_WITH_WAITERS)
        wake_up_one(&mutex->queue, 0);
}

bool mutex_is_locked(const struct mutex *mutex)
{
    return load_relaxed(&mutex->state) != FREE;
}
