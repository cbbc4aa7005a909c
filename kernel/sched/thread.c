/* Threads: making, ending and freeing them, their share of the CPU and where they may run. */
#include "runqueue.h"
#include <base/string.h>
#include <mm/alloc.h>

enum { STACK_ORDER = 2, STACK_SIZE = 4096 << STACK_ORDER, NICE_MIN = -20, NICE_MAX = 19 };

uint32_t sched_thread_count;

/* Lives at the bottom of the thread's stack until it has begun. */
struct start {
    void (*entry)(void *);
    void *argument;
};

static struct start *start_of(const struct thread *thread)
{
    return (struct start *)((char *)thread->kernel_stack_top - STACK_SIZE);
}

static void trampoline(void *argument)
{
    struct thread *self = argument;
    struct start start = *start_of(self);
    thread_begin();
    start.entry(start.argument);
    thread_exit();
}

struct thread *thread_create(const char *name, void (*entry)(void *), void *argument)
{
    struct thread *thread = kzalloc(sizeof *thread, ALLOC_WAIT);
    if (!thread)
        return NULL;
    struct page *stack = page_alloc(STACK_ORDER, ALLOC_WAIT);
    if (!stack) {
        kfree(thread);
        return NULL;
    }
    size_t len = strnlen(name, sizeof thread->name - 1);
    memcpy(thread->name, name, len);
    refcount_init(&thread->refs, 2); /* the caller's, and its own until it has ended */
    thread->state = THREAD_STOPPED;
    thread->cpu = cpu_index();
    thread->affinity = UINT64_MAX;
    thread->weight = 1024;
    thread->mean_burst_ns = SLICE_NS;
    thread->kernel_stack_top = (char *)page_address(stack) + STACK_SIZE;
    *start_of(thread) = (struct start){entry, argument};
    arch_thread_prepare(&thread->arch, thread->kernel_stack_top, trampoline, thread);
    add_relaxed(&sched_thread_count, 1u);
    return thread;
}

void thread_start(struct thread *thread)
{
    debug_assert(thread->state == THREAD_STOPPED);
    store_release(&thread->state, (uint32_t)THREAD_RUNNABLE);
    place_thread(thread, 0);
}

void thread_get(struct thread *thread)
{
    refcount_get(&thread->refs);
}

void thread_put(struct thread *thread)
{
    if (!refcount_put(&thread->refs))
        return;
    arch_thread_destroy(&thread->arch);
    page_put(page_of_address((char *)thread->kernel_stack_top - STACK_SIZE));
    kfree(thread);
    __atomic_fetch_sub(&sched_thread_count, 1u, __ATOMIC_RELAXED);
}

/* The one that runs next puts the thread's own reference, when its stack is out of use. */
_Noreturn void thread_exit(void)
{
    struct runqueue *rq = this_runqueue();
    if (load_relaxed(attention_of(rq)))
        run_pending(rq);
    store_release(&thread_current()->state, (uint32_t)THREAD_DEAD);
    switch_threads(SWITCH_EXIT);
    panic("a dead thread runs");
}

/* Each step of nice is a quarter more or less of the CPU. */
void sched_set_nice(struct thread *thread, int nice)
{
    nice = nice < NICE_MIN ? NICE_MIN : nice > NICE_MAX ? NICE_MAX : nice;
    uint32_t weight = 1024;
    for (int i = 0; i > nice; i--)
        weight = weight * 5 / 4;
    for (int i = 0; i < nice; i++)
        weight = weight * 4 / 5;
    struct runqueue *rq = runqueue_lock_of(thread);
    thread->nice = nice;
    thread->weight = weight;
    spin_unlock(&rq->lock);
}

/* Moves a thread that stands on a CPU where it may no longer run. Returns where it was looked for. */
static unsigned leave_forbidden_cpu(struct thread *thread, uint64_t affinity)
{
    struct runqueue *rq = runqueue_lock_of(thread);
    unsigned cpu = runqueue_cpu(rq);
    /* A full barrier before the caller looks at thread->cpu again. Partner: place_thread, which stores thread->cpu and
     * then, with its lock's barrier between, looks at the affinity. One of the two sees the other. */
    atomic_exchange(&thread->affinity, affinity);
    bool must_move = !(affinity >> cpu & 1) && (affinity & load_relaxed(&sched_online));
    if (must_move && load_relaxed(&thread->is_queued) && !load_acquire(&thread->is_running)) {
        int64_t lag = thread_lag(rq, thread);
        runqueue_remove(rq, thread);
        spin_unlock(&rq->lock);
        place_thread(thread, lag);
        return load_relaxed(&thread->cpu);
    }
    bool is_here = rq == this_runqueue();
    must_move = must_move && rq->current == thread;
    if (must_move)
        store_relaxed(&rq->needs_reschedule, 1u);
    spin_unlock(&rq->lock);
    if (!must_move)
        return cpu;
    atomic_exchange(attention_of(rq), 1u);
    if (!is_here)
        arch_kick_cpu(cpu);
    else if (thread == thread_current())
        sched_safe_point();
    return is_here ? load_relaxed(&thread->cpu) : cpu;
}

void sched_set_affinity(struct thread *thread, uint64_t affinity)
{
    /* Again when it was placed elsewhere meanwhile, maybe by the old affinity. */
    while (leave_forbidden_cpu(thread, affinity) != load_relaxed(&thread->cpu))
        continue;
}

uint64_t thread_run_time_ns(const struct thread *thread)
{
    uint64_t done = load_relaxed(&thread->run_ns), started = load_relaxed(&thread->run_started_ns);
    uint64_t now = clock_monotonic_ns();
    bool is_running = load_relaxed(&thread->is_running);
    return is_running && now > started ? done + (now - started) : done;
}
