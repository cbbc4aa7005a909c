/* The clocks that a program can read, and CPU time. */
#include <base/errno.h>
#include <process/timers.h>
#include "private.h"

/* Negative ids: ~id << 3 | thread bit 4 | kind (0 user and system, 1 user, 2 scheduler's); kind 3 is a descriptor's. */
enum { KIND_MASK = 3, KIND_USER = 1, KIND_FD = 3, IS_THREAD = 4 };

/* The scheduler charges a thread when it stops running; what it has run since then was charged to nobody yet. */
void task_cpu_time(const struct task *task, uint64_t *user_ns, uint64_t *system_ns)
{
    const struct thread *thread = task->thread;
    uint64_t charged = load_relaxed(&thread->run_ns), user = load_relaxed(&thread->user_ns);
    uint64_t run_ns = thread_run_time_ns(thread), since = run_ns > charged ? run_ns - charged : 0;
    *user_ns = MIN(user + since, run_ns);
    *system_ns = run_ns - *user_ns;
}

void process_cpu_time(struct process *process, uint64_t *user_ns, uint64_t *system_ns)
{
    struct task *task;
    spin_lock(&process->lock);
    *user_ns = process->exited_user_ns;
    *system_ns = process->exited_system_ns;
    list_for_each(task, &process->tasks, process_link)
    {
        uint64_t user, system;
        task_cpu_time(task, &user, &system);
        *user_ns += user;
        *system_ns += system;
    }
    spin_unlock(&process->lock);
}

bool clock_is_cpu(int clock)
{
    return clock == CLOCK_ID_PROCESS_CPU || clock == CLOCK_ID_THREAD_CPU ||
           (clock < 0 && (clock & KIND_MASK) != KIND_FD);
}

static int read_task(uint32_t id, bool only_user, uint64_t *ns)
{
    uint64_t user_ns, system_ns;
    struct task *task = task_find(id ? id : task_current()->id);
    bool is_own = task && task->process == process_current();
    if (is_own) {
        task_cpu_time(task, &user_ns, &system_ns);
        *ns = only_user ? user_ns : user_ns + system_ns;
    }
    if (task)
        task_put(task);
    return is_own ? 0 : -EINVAL;
}

static int read_process(uint32_t id, bool only_user, uint64_t *ns)
{
    uint64_t user_ns, system_ns;
    struct process *process = process_find(id ? id : process_current()->id);
    if (!process)
        return -EINVAL;
    process_cpu_time(process, &user_ns, &system_ns);
    *ns = only_user ? user_ns : user_ns + system_ns;
    process_put(process);
    return 0;
}

int clock_read(int clock, uint64_t *ns)
{
    switch (clock) {
    case CLOCK_ID_REALTIME:
    case CLOCK_ID_REALTIME_COARSE:
    case CLOCK_ID_REALTIME_ALARM:
    case CLOCK_ID_TAI:
        *ns = clock_monotonic_ns() + (uint64_t)clock_realtime_offset_ns();
        return 0;
    case CLOCK_ID_MONOTONIC:
    case CLOCK_ID_MONOTONIC_RAW:
    case CLOCK_ID_MONOTONIC_COARSE:
    case CLOCK_ID_BOOTTIME:
    case CLOCK_ID_BOOTTIME_ALARM:
        *ns = clock_monotonic_ns();
        return 0;
    case CLOCK_ID_PROCESS_CPU:
        return read_process(0, false, ns);
    case CLOCK_ID_THREAD_CPU:
        return read_task(0, false, ns);
    default:
        break;
    }
    if (!clock_is_cpu(clock))
        return -EINVAL;
    bool only_user = (clock & KIND_MASK) == KIND_USER;
    uint32_t id = (uint32_t) ~(clock >> 3);
    return clock & IS_THREAD ? read_task(id, only_user, ns) : read_process(id, only_user, ns);
}

int clock_deadline(int clock, uint64_t ns, uint64_t *deadline_ns)
{
    switch (clock) {
    case CLOCK_ID_REALTIME:
    case CLOCK_ID_REALTIME_ALARM:
    case CLOCK_ID_TAI: {
        uint64_t offset = (uint64_t)clock_realtime_offset_ns();
        *deadline_ns = ns > offset ? ns - offset : 0;
        return 0;
    }
    case CLOCK_ID_MONOTONIC:
    case CLOCK_ID_BOOTTIME:
    case CLOCK_ID_BOOTTIME_ALARM:
        *deadline_ns = ns;
        return 0;
    default:
        return -EINVAL;
    }
}

int clock_sleep_cpu(int clock, uint64_t ns)
{
    uint64_t now;
    int err;
    /* The clock advances at most by one second a CPU and second, so no look before that can find it there. */
    while (!(err = clock_read(clock, &now)) && now < ns && !err) {
        uint64_t wait = MAX((ns - now) / cpu_count(), UINT64_C(1000000));
        err = sleep_until(clock_monotonic_ns() + wait, WAIT_INTERRUPTIBLE);
        if (err)
            break;
    }
    return err;
}
