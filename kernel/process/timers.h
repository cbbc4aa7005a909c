/* Timers of a process on any clock. Private to timers.c and posix_timers.c. */
#pragma once
#include <process/timers.h>
#include <sched/work.h>
#include "private.h"

enum { CLOCK_USER_TIME = 100 /* what ITIMER_VIRTUAL measures; not a program's clock id */, POSIX_TIMERS_MAX = 4096 };

/*
 * One timer. A CPU clock has no interrupt of its own: its timer looks again when the clock could have got there at the
 * earliest. Guarded by process_timers.lock, but `overrun` fields and `entry`: process->lock.
 */
struct posix_timer {
    struct list link;
    struct timer timer;
    struct process_timers *owner;
    struct task *task; /* SIGEV_THREAD_ID; and the thread whose CPU clock it is; referenced or NULL */
    struct task *clock_task;
    int id, clock, notify, number;
    uint64_t interval_ns;
    uint64_t expiry_ns; /* as its clock shows time; 0: not armed */
    struct queued_signal entry;
    uint32_t overrun;      /* expiries since the signal was queued */
    uint32_t last_overrun; /* of the signal taken last */
};

/* Lock order: this lock, then process->lock. */
struct process_timers {
    struct spinlock lock;
    struct process *process;
    struct posix_timer interval[3]; /* enum interval_timer */
    struct posix_timer cpu_limit;   /* RLIMIT_CPU: each second from the soft limit on */
    struct list posix GUARDED_BY(&lock);
    unsigned count;
    int next_id;
    bool is_closed;
};

/* The timer's clock now. */
uint64_t posix_timer_clock_now(const struct posix_timer *timer);
void posix_timer_init(struct posix_timer *timer, struct process_timers *owner, int clock, int notify, int number);
/* Lock held; value as in timer_setting. is_absolute: value_ns is the clock's time. */
void posix_timer_arm_locked(struct posix_timer *timer, const struct timer_setting *value, bool is_absolute);
void posix_timer_read_locked(struct posix_timer *timer, struct timer_setting *out);
