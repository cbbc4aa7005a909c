/*
 * Spinlocks. The kernel is never preempted and interrupt handlers only raise work (see sched/work.h), so a plain
 * spinlock needs no interrupt masking; only what a hard interrupt handler itself touches is guarded by spin_lock_irq.
 * Never sleep, allocate with waiting, or touch program memory under one.
 */
#pragma once
#include <arch/irq.h>
#include <base/atomic.h>

/* Documents which lock guards a field; clang's analysis could check it. */
#define GUARDED_BY(lock)

struct spinlock {
    uint32_t is_held;
};
#define SPINLOCK_INIT {0}
static inline void spin_init(struct spinlock *lock)
{
    store_relaxed(&lock->is_held, 0u);
}
static inline bool spin_trylock(struct spinlock *lock)
{
    return !__atomic_exchange_n(&lock->is_held, 1u, __ATOMIC_ACQUIRE);
}
static inline void spin_lock(struct spinlock *lock)
{
    while (!spin_trylock(lock))
        while (load_relaxed(&lock->is_held))
            arch_cpu_relax();
}
static inline void spin_unlock(struct spinlock *lock)
{
    debug_assert(load_relaxed(&lock->is_held));
    store_release(&lock->is_held, 0u);
}
static inline uint64_t spin_lock_irq(struct spinlock *lock)
{
    uint64_t state = arch_irq_save();
    spin_lock(lock);
    return state;
}
static inline void spin_unlock_irq(struct spinlock *lock, uint64_t state)
{
    spin_unlock(lock);
    arch_irq_restore(state);
}
