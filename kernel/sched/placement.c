/*
 * Where a thread that wakes goes: to the CPU it last ran on when that is idle, else to an idle one, else back. Two
 * threads that wake each other and sleep at once (a pipe, a hand-over of work) stay on one CPU, which spares the
 * interrupt to another; when the waker then runs on after all, an idle CPU is told to steal what waits. Idle CPUs
 * steal.
 */
#include "runqueue.h"

int64_t thread_lag(const struct runqueue *rq, const struct thread *thread)
{
    int64_t lag = (int64_t)(thread->virtual_runtime_ns - rq->min_virtual_runtime_ns);
    return lag < -SLEEPER_CREDIT_NS ? -SLEEPER_CREDIT_NS : lag;
}

static bool is_idle(unsigned cpu)
{
    return (load_relaxed(&sched_idle) >> cpu & 1) && !load_relaxed(&runqueues[cpu].queued);
}

/* Who runs here is about to sleep, as far as its past tells, and so is the one that wakes. */
static bool shares_waker_cpu(const struct thread *thread, unsigned here)
{
    const struct thread *waker = thread_current();
    return waker != &runqueues[here].idle && !load_relaxed(&runqueues[here].queued) &&
           load_relaxed(&waker->mean_burst_ns) < SHORT_BURST_NS && load_relaxed(&waker->burst_ns) < SHORT_BURST_NS &&
           load_relaxed(&thread->mean_burst_ns) < SHORT_BURST_NS && load_relaxed(&waker->switches_voluntary) > 4;
}

static unsigned least_loaded(uint64_t allowed)
{
    unsigned best = (unsigned)__builtin_ctzll(allowed);
    uint32_t least = UINT32_MAX;
    for (uint64_t left = allowed; left; left &= left - 1) {
        unsigned cpu = (unsigned)__builtin_ctzll(left);
        uint32_t queued = load_relaxed(&runqueues[cpu].queued);
        if (queued < least) {
            least = queued;
            best = cpu;
        }
    }
    return best;
}

static unsigned choose_cpu(const struct thread *thread)
{
    unsigned here = cpu_index(), last = load_relaxed(&thread->cpu);
    uint64_t allowed = load_relaxed(&thread->affinity) & load_relaxed(&sched_online);
    if (!allowed)
        allowed = load_relaxed(&sched_online);
    bool here_is_allowed = allowed >> here & 1, last_is_allowed = allowed >> last & 1;
    if (here_is_allowed && shares_waker_cpu(thread, here))
        return here;
    /* Work that runs while this CPU idles: no interrupt needed. */
    bool here_is_idle = thread_current() == &runqueues[here].idle && !load_relaxed(&runqueues[here].queued);
    if (here_is_allowed && here_is_idle && last == here)
        return here;
    if (last_is_allowed && is_idle(last))
        return last;
    if (here_is_allowed && here_is_idle)
        return here;
    uint64_t idle = load_relaxed(&sched_idle) & allowed & ~(UINT64_C(1) << here);
    for (; idle; idle &= idle - 1)
        if (is_idle((unsigned)__builtin_ctzll(idle)))
            return (unsigned)__builtin_ctzll(idle);
    if (last_is_allowed && load_relaxed(&runqueues[last].queued) <= 1)
        return last;
    return least_loaded(allowed);
}

static bool must_preempt(const struct runqueue *rq, const struct thread *thread)
{
    return rq->current == &rq->idle ||
           (int64_t)(rq->current->virtual_runtime_ns - thread->virtual_runtime_ns) > WAKE_GRANULARITY_NS;
}

/*
 * Another CPU has to preempt, or to arm its timer for the slice. The exchange is a full barrier after the insertion;
 * partner: the idle loop, which stores is_halting and then looks at `queued` and `attention`. An idle loop that is not
 * halting will look; if it goes on to run something, it arms its timer, as the queue is not empty.
 */
static void make_notice(struct runqueue *rq, bool is_idling)
{
    atomic_exchange(attention_of(rq), 1u);
    if (!is_idling || load_acquire(&rq->is_halting))
        arch_kick_cpu(runqueue_cpu(rq));
}

