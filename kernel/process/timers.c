/* The machinery of a process's timers and its interval timers (getitimer, setitimer, alarm). */
#include <base/errno.h>
#include "timers.h"

/* Shortest time between two expiries that interrupts: faster ones are counted as overruns. */
#define EXPIRY_GAP_NS UINT64_C(50000)
#define CPU_LOOK_NS   UINT64_C(1000000)
#define SECOND_NS     ((uint64_t)NS_PER_SECOND)

uint64_t posix_timer_clock_now(const struct posix_timer *timer)
{
    uint64_t user_ns, system_ns, now;
    switch (timer->clock) {
    case CLOCK_USER_TIME:
        process_cpu_time(timer->owner->process, &user_ns, &system_ns);
        return user_ns;
    case CLOCK_ID_PROCESS_CPU:
        process_cpu_time(timer->owner->process, &user_ns, &system_ns);
        return user_ns + system_ns;
    case CLOCK_ID_THREAD_CPU:
        task_cpu_time(timer->clock_task, &user_ns, &system_ns);
        return user_ns + system_ns;
    default:
        clock_read(timer->clock, &now);
        return now;
    }
}

static bool is_cpu_timer(const struct posix_timer *timer)
{
    return timer->clock == CLOCK_USER_TIME || clock_is_cpu(timer->clock);
}

/* When to look: at the expiry, or, for CPU time, when all CPUs together could have used what is left. */
static void start_locked(struct posix_timer *timer, uint64_t clock_now)
{
    uint64_t now = clock_monotonic_ns();
    uint64_t left = timer->expiry_ns > clock_now ? timer->expiry_ns - clock_now : 0;
    if (is_cpu_timer(timer)) {
        unsigned cpus = timer->clock == CLOCK_ID_THREAD_CPU ? 1 : cpu_count();
        left = MAX(left / cpus, CPU_LOOK_NS);
    }
    timer_arm(&timer->timer, left > UINT64_MAX - 1 - now ? UINT64_MAX - 1 : now + left);
}

static void send(struct posix_timer *timer, uint64_t expiries)
{
    struct process *process = timer->owner->process;
    if (timer->notify == 1) /* SIGEV_NONE */
        return;
    if (timer->id < 0) {
        bool is_limit = timer == &timer->owner->cpu_limit;
        uint64_t hard = load_relaxed(&process->limits[LIMIT_CPU].hard);
        bool is_over = is_limit && posix_timer_clock_now(timer) / SECOND_NS >= hard;
        signal_send_process(process, is_over ? SIGNAL_KILL : timer->number, NULL);
        return;
    }
    bool is_new = signal_send_timer(process, timer->task, &timer->entry);
    uint64_t missed = expiries - is_new;
    spin_lock(&process->lock);
    timer->overrun = (uint32_t)MIN((is_new ? 0 : timer->overrun) + missed, (uint64_t)INT32_MAX);
    spin_unlock(&process->lock);
}

static void fire(struct timer *of)
{
    struct posix_timer *timer = container_of(of, struct posix_timer, timer);
    struct process_timers *owner = timer->owner;
    spin_lock(&owner->lock);
    if (timer->expiry_ns && !owner->is_closed) {
        uint64_t now = posix_timer_clock_now(timer), expiries = 0;
        if (now >= timer->expiry_ns) {
            expiries = 1;
            if (timer->interval_ns) {
                expiries += (now - timer->expiry_ns) / timer->interval_ns;
                timer->expiry_ns += expiries * timer->interval_ns;
            } else {
                timer->expiry_ns = 0;
            }
        }
        if (timer->expiry_ns) {
            if (expiries && timer->interval_ns < EXPIRY_GAP_NS)
                timer_arm(&timer->timer, clock_monotonic_ns() + EXPIRY_GAP_NS);
            else
                start_locked(timer, now);
        }
        if (expiries)
            send(timer, expiries);
    }
    spin_unlock(&owner->lock);
}

void posix_timer_init(struct posix_timer *timer, struct process_timers *owner, int clock, int notify, int number)
{
    memset(timer, 0, sizeof *timer);
    list_init(&timer->link);
    list_init(&timer->entry.link);
    timer_init(&timer->timer, fire);
    timer->owner = owner;
    timer->id = -1;
    timer->clock = clock;
    timer->notify = notify;
    timer->number = number;
    timer->entry.timer = timer;
}

void posix_timer_arm_locked(struct posix_timer *timer, const struct timer_setting *value, bool is_absolute)
{
    timer_cancel(&timer->timer);
    timer->interval_ns = value->interval_ns;
    timer->expiry_ns = 0;
    if (!value->value_ns)
        return;
    uint64_t now = posix_timer_clock_now(timer), base = is_absolute ? 0 : now;
    timer->expiry_ns = value->value_ns > UINT64_MAX - 1 - base ? UINT64_MAX - 1 : base + value->value_ns;
    start_locked(timer, now);
}

void posix_timer_read_locked(struct posix_timer *timer, struct timer_setting *out)
{
    *out = (struct timer_setting){.interval_ns = timer->interval_ns};
    if (!timer->expiry_ns)
        return;
    uint64_t now = posix_timer_clock_now(timer);
    /* Armed but due: one ns, as 0 would say that it is not armed. */
    out->value_ns = timer->expiry_ns > now ? timer->expiry_ns - now : 1;
}

/* ---- interval timers ---- */

struct process_timers *process_timers_create(struct process *process)
{
    struct process_timers *timers = kzalloc(sizeof *timers, ALLOC_WAIT);
    if (!timers)
        return NULL;
    timers->process = process;
    spin_init(&timers->lock);
    list_init(&timers->posix);
    posix_timer_init(&timers->interval[INTERVAL_REAL], timers, CLOCK_ID_MONOTONIC, 0, SIGNAL_ALRM);
    posix_timer_init(&timers->interval[INTERVAL_VIRTUAL], timers, CLOCK_USER_TIME, 0, SIGNAL_VTALRM);
    posix_timer_init(&timers->interval[INTERVAL_PROF], timers, CLOCK_ID_PROCESS_CPU, 0, SIGNAL_PROF);
    posix_timer_init(&timers->cpu_limit, timers, CLOCK_ID_PROCESS_CPU, 0, SIGNAL_XCPU);
    return timers;
}

void process_timers_limit_cpu(struct process_timers *timers, uint64_t seconds)
{
    bool is_limited = seconds < UINT64_MAX / SECOND_NS;
    struct timer_setting setting = {
        .interval_ns = SECOND_NS,
        .value_ns = is_limited ? MAX(seconds, UINT64_C(1)) * SECOND_NS : 0,
    };
    spin_lock(&timers->lock);
    posix_timer_arm_locked(&timers->cpu_limit, &setting, true);
    spin_unlock(&timers->lock);
}

int interval_timer_get(int which, struct timer_setting *out)
{
    struct process_timers *timers = process_current()->timers;
    if (which < INTERVAL_REAL || which > INTERVAL_PROF)
        return -EINVAL;
    spin_lock(&timers->lock);
    posix_timer_read_locked(&timers->interval[which], out);
    spin_unlock(&timers->lock);
    return 0;
}

int interval_timer_set(int which, const struct timer_setting *value, struct timer_setting *old)
{
    struct process_timers *timers = process_current()->timers;
    if (which < INTERVAL_REAL || which > INTERVAL_PROF)
        return -EINVAL;
    spin_lock(&timers->lock);
    posix_timer_read_locked(&timers->interval[which], old);
    posix_timer_arm_locked(&timers->interval[which], value, false);
    spin_unlock(&timers->lock);
    return 0;
}
