/*
 * Switching, sleeping and waking.
 *
 * A thread's state goes RUNNABLE -> SLEEPING by the thread itself (thread_prepare_sleep), SLEEPING -> RUNNABLE by a
 * waker under the lock of the queue of thread->cpu, or by the thread itself (thread_cancel_sleep). The switch away is
 * decided under the same lock: a waker finds the sleeper either still rq->current (it will see the state and stay) or
 * not. Between that decision and the end of the switch the sleeper's stack is in use (is_running): a waker queues it on
 * that same CPU, which finishes the switch before it looks at its queue, and thieves pass over it.
 */
#include "runqueue.h"
#include <mm/address_space.h>

/* NULL before a kernel thread: mm leaves the predecessor's tables in place and keeps flushes away from this CPU. */
static void change_space(const struct thread *from, const struct thread *to)
{
    if (to->space != from->space)
        address_space_activate(to->space);
}

/* What the thread that a CPU switched to does first, interrupts masked: its predecessor's stack is free from here on.
 * Returns that one if it is dead and to be put. */
static struct thread *finish_switch(void)
{
    struct runqueue *rq = this_runqueue();
    struct thread *from = rq->switched_from;
    if (from->is_migrating) {
        from->is_migrating = false;
        spin_lock(&rq->lock);
        int64_t lag = thread_lag(rq, from);
        store_release(&from->is_running, 0u);
        spin_unlock(&rq->lock);
        place_thread(from, lag);
        return NULL;
    }
    bool is_dead = load_relaxed(&from->state) == THREAD_DEAD;
    store_release(&from->is_running, 0u);
    return is_dead ? from : NULL;
}

/* Puts the thread that stops running where its state says. Caller holds rq->lock. */
static void leave_cpu(struct runqueue *rq, struct thread *thread, enum switch_kind kind)
{
    if (thread == &rq->idle)
        return;
    if (kind == SWITCH_FORCED) {
        if (thread_may_run_on(thread, runqueue_cpu(rq)))
            runqueue_insert(rq, thread);
        else
            thread->is_migrating = true;
        return;
    }
    store_relaxed(&thread->mean_burst_ns, (thread->mean_burst_ns * 3 + thread->burst_ns) / 4);
    store_relaxed(&thread->burst_ns, 0ul);
}

static struct thread *choose_next(struct runqueue *rq)
{
    struct thread *next = runqueue_first(rq);
    if (!next)
        return &rq->idle;
    runqueue_remove(rq, next);
    return next;
}

static void begin_running(struct runqueue *rq, struct thread *thread, uint64_t now_ns)
{
    rq->current = thread;
    rq->slice_end_ns = now_ns + SLICE_NS;
    store_relaxed(&thread->is_running, 1u);
    store_relaxed(&thread->run_started_ns, now_ns);
}

void switch_threads(enum switch_kind kind)
{
    struct thread *self = thread_current();
    uint64_t irq = arch_irq_save();
    struct runqueue *rq = this_runqueue();
    uint64_t now = clock_monotonic_ns();
    spin_lock(&rq->lock);
    runqueue_account(rq, now);
    if (kind == SWITCH_SLEEP && load_relaxed(&self->state) == THREAD_RUNNABLE) {
        spin_unlock(&rq->lock);
        arch_irq_restore(irq);
        return;
    }
    store_relaxed(&rq->needs_reschedule, 0u);
    leave_cpu(rq, self, kind);
    struct thread *next = choose_next(rq);
    begin_running(rq, next, now);
    if (!rq->queued)
        rq->push_at_ns = UINT64_MAX;
    spin_unlock(&rq->lock);
    timer_rearm(rq);
    if (next != self) {
        uint64_t *counter = kind == SWITCH_FORCED ? &self->switches_forced : &self->switches_voluntary;
        store_relaxed(counter, *counter + 1);
        store_relaxed(&rq->switches, rq->switches + 1);
        change_space(self, next);
        rq->switched_from = self;
        arch_set_current(next);
        arch_thread_switch(&self->arch, &next->arch, next->kernel_stack_top);
        struct thread *dead = finish_switch();
        arch_irq_restore(irq);
        if (dead)
            thread_put(dead);
        return;
    }
    arch_irq_restore(irq);
}

void thread_begin(void)
{
    struct thread *dead = finish_switch();
    arch_irq_enable();
    if (dead)
        thread_put(dead);
}

static void end_slice(struct runqueue *rq)
{
    uint64_t now = clock_monotonic_ns();
    if (now >= rq->push_at_ns || now >= rq->slice_end_ns) {
        spin_lock(&rq->lock);
        rq->push_at_ns = UINT64_MAX;
        spin_unlock(&rq->lock);
        balance(rq);
    }
    if (now >= rq->slice_end_ns)
        store_relaxed(&rq->needs_reschedule, 1u);
}

