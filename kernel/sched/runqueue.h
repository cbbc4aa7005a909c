/*
 * The scheduler's per-CPU state, private to this module.
 *
 * Lock order: runqueue.lock is a leaf; two are never held at once. runqueue.timer_lock is a leaf, too; two of them are
 * taken in order of CPU. Interrupt handlers take neither: they set sched_attention and what goes with it.
 */
#pragma once
#include <arch/cpu.h>
#include <sched/thread.h>
#include <sched/work.h>

enum {
    SLICE_NS = 3000000,            /* how long a thread runs while others wait */
    WAKE_GRANULARITY_NS = 1000000, /* a woken thread preempts one that is this far ahead of it */
    SLEEPER_CREDIT_NS = 1500000,   /* how far behind the others a sleeper may stand when it wakes */
    SHORT_BURST_NS = 100000,       /* who sleeps again within this shares its CPU with whom it wakes */
    PUSH_DELAY_NS = 100000,        /* unless it does not: then an idle CPU is told to steal */
};

struct runqueue {
    struct spinlock lock;
    struct rb_tree tree GUARDED_BY(&lock); /* runnable threads by virtual run time, the running one excluded */
    uint32_t queued;                       /* their number; written under lock, read anywhere as a hint */
    struct thread *current GUARDED_BY(&lock);
    uint64_t min_virtual_runtime_ns GUARDED_BY(&lock); /* never goes back */
    uint64_t slice_end_ns;                             /* owner CPU */
    uint64_t push_at_ns;                               /* UINT64_MAX: nothing to push; written under lock */
    uint32_t needs_reschedule;                         /* atomic */
    uint32_t is_halting;                               /* atomic; partner: make_notice */
    bool is_in_pending;                                /* owner CPU: runs work or timer functions */
    struct thread *switched_from;                      /* owner CPU, across a switch */

    struct work *raised; /* atomic; newest first, linked through link.next */

    struct spinlock timer_lock;
    struct rb_tree timers GUARDED_BY(&timer_lock);
    struct timer *first_timer GUARDED_BY(&timer_lock);
    struct timer *firing GUARDED_BY(&timer_lock);
    uint32_t is_timer_due; /* atomic; set by the interrupt */
    uint64_t armed_ns;     /* owner CPU: what the CPU's timer is set to; UINT64_MAX: off */

    uint64_t switches; /* owner CPU writes */
    struct thread idle;
} __attribute__((aligned(128)));

extern struct runqueue runqueues[CPU_MAX];
extern uint64_t sched_online; /* atomic; bit n: CPU n schedules */
extern uint64_t sched_idle;   /* atomic hint; bit n: CPU n has nothing to run */
extern uint32_t sched_thread_count;

static inline struct runqueue *this_runqueue(void)
{
    return &runqueues[cpu_index()];
}
static inline unsigned runqueue_cpu(const struct runqueue *rq)
{
    return (unsigned)(rq - runqueues);
}
static inline uint32_t *attention_of(const struct runqueue *rq)
{
    return &sched_attention[runqueue_cpu(rq)].is_wanted;
}
static inline bool thread_may_run_on(const struct thread *thread, unsigned cpu)
{
    return load_relaxed(&thread->affinity) >> cpu & 1;
}

/* runqueue.c; the caller holds rq->lock */
void runqueue_insert(struct runqueue *rq, struct thread *thread);
void runqueue_remove(struct runqueue *rq, struct thread *thread);
struct thread *runqueue_first(struct runqueue *rq);
struct thread *runqueue_next(struct thread *thread);
/* Brings the running thread's accounts up to date. */
void runqueue_account(struct runqueue *rq, uint64_t now_ns);
struct runqueue *runqueue_lock_of(struct thread *thread);

/* placement.c */
/* Queues a runnable thread that is in no queue and on no CPU. `lag` is its virtual run time less its old queue's
 * minimum. */
void place_thread(struct thread *thread, int64_t lag_ns);
/* The caller holds rq->lock and knows that the thread may run there; unlocks and makes that CPU notice. */
void enqueue_and_unlock(struct runqueue *rq, struct thread *thread, int64_t lag_ns);
int64_t thread_lag(const struct runqueue *rq, const struct thread *thread);
/* Takes a thread from another CPU's queue into this one's. */
bool steal_thread(struct runqueue *rq);
/* Threads wait here: tells an idle CPU to steal, or gives one to a CPU where fewer wait. */
void balance(struct runqueue *rq);

/* switch.c */
enum switch_kind { SWITCH_SLEEP, SWITCH_FORCED, SWITCH_EXIT };
void switch_threads(enum switch_kind kind);
/* The first thing a new thread does, from its trampoline. */
void thread_begin(void);
/* Raised work, due timers and the end of slices. */
void run_pending(struct runqueue *rq);

/* timer.c, work.c */
void timers_run(struct runqueue *rq);
/* Sets the CPU's timer for the first timer or the end of the slice; owner CPU. */
void timer_rearm(struct runqueue *rq);
void work_run(struct runqueue *rq);

/* count.c */
void load_update(uint64_t now_ns);
