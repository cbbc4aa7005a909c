/*
 * Wait queues. Non-exclusive waiters stand at the front, exclusive ones behind them in order of arrival, so that a walk
 * from the front serves all of the former and then one of the latter. A thread's waiter is taken off the queue when it
 * is woken: the next wake_up_one reaches the next one. Waiters with `notify` stay until they are removed.
 *
 * A waiter lives on its thread's stack and is only touched under queue->lock; the thread takes that lock
 * (wait_queue_remove) before its frame goes. So the thread is alive in thread_wake, too.
 */
#include <arch/cpu.h>
#include <sched/wait.h>

void wait_queue_init(struct wait_queue *queue)
{
    spin_init(&queue->lock);
    list_init(&queue->waiters);
}

void wait_queue_add(struct wait_queue *queue, struct waiter *waiter)
{
    spin_lock(&queue->lock);
    store_relaxed(&waiter->was_woken, false);
    if (waiter->is_exclusive)
        list_add_last(&queue->waiters, &waiter->link);
    else
        list_add_first(&queue->waiters, &waiter->link);
    spin_unlock(&queue->lock);
}

void wait_queue_remove(struct wait_queue *queue, struct waiter *waiter)
{
    spin_lock(&queue->lock);
    list_remove(&waiter->link);
    spin_unlock(&queue->lock);
}

/* A look at the list's head without its lock, on purpose: hence hidden from ThreadSanitizer. */
__attribute__((no_sanitize("thread"))) bool wait_queue_has_waiters(struct wait_queue *queue)
{
    /* Partner: the lock taken by wait_queue_add, after which the waiter looks at the condition again. */
    memory_barrier();
    return load_relaxed(&queue->waiters.next) != &queue->waiters;
}

static bool wake_waiter(struct waiter *waiter, uint32_t key)
{
    if (waiter->notify)
        return waiter->notify(waiter, key);
    list_remove(&waiter->link);
    store_release(&waiter->was_woken, true);
    thread_wake(waiter->thread);
    return true;
}

static void wake_up(struct wait_queue *queue, uint32_t key, bool one)
{
    if (!wait_queue_has_waiters(queue))
        return;
    struct waiter *waiter, *after;
    spin_lock(&queue->lock);
    list_for_each_safe(waiter, after, &queue->waiters, link)
    {
        bool is_exclusive = waiter->is_exclusive;
        if (wake_waiter(waiter, key) && one && is_exclusive)
            break;
    }
    spin_unlock(&queue->lock);
}

void wake_up_one(struct wait_queue *queue, uint32_t key)
{
    wake_up(queue, key, true);
}

void wake_up_all(struct wait_queue *queue, uint32_t key)
{
    wake_up(queue, key, false);
}

static bool is_interrupted(enum wait_mode mode)
{
    return mode == WAIT_INTERRUPTIBLE && load_acquire(&thread_current()->is_interrupted);
}

int wait_until(struct wait_queue *queue, bool (*condition)(void *), void *argument, enum wait_mode mode,
               uint64_t deadline_ns, bool is_exclusive)
{
    while (!condition(argument)) {
        struct waiter waiter = {.thread = thread_current(), .is_exclusive = is_exclusive};
        wait_queue_add(queue, &waiter);
        thread_prepare_sleep();
        bool is_broken = is_interrupted(mode), is_in_time = true;
        if (!is_broken && !condition(argument) && !load_acquire(&waiter.was_woken))
            is_in_time = thread_sleep(deadline_ns);
        else
            thread_cancel_sleep();
        wait_queue_remove(queue, &waiter);
        if (condition(argument))
            return 0;
        is_broken = is_broken || is_interrupted(mode);
        if (!is_broken && is_in_time)
            continue;
        /* One who gives up passes on the wake-up that was meant for one. */
        if (is_exclusive && waiter.was_woken)
            wake_up_one(queue, 0);
        return is_broken ? -ERESTARTSYS : -ETIMEDOUT;
    }
    return 0;
}

int sleep_until(uint64_t deadline_ns, enum wait_mode mode)
{
    for (;;) {
        thread_prepare_sleep();
        if (is_interrupted(mode)) {
            thread_cancel_sleep();
            return -ERESTARTSYS;
        }
        if (!thread_sleep(deadline_ns) || clock_monotonic_ns() >= deadline_ns)
            return 0;
    }
}
