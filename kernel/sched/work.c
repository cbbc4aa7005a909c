/* Raised work: per CPU a lock-free stack that interrupts push to, and that the CPU empties at safe points. */
#include "runqueue.h"

static void work_push(struct runqueue *rq, struct work *work)
{
    struct work *first = load_relaxed(&rq->raised);
    do
        work->link.next = first ? &first->link : NULL;
    while (!atomic_compare_exchange(&rq->raised, &first, work));
    /* After the push; partner: run_pending clears it before it takes the stack. */
    store_release(attention_of(rq), 1u);
}

void work_raise_on(struct work *work, unsigned cpu)
{
    if (atomic_exchange(&work->is_raised, 1u))
        return;
    work_push(&runqueues[cpu], work);
    if (cpu != cpu_index()) {
        memory_barrier(); /* attention before the kick's "is it halting" */
        arch_kick_cpu(cpu);
    }
}

void work_raise(struct work *work)
{
    work_raise_on(work, cpu_index());
}

static struct work *next_of(struct work *work)
{
    return work->link.next ? container_of(work->link.next, struct work, link) : NULL;
}

static struct work *reverse(struct work *newest)
{
    struct work *oldest = NULL;
    while (newest) {
        struct work *next = next_of(newest);
        newest->link.next = oldest ? &oldest->link : NULL;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

/* What the functions raise again waits for the next safe point, so that one cannot keep the CPU. */
void work_run(struct runqueue *rq)
{
    if (!load_relaxed(&rq->raised))
        return;
    struct work *work = reverse(atomic_exchange(&rq->raised, NULL));
    while (work) {
        struct work *next = next_of(work);
        /* Before it begins: whoever raises it from here on wants another run. The work may be gone when run returns. */
        atomic_exchange(&work->is_raised, 0u);
        work->run(work);
        work = next;
    }
}
