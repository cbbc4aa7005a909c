/* timer_create(2) and its kin. */
#include <base/errno.h>
#include "timers.h"

enum { NOTIFY_SIGNAL = 0, NOTIFY_NONE = 1, NOTIFY_THREAD = 4 };

/* Called when the signal is taken, under process->lock: the overrun belongs to it from now on. */
void posix_timer_taken(struct queued_signal *entry)
{
    struct posix_timer *timer = entry->timer;
    timer->last_overrun = timer->overrun;
    timer->overrun = 0;
    entry->info.fields[0] = (uint64_t)timer->last_overrun << 32 | (uint32_t)timer->id;
}

static struct posix_timer *find_locked(struct process_timers *timers, int id)
{
    struct posix_timer *timer;
    list_for_each(timer, &timers->posix, link)
    {
        if (timer->id == id)
            return timer;
    }
    return NULL;
}

/* Of a timer that is off the list: waits for its function, takes its signal out of the queue. May spin, not sleep. */
static void destroy(struct posix_timer *timer)
{
    struct process *process = timer->owner->process;
    timer_cancel_wait(&timer->timer);
    spin_lock(&process->lock);
    if (!list_is_empty(&timer->entry.link))
        signal_queue_drop(timer->task ? &timer->task->signals.pending : &process->pending, &timer->entry);
    spin_unlock(&process->lock);
    if (timer->task)
        task_put(timer->task);
    if (timer->clock_task)
        task_put(timer->clock_task);
    kfree(timer);
}

/* The thread of this process by id, referenced. */
static int find_own_task(int tid, struct task **out)
{
    struct task *task = task_find((uint32_t)tid);
    if (!task)
        return -EINVAL;
    if (task->process != process_current()) {
        task_put(task);
        return -EINVAL;
    }
    *out = task;
    return 0;
}

static int check_event(const struct timer_event *event)
{
    if (event->notify != NOTIFY_SIGNAL && event->notify != NOTIFY_NONE && event->notify != NOTIFY_THREAD)
        return -EINVAL;
    if (event->notify != NOTIFY_NONE && (event->number < 1 || event->number > SIGNAL_COUNT))
        return -EINVAL;
    return 0;
}

/* CPU clocks of this process and its threads only: -EINVAL for others. Normalises negative ids. */
static int find_clock(int *clock, struct task **of)
{
    uint64_t now;
    int err = clock_read(*clock, &now);
    if (err)
        return err;
    bool is_thread = *clock == CLOCK_ID_THREAD_CPU || (*clock < 0 && (*clock & 4));
    if (!clock_is_cpu(*clock))
        return 0;
    uint32_t id = *clock < 0 ? (uint32_t) ~(*clock >> 3) : 0;
    if (is_thread)
        err = find_own_task(id ? (int)id : (int)task_current()->id, of);
    else if (id && id != process_current()->id)
        err = -EINVAL;
    *clock = is_thread ? CLOCK_ID_THREAD_CPU : CLOCK_ID_PROCESS_CPU;
    return err;
}

int posix_timer_create(int clock, const struct timer_event *event, int *id)
{
    struct process_timers *timers = process_current()->timers;
    struct task *target = NULL, *clock_task = NULL;
    int err = check_event(event);
    if (!err)
        err = find_clock(&clock, &clock_task);
    if (!err && event->notify == NOTIFY_THREAD)
        err = find_own_task(event->tid, &target);
    struct posix_timer *timer = err ? NULL : kmalloc(sizeof *timer, ALLOC_WAIT);
    if (!err && !timer)
        err = -EAGAIN;
    if (!err) {
        posix_timer_init(timer, timers, clock, event->notify, event->number);
        timer->task = target;
        timer->clock_task = clock_task;
        spin_lock(&timers->lock);
        if (timers->count >= POSIX_TIMERS_MAX) {
            err = -EAGAIN;
        } else {
            timers->count++;
            *id = timer->id = timers->next_id;
            timers->next_id = timers->next_id == INT32_MAX ? 0 : timers->next_id + 1;
            signal_info_init(&timer->entry.info, event->number, SIGNAL_CODE_TIMER, (uint32_t)timer->id, 0);
            timer->entry.info.fields[1] = event->has_value ? event->value : (uint64_t)timer->id;
            list_add_last(&timers->posix, &timer->link);
        }
        spin_unlock(&timers->lock);
    }
    if (err) {
        if (target)
            task_put(target);
        if (clock_task)
            task_put(clock_task);
        kfree(timer);
    }
    return err;
}

int posix_timer_set(int id, bool is_absolute, const struct timer_setting *value, struct timer_setting *old)
{
    struct process_timers *timers = process_current()->timers;
    spin_lock(&timers->lock);
    struct posix_timer *timer = find_locked(timers, id);
    if (timer) {
        posix_timer_read_locked(timer, old);
        posix_timer_arm_locked(timer, value, is_absolute);
        spin_lock(&timers->process->lock);
        timer->overrun = timer->last_overrun = 0;
        spin_unlock(&timers->process->lock);
    }
    spin_unlock(&timers->lock);
    return timer ? 0 : -EINVAL;
}

int posix_timer_get(int id, struct timer_setting *out)
{
    struct process_timers *timers = process_current()->timers;
    spin_lock(&timers->lock);
    struct posix_timer *timer = find_locked(timers, id);
    if (timer)
        posix_timer_read_locked(timer, out);
    spin_unlock(&timers->lock);
    return timer ? 0 : -EINVAL;
}

int posix_timer_overrun(int id)
{
    struct process_timers *timers = process_current()->timers;
    spin_lock(&timers->lock);
    struct posix_timer *timer = find_locked(timers, id);
    int overrun = timer ? (int)load_relaxed(&timer->last_overrun) : -EINVAL;
    spin_unlock(&timers->lock);
    return overrun;
}

int posix_timer_delete(int id)
{
    struct process_timers *timers = process_current()->timers;
    spin_lock(&timers->lock);
    struct posix_timer *timer = find_locked(timers, id);
    if (timer) {
        list_remove(&timer->link);
        timer->expiry_ns = 0;
        timers->count--;
    }
    spin_unlock(&timers->lock);
    if (!timer)
        return -EINVAL;
    destroy(timer);
    return 0;
}

/* ---- with the process's life ---- */

void process_timers_clear(struct process_timers *timers, bool at_exit)
{
    struct list gone;
    struct posix_timer *timer, *after;
    list_init(&gone);
    spin_lock(&timers->lock);
    timers->is_closed = at_exit;
    list_splice_last(&gone, &timers->posix);
    timers->count = 0;
    timers->next_id = 0;
    spin_unlock(&timers->lock);
    list_for_each_safe(timer, after, &gone, link)
    {
        destroy(timer);
    }
    if (!at_exit)
        return;
    for (unsigned i = 0; i < ARRAY_SIZE(timers->interval); i++)
        timer_cancel_wait(&timers->interval[i].timer);
    timer_cancel_wait(&timers->cpu_limit.timer);
}

void process_timers_free(struct process_timers *timers)
{
    if (timers)
        process_timers_clear(timers, true);
    kfree(timers);
}
