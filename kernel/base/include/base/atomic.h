/*
 * Atomics by the compiler's built-ins, memory order named at each call: load_acquire pairs with store_release; the
 * read-modify-write ones are sequentially consistent unless their name says relaxed. Reference counts: struct refcount.
 */
#pragma once
#include <base/assert.h>
#include <base/types.h>
#define load_relaxed(p)          __atomic_load_n(p, __ATOMIC_RELAXED)
#define load_acquire(p)          __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define store_relaxed(p, v)      __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define store_release(p, v)      __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define atomic_exchange(p, v)    __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_add(p, v)   __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_sub(p, v)   __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_or(p, v)    __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST)
#define atomic_fetch_and(p, v)   __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST)
#define add_relaxed(p, v)        __atomic_fetch_add(p, v, __ATOMIC_RELAXED)
#ifdef __SANITIZE_THREAD__ /* does not know fences; a read-modify-write is as strong on the host's CPU */
static uint32_t memory_barrier_word __attribute__((unused));
#define memory_barrier() ((void)atomic_fetch_add(&memory_barrier_word, 0u))
#else
#define memory_barrier() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif
#define compiler_barrier()       __asm__ volatile("" ::: "memory")
/* Stores `wanted` if *p is *expected; else *expected becomes what was there. True when stored. */
#define atomic_compare_exchange(p, expected, wanted)                                                                   \
    __atomic_compare_exchange_n(p, expected, wanted, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

struct refcount {
    uint32_t count;
};
static inline void refcount_init(struct refcount *r, uint32_t n)
{
    store_relaxed(&r->count, n);
}
static inline void refcount_get(struct refcount *r)
{
    uint32_t was = add_relaxed(&r->count, 1u);
    assert(was != 0 && was < UINT32_MAX / 2);
}
/* For look-ups in tables that do not hold a reference: false when the object is already on its way out. */
static inline bool refcount_get_unless_zero(struct refcount *r)
{
    uint32_t was = load_relaxed(&r->count);
    while (was)
        if (atomic_compare_exchange(&r->count, &was, was + 1))
            return true;
    return false;
}
/* True when the last reference went: the caller frees. */
static inline bool refcount_put(struct refcount *r)
{
    uint32_t was = atomic_fetch_sub(&r->count, 1u);
    assert(was != 0);
    return was == 1;
}
