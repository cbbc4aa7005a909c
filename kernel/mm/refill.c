/*
 * A kernel thread that fills the reserve of ALLOC_ATOMIC up again. Who allocates with ALLOC_ATOMIC (the network,
 * mostly) cannot reclaim; without this thread a machine whose memory is full of file pages would run dry of packets
 * although nothing is amiss.
 */
#include <arch/cpu.h>
#include <sched/wait.h>
#include <sched/work.h>
#include "zone.h"
#include "refill.h"

enum { PAUSE_NS = 50 * 1000 * 1000 }; /* after a round that freed nothing */

static struct wait_queue queue = WAIT_QUEUE_INIT(queue);
static uint32_t is_wanted; /* atomic; set by allocations, cleared by the thread before it looks */
static uint32_t is_running;

static void wake(struct work *work)
{
    wake_up_one(&queue, 0);
}
static struct work wake_work = WORK_INIT(wake);

/* Only raises work: allocations happen under all kinds of spinlocks. */
void refill_request(void)
{
    if (!load_relaxed(&is_running) || load_relaxed(&is_wanted))
        return;
    if (!atomic_exchange(&is_wanted, 1u))
        work_raise(&wake_work);
}

static bool is_requested(void *unused)
{
    return load_acquire(&is_wanted);
}

bool refill_round(void)
{
    uint64_t goal = 2 * zone.reserve_pages, free = load_relaxed(&zone.free_pages);
    return free >= goal || memory_reclaim(goal - free);
}

static void run(void *unused)
{
    for (;;) {
        wait_until(&queue, is_requested, NULL, WAIT_UNINTERRUPTIBLE, UINT64_MAX, true);
        if (!refill_round())
            sleep_until(clock_monotonic_ns() + PAUSE_NS, WAIT_UNINTERRUPTIBLE);
        store_release(&is_wanted, 0u);
    }
}

void refill_start(void)
{
    if (atomic_exchange(&is_running, 1u))
        return;
    struct thread *thread = thread_create("reclaim", run, NULL);
    if (thread) {
        thread_start(thread);
        thread_put(thread);
    } else {
        store_release(&is_running, 0u); /* the next shrinker tries again */
    }
}
