/*
 * The idle loop, which is also where each CPU joins. It halts only after it has said so (is_halting) and then found its
 * queue empty and nothing raised, with interrupts masked: whoever adds something later either is seen by that look or
 * sends an interrupt that ends the halt.
 */
#include "runqueue.h"
#include <base/string.h>

static void join(struct runqueue *rq)
{
    unsigned cpu = runqueue_cpu(rq);
    struct thread *idle = &rq->idle;
    memcpy(idle->name, "idle", 5);
    refcount_init(&idle->refs, 1);
    idle->cpu = cpu;
    idle->weight = 1024;
    idle->affinity = UINT64_C(1) << cpu;
    idle->is_running = 1;
    idle->run_started_ns = clock_monotonic_ns();
    rq->current = idle;
    rq->push_at_ns = rq->armed_ns = UINT64_MAX;
    arch_set_current(idle);
}

void sched_init(void)
{
    join(this_runqueue());
    atomic_fetch_or(&sched_online, UINT64_C(1) << cpu_index());
}

static void halt_if_nothing_to_do(struct runqueue *rq)
{
    uint64_t bit = UINT64_C(1) << runqueue_cpu(rq);
    uint64_t irq = arch_irq_save();
    atomic_fetch_or(&sched_idle, bit);
    atomic_exchange(&rq->is_halting, 1u);
    if (!load_acquire(attention_of(rq)) && !load_acquire(&rq->queued))
        arch_idle();
    store_release(&rq->is_halting, 0u);
    atomic_fetch_and(&sched_idle, ~bit);
    arch_irq_restore(irq);
}

_Noreturn void sched_start_cpu(void)
{
    struct runqueue *rq = this_runqueue();
    if (rq->current != &rq->idle)
        join(rq);
    atomic_fetch_or(&sched_online, UINT64_C(1) << runqueue_cpu(rq));
    arch_irq_enable();
    for (;;) {
        if (load_relaxed(attention_of(rq)))
            run_pending(rq);
        if (load_relaxed(&rq->queued) || steal_thread(rq))
            switch_threads(SWITCH_FORCED);
        else
            halt_if_nothing_to_do(rq);
    }
}
