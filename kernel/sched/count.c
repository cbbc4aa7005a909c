/*
 * Counters, and load averages after Linux's definition: every 5 s the number of runnable threads goes into three
 * exponential averages with time constants of 1, 5 and 15 minutes; 11 fraction bits. There is no tick: they are brought
 * up to date when somebody looks, the steps in between as if the number had been what it is now.
 */
#include "runqueue.h"

enum { PERIOD_NS = 5, FRACTION_BITS = 11, ONE = 1 << FRACTION_BITS, STEPS_MAX = 2000 };
static const uint32_t decay[3] = {1884, 2014, 2037}; /* e^(-5 s / 1, 5, 15 min) * 2048 */

static struct spinlock lock;
static uint64_t next_update_ns GUARDED_BY(&lock);
static uint32_t averages[3] GUARDED_BY(&lock);

static uint64_t count_runnable(void)
{
    uint64_t n = 0;
    for (uint64_t left = load_relaxed(&sched_online); left; left &= left - 1) {
        unsigned cpu = (unsigned)__builtin_ctzll(left);
        n += load_relaxed(&runqueues[cpu].queued) + !(load_relaxed(&sched_idle) >> cpu & 1);
    }
    return n;
}

static void step(uint64_t runnable)
{
    for (unsigned i = 0; i < 3; i++)
        averages[i] =
            (uint32_t)((averages[i] * (uint64_t)decay[i] + runnable * ONE * (ONE - decay[i])) >> FRACTION_BITS);
}

void load_update(uint64_t now_ns)
{
    uint64_t runnable = count_runnable();
    spin_lock(&lock);
    unsigned steps = 0;
    for (; next_update_ns <= now_ns && steps < STEPS_MAX; steps++) {
        step(runnable);
        next_update_ns += PERIOD_NS * NS_PER_SECOND;
    }
    if (steps == STEPS_MAX)
        next_update_ns = now_ns + PERIOD_NS * NS_PER_SECOND;
    spin_unlock(&lock);
}

void sched_count(struct sched_counters *out)
{
    uint64_t now = clock_monotonic_ns();
    load_update(now);
    *out = (struct sched_counters){.runnable = count_runnable(), .threads = load_relaxed(&sched_thread_count)};
    for (uint64_t left = load_relaxed(&sched_online); left; left &= left - 1) {
        unsigned cpu = (unsigned)__builtin_ctzll(left);
        uint64_t idle = thread_run_time_ns(&runqueues[cpu].idle);
        out->idle_ns[cpu] = idle < now ? idle : now;
        out->busy_ns[cpu] = now - out->idle_ns[cpu];
        out->switches += load_relaxed(&runqueues[cpu].switches);
    }
    spin_lock(&lock);
    for (unsigned i = 0; i < 3; i++)
        out->load_average[i] = averages[i];
    spin_unlock(&lock);
}
