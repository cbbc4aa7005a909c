/*
 * Timers: per CPU a tree by deadline. timer->cpu names the CPU whose timer_lock guards the timer; it changes only when
 * the timer is armed, under the locks of both CPUs. A timer whose function runs stays with that CPU, so that
 * timer_cancel_wait knows where to look.
 */
#include "runqueue.h"

enum { FIRE_MAX = 256 /* in one go; the rest waits for the next safe point */ };

static struct timer *timer_of(struct rb_node *node)
{
    return node ? container_of(node, struct timer, node) : NULL;
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
    *timer = (struct timer){.fire = fire, .cpu = cpu_index()};
}

/* Locks the queue the timer belongs to and, when it is another one, `also`. */
static struct runqueue *lock_timer(struct timer *timer, struct runqueue *also)
{
    for (;;) {
        uint32_t cpu = load_relaxed(&timer->cpu);
        struct runqueue *rq = &runqueues[cpu];
        struct runqueue *first = also && also < rq ? also : rq, *second = first == rq ? also : rq;
        spin_lock(&first->timer_lock);
        if (second && second != first)
            spin_lock(&second->timer_lock);
        if (load_relaxed(&timer->cpu) == cpu)
            return rq;
        if (second && second != first)
            spin_unlock(&second->timer_lock);
        spin_unlock(&first->timer_lock);
    }
}

static void insert(struct runqueue *rq, struct timer *timer)
{
    struct rb_node *parent = NULL, **link = &rq->timers.root;
    bool is_first = true;
    while (*link) {
        parent = *link;
        if (timer->deadline_ns < timer_of(parent)->deadline_ns) {
            link = &parent->left;
        } else {
            link = &parent->right;
            is_first = false;
        }
    }
    rb_insert(&rq->timers, &timer->node, parent, link, NULL);
    store_relaxed(&timer->is_armed, 1u);
    if (is_first)
        rq->first_timer = timer;
}

static void extract(struct runqueue *rq, struct timer *timer)
{
    if (rq->first_timer == timer)
        rq->first_timer = timer_of(rb_next(&timer->node));
    rb_remove(&rq->timers, &timer->node, NULL);
    store_relaxed(&timer->is_armed, 0u);
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    struct runqueue *here = this_runqueue();
    struct runqueue *rq = lock_timer(timer, here);
    if (timer->is_armed)
        extract(rq, timer);
    struct runqueue *target = rq->firing == timer ? rq : here;
    timer->deadline_ns = deadline_ns;
    store_relaxed(&timer->cpu, runqueue_cpu(target));
    insert(target, timer);
    bool is_first = target->first_timer == timer;
    if (rq != here)
        spin_unlock(&rq->timer_lock);
    spin_unlock(&here->timer_lock);
    /* On another CPU it is firing right now, and that CPU looks for its next deadline afterwards. */
    if (is_first && target == here)
        timer_rearm(here);
}

bool timer_cancel(struct timer *timer)
{
    struct runqueue *rq = lock_timer(timer, NULL);
    bool was_armed = timer->is_armed;
    if (was_armed)
        extract(rq, timer);
    spin_unlock(&rq->timer_lock);
    return was_armed;
}

bool timer_cancel_wait(struct timer *timer)
{
    bool was_armed = false;
    for (;;) {
        struct runqueue *rq = lock_timer(timer, NULL);
        if (timer->is_armed) {
            extract(rq, timer);
            was_armed = true;
        }
        bool is_firing = rq->firing == timer;
        spin_unlock(&rq->timer_lock);
        if (!is_firing)
            return was_armed;
        arch_cpu_relax();
    }
}

void timers_run(struct runqueue *rq)
{
    uint64_t now = clock_monotonic_ns();
    unsigned fired = 0;
    rq->armed_ns = UINT64_MAX;
    spin_lock(&rq->timer_lock);
    while (rq->first_timer && rq->first_timer->deadline_ns <= now && fired++ < FIRE_MAX) {
        struct timer *timer = rq->first_timer;
        extract(rq, timer);
        rq->firing = timer;
        spin_unlock(&rq->timer_lock);
        timer->fire(timer);
        spin_lock(&rq->timer_lock);
    }
    rq->firing = NULL;
    spin_unlock(&rq->timer_lock);
}

/* An interrupt that comes too early costs less than setting the timer anew at each switch: it is only ever moved
 * to an earlier moment. */
void timer_rearm(struct runqueue *rq)
{
    uint64_t wanted = UINT64_MAX;
    spin_lock(&rq->timer_lock);
    if (rq->first_timer)
        wanted = rq->first_timer->deadline_ns;
    spin_unlock(&rq->timer_lock);
    if (load_relaxed(&rq->queued)) {
        uint64_t slice =
            load_relaxed(&rq->push_at_ns) < rq->slice_end_ns ? load_relaxed(&rq->push_at_ns) : rq->slice_end_ns;
        wanted = slice < wanted ? slice : wanted;
    }
    if (wanted >= rq->armed_ns)
        return;
    rq->armed_ns = wanted;
    arch_timer_arm(wanted);
}
