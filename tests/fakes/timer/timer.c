/* Work and timers run by hand; see fakes/timer.h. Armed timers stand in a list sorted by deadline, linked through
 * `node`. */
#include <arch/cpu.h>
#include <fakes/clock.h>
#include <fakes/timer.h>

static struct list raised = LIST_INIT(raised);
static struct rb_node *first_timer; /* node.right: the next one */

static struct timer *timer_of(struct rb_node *node)
{
    return container_of(node, struct timer, node);
}

void work_raise(struct work *work)
{
    if (work->is_raised)
        return;
    work->is_raised = 1;
    list_add_last(&raised, &work->link);
}

void work_raise_on(struct work *work, unsigned cpu)
{
    work_raise(work);
}

size_t fake_work_run(void)
{
    size_t n = 0;
    while (!list_is_empty(&raised)) {
        struct work *work = list_first(&raised, struct work, link);
        list_remove(&work->link);
        work->is_raised = 0;
        work->run(work);
        n++;
    }
    return n;
}

void timer_init(struct timer *timer, void (*fire)(struct timer *timer))
{
    *timer = (struct timer){.fire = fire};
}

void timer_arm(struct timer *timer, uint64_t deadline_ns)
{
    timer_cancel(timer);
    struct rb_node **link = &first_timer;
    while (*link && timer_of(*link)->deadline_ns <= deadline_ns)
        link = &(*link)->right;
    timer->deadline_ns = deadline_ns;
    timer->is_armed = 1;
    timer->node.right = *link;
    *link = &timer->node;
}

bool timer_cancel(struct timer *timer)
{
    if (!timer->is_armed)
        return false;
    struct rb_node **link = &first_timer;
    while (*link && *link != &timer->node)
        link = &(*link)->right;
    if (*link)
        *link = timer->node.right;
    timer->is_armed = 0;
    return true;
}

bool timer_cancel_wait(struct timer *timer)
{
    return timer_cancel(timer);
}

uint64_t fake_timer_next(void)
{
    return first_timer ? timer_of(first_timer)->deadline_ns : UINT64_MAX;
}

void fake_time_advance(uint64_t by_ns)
{
    uint64_t end = clock_monotonic_ns() + by_ns;
    fake_work_run();
    while (fake_timer_next() <= end) {
        struct timer *timer = timer_of(first_timer);
        if (timer->deadline_ns > clock_monotonic_ns())
            fake_clock_set(timer->deadline_ns);
        timer_cancel(timer);
        timer->fire(timer);
        fake_work_run();
    }
    fake_clock_set(end);
}

void fake_timers_reset(void)
{
    while (first_timer)
        timer_cancel(timer_of(first_timer));
    while (!list_is_empty(&raised)) {
        struct work *work = list_first(&raised, struct work, link);
        list_remove(&work->link);
        work->is_raised = 0;
    }
}
