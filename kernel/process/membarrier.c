/* membarrier(2): every other CPU runs a work function once, which an interrupt of whatever it did precedes and follows.
 */
#include <base/errno.h>
#include <process/membarrier.h>
#include <sched/work.h>
#include "private.h"

struct barrier;
struct visit {
    struct work work;
    struct barrier *barrier;
};
struct barrier {
    struct thread *waiter;
    uint32_t left; /* CPUs that have not run it; atomic */
    struct visit visits[];
};

/* The waiter may go on, and its barrier be freed, as soon as `left` is 0. */
static void pass(struct work *work)
{
    struct barrier *barrier = container_of(work, struct visit, work)->barrier;
    struct thread *waiter = barrier->waiter;
    thread_get(waiter);
    if (atomic_fetch_sub(&barrier->left, 1u) == 1)
        thread_wake(waiter);
    thread_put(waiter);
}

int process_synchronize_cpus(void)
{
    unsigned count = cpu_count();
    memory_barrier();
    if (count == 1)
        return 0;
    struct barrier *barrier = kzalloc(sizeof *barrier + count * sizeof(struct visit), ALLOC_WAIT);
    if (!barrier)
        return -ENOMEM;
    barrier->waiter = thread_current();
    barrier->left = count;
    /* Our own CPU, too: the allocation may have moved us. */
    for (unsigned i = 0; i < count; i++) {
        barrier->visits[i] = (struct visit){WORK_INIT(pass), barrier};
        work_raise_on(&barrier->visits[i].work, i);
    }
    while (load_acquire(&barrier->left)) {
        thread_prepare_sleep();
        if (load_acquire(&barrier->left))
            thread_sleep(UINT64_MAX);
        else
            thread_cancel_sleep();
    }
    kfree(barrier);
    memory_barrier();
    return 0;
}
