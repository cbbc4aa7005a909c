/*
 * Wait queues. What a waiter waits for is checked between queueing and sleeping, so no wake-up is lost. A waiter with a
 * `notify` function gets called instead of a thread woken: that is how poll and epoll listen to many queues at once.
 */
#pragma once
#include <base/errno.h>
#include <sched/thread.h>

struct wait_queue {
    struct spinlock lock; /* a leaf: nothing but run-queue locks is taken under it, and what `notify` functions take */
    struct list waiters GUARDED_BY(&lock);
};
struct waiter {
    struct list link;
    struct thread *thread; /* woken when notify is NULL */
    /* Called under the queue's lock with wake_up's key: must not sleep nor touch the queue. Returns true when this waiter
     * counts as one of those to wake (an exclusive waiter that declines returns false). */
    bool (*notify)(struct waiter *waiter, uint32_t key);
    bool is_exclusive;     /* wake_up_one stops after one of these */
    /* Written under the queue's lock; the thread itself reads it after thread_prepare_sleep: a wake-up before that has taken
     * the waiter off the queue without ending any sleep, and no other would come. */
    bool was_woken;
};
#define WAIT_QUEUE_INIT(queue) {SPINLOCK_INIT, LIST_INIT((queue).waiters)}
void wait_queue_init(struct wait_queue *queue);
void wait_queue_add(struct wait_queue *queue, struct waiter *waiter);
void wait_queue_remove(struct wait_queue *queue, struct waiter *waiter);
bool wait_queue_has_waiters(struct wait_queue *queue); /* with a full barrier before the look */
/* `key`: the POLL bits that became true; 0: all. one: all non-exclusive and at most one exclusive waiter. */
void wake_up_one(struct wait_queue *queue, uint32_t key);
void wake_up_all(struct wait_queue *queue, uint32_t key);

enum wait_mode { WAIT_UNINTERRUPTIBLE, WAIT_INTERRUPTIBLE };
/*
 * Sleeps until condition() is true: 0; -ERESTARTSYS when interrupted; -ETIMEDOUT past the deadline. The condition is
 * evaluated while the thread is prepared to sleep: it may take spinlocks but must not sleep.
 */
int wait_until(struct wait_queue *queue, bool (*condition)(void *), void *argument, enum wait_mode mode,
               uint64_t deadline_ns, bool is_exclusive);
/* Sleeps for a time only: 0 (-ERESTARTSYS when interrupted). */
int sleep_until(uint64_t deadline_ns, enum wait_mode mode);

/* The same with an expression; the value is wait_until's. */
#define wait_event(queue, condition, mode, deadline_ns)                                                                \
    ({                                                                                                                 \
        int wait_err = 0;                                                                                              \
        uint64_t wait_deadline = (deadline_ns);                                                                        \
        while (!(condition)) {                                                                                         \
            struct waiter wait_entry = {.thread = thread_current()};                                                   \
            wait_queue_add((queue), &wait_entry);                                                                      \
            thread_prepare_sleep();                                                                                    \
            bool wait_in_time = true;                                                                                  \
            bool wait_is_broken = (mode) == WAIT_INTERRUPTIBLE && load_acquire(&thread_current()->is_interrupted);     \
            if (!(condition) && !wait_is_broken && !load_acquire(&wait_entry.was_woken))                               \
                wait_in_time = thread_sleep(wait_deadline);                                                            \
            else                                                                                                       \
                thread_cancel_sleep();                                                                                 \
            wait_queue_remove((queue), &wait_entry);                                                                   \
            if (condition)                                                                                             \
                break;                                                                                                 \
            if (wait_is_broken) {                                                                                      \
                wait_err = -ERESTARTSYS;                                                                               \
                break;                                                                                                 \
            }                                                                                                          \
            if (!wait_in_time) {                                                                                       \
                wait_err = -ETIMEDOUT;                                                                                 \
                break;                                                                                                 \
            }                                                                                                          \
        }                                                                                                              \
        wait_err;                                                                                                      \
    })
