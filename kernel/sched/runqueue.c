/* One CPU's queue of runnable threads: a tree by virtual run time, and the accounts of the thread that runs. */
#include "runqueue.h"

struct runqueue runqueues[CPU_MAX];
struct sched_attention sched_attention[CPU_MAX];
uint64_t sched_online, sched_idle;

static bool runs_before(const struct thread *a, const struct thread *b)
{
    return (int64_t)(a->virtual_runtime_ns - b->virtual_runtime_ns) < 0;
}

static struct thread *thread_of(struct rb_node *node)
{
    return node ? container_of(node, struct thread, queue_node) : NULL;
}

struct thread *runqueue_first(struct runqueue *rq)
{
    return thread_of(rb_first(&rq->tree));
}

struct thread *runqueue_next(struct thread *thread)
{
    return thread_of(rb_next(&thread->queue_node));
}

void runqueue_insert(struct runqueue *rq, struct thread *thread)
{
    debug_assert(!thread->is_queued && load_relaxed(&thread->state) == THREAD_RUNNABLE);
    struct rb_node *parent = NULL, **link = &rq->tree.root;
    while (*link) {
        parent = *link;
        link = runs_before(thread, thread_of(parent)) ? &parent->left : &parent->right;
    }
    rb_insert(&rq->tree, &thread->queue_node, parent, link, NULL);
    store_relaxed(&thread->is_queued, 1u);
    store_relaxed(&thread->cpu, runqueue_cpu(rq));
    store_relaxed(&rq->queued, rq->queued + 1);
}

void runqueue_remove(struct runqueue *rq, struct thread *thread)
{
    debug_assert(thread->is_queued);
    rb_remove(&rq->tree, &thread->queue_node, NULL);
    store_relaxed(&thread->is_queued, 0u);
    store_relaxed(&rq->queued, rq->queued - 1);
}

static void advance_minimum(struct runqueue *rq)
{
    uint64_t least = rq->current->virtual_runtime_ns;
    struct thread *first = runqueue_first(rq);
    if (rq->current == &rq->idle) {
        if (!first)
            return;
        least = first->virtual_runtime_ns;
    } else if (first && runs_before(first, rq->current)) {
        least = first->virtual_runtime_ns;
    }
    if ((int64_t)(least - rq->min_virtual_runtime_ns) > 0)
        rq->min_virtual_runtime_ns = least;
}

void runqueue_account(struct runqueue *rq, uint64_t now_ns)
{
    struct thread *thread = rq->current;
    uint64_t delta = now_ns > thread->run_started_ns ? now_ns - thread->run_started_ns : 0;
    store_relaxed(&thread->run_started_ns, now_ns);
    store_relaxed(&thread->run_ns, thread->run_ns + delta);
    if (thread->space)
        store_relaxed(&thread->user_ns, thread->user_ns + delta);
    if (thread != &rq->idle) {
        store_relaxed(&thread->burst_ns, thread->burst_ns + delta);
        thread->virtual_runtime_ns += delta * 1024 / thread->weight;
    }
    advance_minimum(rq);
}

struct runqueue *runqueue_lock_of(struct thread *thread)
{
    for (;;) {
        uint32_t cpu = load_relaxed(&thread->cpu);
        struct runqueue *rq = &runqueues[cpu];
        spin_lock(&rq->lock);
        if (load_relaxed(&thread->cpu) == cpu)
            return rq;
        spin_unlock(&rq->lock);
    }
}