void run_pending(struct runqueue *rq)
{
    rq->is_in_pending = true;
    /* Full barrier: what is raised after this sets it again. Partners: work_push, enqueue_and_unlock, the interrupts.
     */
    atomic_exchange(attention_of(rq), 0u);
    if (atomic_exchange(&rq->is_timer_due, 0u))
        timers_run(rq);
    work_run(rq);
    rq->is_in_pending = false;
    if (load_relaxed(&rq->queued))
        end_slice(rq);
    timer_rearm(rq);
}

void sched_attend(void)
{
    struct runqueue *rq = this_runqueue();
    if (rq->is_in_pending)
        return;
    run_pending(rq);
    if (load_relaxed(&rq->needs_reschedule))
        switch_threads(SWITCH_FORCED);
}

void sched_yield_cpu(void)
{
    struct runqueue *rq = this_runqueue();
    if (load_relaxed(attention_of(rq)))
        run_pending(rq);
    if (!load_relaxed(&rq->queued))
        return;
    spin_lock(&rq->lock);
    runqueue_account(rq, clock_monotonic_ns());
    struct thread *first = runqueue_first(rq), *self = rq->current;
    if (first && (int64_t)(first->virtual_runtime_ns - self->virtual_runtime_ns) >= 0)
        self->virtual_runtime_ns = first->virtual_runtime_ns + 1;
    spin_unlock(&rq->lock);
    switch_threads(SWITCH_FORCED);
}

/* ---- sleeping and waking ---- */

void thread_prepare_sleep(void)
{
    /* Full barrier before the caller looks at its condition; partner: thread_wake. */
    atomic_exchange(&thread_current()->state, (uint32_t)THREAD_SLEEPING);
}

void thread_cancel_sleep(void)
{
    store_relaxed(&thread_current()->state, (uint32_t)THREAD_RUNNABLE);
}

struct sleeper {
    struct timer timer;
    struct thread *thread;
};

static void wake_sleeper(struct timer *timer)
{
    thread_wake(container_of(timer, struct sleeper, timer)->thread);
}

bool thread_sleep(uint64_t deadline_ns)
{
    struct thread *self = thread_current();
    struct runqueue *rq = this_runqueue();
    assert(self != &rq->idle && !rq->is_in_pending); /* work must not sleep */
    if (load_relaxed(attention_of(rq)))
        run_pending(rq);
    if (load_acquire(&self->state) == THREAD_RUNNABLE)
        return true;
    if (deadline_ns == UINT64_MAX) {
        switch_threads(SWITCH_SLEEP);
        return true;
    }
    if (clock_monotonic_ns() >= deadline_ns) {
        thread_cancel_sleep();
        return false;
    }
    struct sleeper sleeper = {.thread = self};
    timer_init(&sleeper.timer, wake_sleeper);
    timer_arm(&sleeper.timer, deadline_ns);
    switch_threads(SWITCH_SLEEP);
    /* It cannot be armed when time is up, and may be firing on another CPU. */
    return timer_cancel_wait(&sleeper.timer) || clock_monotonic_ns() < deadline_ns;
}

void thread_wake(struct thread *thread)
{
    /* Partner: thread_prepare_sleep. Either we see it sleeping or it sees what the caller changed. */
    memory_barrier();
    if (load_relaxed(&thread->state) != THREAD_SLEEPING)
        return;
    struct runqueue *rq = runqueue_lock_of(thread);
    if (load_relaxed(&thread->state) != THREAD_SLEEPING) {
        spin_unlock(&rq->lock);
        return;
    }
    store_release(&thread->state, (uint32_t)THREAD_RUNNABLE);
    if (rq->current == thread) {
        spin_unlock(&rq->lock);
        return;
    }
    int64_t lag = thread_lag(rq, thread);
    if (load_acquire(&thread->is_running)) {
        enqueue_and_unlock(rq, thread, lag);
        return;
    }
    spin_unlock(&rq->lock);
    place_thread(thread, lag);
}

void thread_interrupt(struct thread *thread)
{
    atomic_exchange(&thread->is_interrupted, 1u);
    thread_wake(thread);
    if (thread == thread_current())
        return;
    struct runqueue *rq = runqueue_lock_of(thread);
    bool must_kick = rq->current == thread && rq != this_runqueue();
    spin_unlock(&rq->lock);
    if (must_kick) {
        atomic_exchange(attention_of(rq), 1u);
        arch_kick_cpu(runqueue_cpu(rq));
    }
}

void kick_interrupt(void)
{
    store_release(&sched_attention[cpu_index()].is_wanted, 1u);
}

void timer_interrupt(void)
{
    struct runqueue *rq = this_runqueue();
    store_release(&rq->is_timer_due, 1u);
    store_release(attention_of(rq), 1u);
}