void enqueue_and_unlock(struct runqueue *rq, struct thread *thread, int64_t lag_ns)
{
    bool is_here = rq == this_runqueue();
    uint64_t now = clock_monotonic_ns();
    /* A thread that runs alone has not been accounted for as long as it does: the minimum may be far behind. */
    runqueue_account(rq, now);
    thread->virtual_runtime_ns = rq->min_virtual_runtime_ns + (uint64_t)lag_ns;
    bool is_first = rq->queued == 0, preempts = must_preempt(rq, thread), is_idling = rq->current == &rq->idle;
    runqueue_insert(rq, thread);
    if (is_here && is_first && !preempts && load_relaxed(&sched_idle))
        rq->push_at_ns = now + PUSH_DELAY_NS;
    if (preempts)
        store_relaxed(&rq->needs_reschedule, 1u);
    spin_unlock(&rq->lock);

    if (!preempts && !is_first)
        return; /* it waits its turn; the slice is armed */
    if (is_here) {
        if (preempts)
            store_release(attention_of(rq), 1u);
        else
            timer_rearm(rq);
        return;
    }
    make_notice(rq, is_idling);
}

void place_thread(struct thread *thread, int64_t lag_ns)
{
    for (;;) {
        unsigned cpu = choose_cpu(thread);
        struct runqueue *rq = &runqueues[cpu];
        /* From here until it is queued the thread belongs to nobody else: it is runnable, not queued, on no CPU. */
        store_relaxed(&thread->cpu, cpu);
        spin_lock(&rq->lock);
        if (thread_may_run_on(thread, cpu) || !(load_relaxed(&thread->affinity) & load_relaxed(&sched_online))) {
            enqueue_and_unlock(rq, thread, lag_ns);
            return;
        }
        spin_unlock(&rq->lock);
    }
}

/* A thread that waits there and may run on `cpu`, out of its queue; NULL: none, or somebody else has the lock. */
static struct thread *take_from(struct runqueue *victim, unsigned cpu, int64_t *lag_ns)
{
    struct thread *thread = NULL;
    if (!spin_trylock(&victim->lock))
        return NULL;
    unsigned looked_at = 0;
    for (thread = runqueue_first(victim); thread && looked_at < 32; thread = runqueue_next(thread), looked_at++)
        if (!load_acquire(&thread->is_running) && thread_may_run_on(thread, cpu))
            break;
    if (thread && looked_at == 32)
        thread = NULL;
    if (thread) {
        runqueue_remove(victim, thread);
        store_relaxed(&thread->cpu, cpu);
        *lag_ns = thread_lag(victim, thread);
    }
    spin_unlock(&victim->lock);
    return thread;
}

static bool move_one(struct runqueue *from, struct runqueue *to)
{
    int64_t lag = 0;
    struct thread *thread = take_from(from, runqueue_cpu(to), &lag);
    if (!thread)
        return false;
    spin_lock(&to->lock);
    enqueue_and_unlock(to, thread, lag);
    return true;
}

bool steal_thread(struct runqueue *rq)
{
    unsigned here = runqueue_cpu(rq);
    uint64_t candidates = load_relaxed(&sched_online) & ~(UINT64_C(1) << here);
    /* From the next CPU on, so that thieves do not all begin at CPU 0. */
    for (unsigned i = 1; i < CPU_MAX && candidates; i++) {
        unsigned cpu = (here + i) % CPU_MAX;
        uint64_t bit = UINT64_C(1) << cpu;
        if (candidates & bit && load_relaxed(&runqueues[cpu].queued) && move_one(&runqueues[cpu], rq))
            return true;
        candidates &= ~bit;
    }
    return false;
}

void balance(struct runqueue *rq)
{
    uint64_t others = load_relaxed(&sched_online) & ~(UINT64_C(1) << runqueue_cpu(rq));
    uint64_t idle = load_relaxed(&sched_idle) & others;
    if (idle) {
        unsigned cpu = (unsigned)__builtin_ctzll(idle);
        atomic_exchange(&sched_attention[cpu].is_wanted, 1u);
        arch_kick_cpu(cpu); /* it steals */
    } else if (others) {
        struct runqueue *least = &runqueues[least_loaded(others)];
        if (load_relaxed(&rq->queued) >= load_relaxed(&least->queued) + 2)
            move_one(rq, least);
    }
}
