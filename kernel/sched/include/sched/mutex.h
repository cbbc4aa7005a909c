/* Sleeping locks, for thread context. Uncontended: one atomic operation. Waiters are served in order of arrival. */
#pragma once
#include <sched/wait.h>

struct mutex {
    uint32_t state; /* 0 free, 1 held, 2 held with waiters */
    struct wait_queue queue;
};
#define MUTEX_INIT(m) {0, WAIT_QUEUE_INIT((m).queue)}
void mutex_init(struct mutex *mutex);
void mutex_lock(struct mutex *mutex);
bool mutex_trylock(struct mutex *mutex);
void mutex_unlock(struct mutex *mutex);
bool mutex_is_locked(const struct mutex *mutex);

/* Many readers or one writer; a waiting writer keeps new readers out. */
struct rwlock {
    struct spinlock lock;
    int32_t readers; /* -1: a writer holds it */
    uint32_t waiting_writers;
    struct wait_queue read_queue, write_queue;
};
void rwlock_init(struct rwlock *lock);
void rwlock_read_lock(struct rwlock *lock);
bool rwlock_try_read_lock(struct rwlock *lock);
void rwlock_read_unlock(struct rwlock *lock);
void rwlock_write_lock(struct rwlock *lock);
void rwlock_write_unlock(struct rwlock *lock);
