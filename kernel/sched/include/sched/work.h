/*
 * Deferred work and timers: what hard interrupts raise runs a moment later, on the same CPU, at a safe point: on return
 * to ring 3, before a CPU switches threads or idles, and in sched_safe_point(). Work and timer functions hold no lock on
 * entry, may take spinlocks, must not sleep.
 */
#pragma once
#include <base/spinlock.h>
#include <common/list.h>
#include <common/rbtree.h>

/* Work raised on two CPUs, or again while it runs, may run on both at once: its function locks what it touches. It may
 * free its struct work. */
struct work {
    struct list link;
    void (*run)(struct work *work);
    uint32_t is_raised; /* raised and not yet begun; raising again before it begins does nothing */
};
#define WORK_INIT(function) {.run = (function)}
/* Any context, hard interrupts included. On this CPU, or on another (which is kicked). */
void work_raise(struct work *work);
void work_raise_on(struct work *work, unsigned cpu);

struct timer {
    struct rb_node node;
    uint64_t deadline_ns; /* clock_monotonic_ns */
    void (*fire)(struct timer *timer);
    uint32_t cpu;
    uint32_t is_armed;
};
void timer_init(struct timer *timer, void (*fire)(struct timer *timer));
/* (Re)arms on this CPU. Not from hard interrupts. */
void timer_arm(struct timer *timer, uint64_t deadline_ns);
/* True when it was armed and will not fire. timer_cancel_wait also waits until a running fire function has returned
 * (never call it from that function or holding a lock it takes). */
bool timer_cancel(struct timer *timer);
bool timer_cancel_wait(struct timer *timer);
