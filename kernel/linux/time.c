/* Clocks, sleeping, interval timers and POSIX timers. */
#include <linux/syscalls.h>
#include <process/process.h>
#include <process/timers.h>
#include <sched/wait.h>
#include "timespec.h"

enum { TIMER_ABSTIME = 1, TICKS_PER_SECOND = 100 };
#define COARSE_RESOLUTION_NS UINT64_C(4000000)

/* ---- reading and setting ---- */

long sys_clock_gettime(int clock, struct user *out)
{
    uint64_t ns;
    int err = clock_read(clock, &ns);
    return err ? err : timespec_write(out, ns);
}

long sys_clock_getres(int clock, struct user *out)
{
    uint64_t ns;
    int err = clock_read(clock, &ns);
    if (err || !out)
        return err;
    bool is_coarse = clock == CLOCK_ID_REALTIME_COARSE || clock == CLOCK_ID_MONOTONIC_COARSE;
    return timespec_write(out, is_coarse ? COARSE_RESOLUTION_NS : 1);
}

static long set_realtime(uint64_t ns)
{
    if (!process_is_capable(CAPABILITY_SYS_TIME))
        return -EPERM;
    clock_set_realtime_offset_ns((int64_t)(ns - clock_monotonic_ns()));
    return 0;
}

long sys_clock_settime(int clock, struct user *time)
{
    uint64_t ns;
    if (clock != CLOCK_ID_REALTIME)
        return -EINVAL;
    int err = timespec_read(time, &ns);
    return err ? err : set_realtime(ns);
}

long sys_gettimeofday(struct user *time, struct user *zone)
{
    uint64_t now;
    uint32_t utc[2] = {0, 0};
    clock_read(CLOCK_ID_REALTIME, &now);
    int err = time ? timeval_write(time, now) : 0;
    return !err && zone ? copy_struct_to_user(zone, &utc) : err;
}

long sys_settimeofday(struct user *time, struct user *zone)
{
    uint64_t ns;
    if (!time)
        return process_is_capable(CAPABILITY_SYS_TIME) ? 0 : -EPERM;
    int err = timeval_read(time, &ns);
    return err ? err : set_realtime(ns);
}

long sys_time(struct user *out)
{
    uint64_t now;
    clock_read(CLOCK_ID_REALTIME, &now);
    int64_t seconds = (int64_t)(now / (uint64_t)NS_PER_SECOND);
    int err = out ? copy_struct_to_user(out, &seconds) : 0;
    return err ? err : seconds;
}

static int64_t ticks_of(uint64_t ns)
{
    return (int64_t)(ns / (uint64_t)(NS_PER_SECOND / TICKS_PER_SECOND));
}

long sys_times(struct user *out)
{
    struct process *process = process_current();
    uint64_t user_ns, system_ns;
    process_cpu_time(process, &user_ns, &system_ns);
    int64_t ticks[4] = {
        ticks_of(user_ns),
        ticks_of(system_ns),
        ticks_of(load_relaxed(&process->children_user_ns)),
        ticks_of(load_relaxed(&process->children_system_ns)),
    };
    int err = out ? copy_struct_to_user(out, &ticks) : 0;
    return err ? err : ticks_of(clock_monotonic_ns());
}

/* ---- sleeping ---- */

/* restart_data: 0 deadline, 1 where the remaining time goes. */
static long sleep_to(struct task *task);

static long restart_sleep(struct task *task)
{
    return sleep_to(task);
}

static long sleep_to(struct task *task)
{
    uint64_t deadline = task->restart_data[0];
    struct user *remaining = user_pointer(task->restart_data[1]);
    int err = sleep_until(deadline, WAIT_INTERRUPTIBLE);
    if (err != -ERESTARTSYS)
        return err;
    uint64_t now = clock_monotonic_ns();
    if (now >= deadline)
        return 0;
    if (remaining && timespec_write(remaining, deadline - now))
        return -EFAULT;
    task->restart = restart_sleep;
    return -ERESTART_RESTARTBLOCK;
}

static long sleep_relative(uint64_t ns, struct user *remaining)
{
    struct task *task = task_current();
    task->restart_data[0] = deadline_after(ns);
    task->restart_data[1] = user_address(remaining);
    return sleep_to(task);
}

long sys_nanosleep(struct user *request, struct user *remaining)
{
    uint64_t ns;
    int err = timespec_read(request, &ns);
    return err ? err : sleep_relative(ns, remaining);
}

static long sleep_on_cpu_clock(int clock, int flags, uint64_t ns, struct user *remaining)
{
    uint64_t now;
    if (clock == CLOCK_ID_THREAD_CPU)
        return -EINVAL;
    int err = clock_read(clock, &now);
    if (err)
        return err;
    uint64_t until = flags & TIMER_ABSTIME ? ns : now + ns;
    err = clock_sleep_cpu(clock, until);
    if (err != -ERESTARTSYS)
        return err;
    if (flags & TIMER_ABSTIME)
        return -ERESTARTNOHAND;
    clock_read(clock, &now);
    if (remaining && timespec_write(remaining, until > now ? until - now : 0))
        return -EFAULT;
    return -EINTR;
}

long sys_clock_nanosleep(int clock, int flags, struct user *request, struct user *remaining)
{
    uint64_t ns, deadline;
    int err = timespec_read(request, &ns);
    if (err)
        return err;
    if (clock_is_cpu(clock))
        return sleep_on_cpu_clock(clock, flags, ns, remaining);
    err = clock_deadline(clock, ns, &deadline);
    if (err)
        return clock == CLOCK_ID_MONOTONIC_RAW || clock == CLOCK_ID_REALTIME_COARSE ||
                       clock == CLOCK_ID_MONOTONIC_COARSE
                   ? -EOPNOTSUPP
                   : err;
    if (!(flags & TIMER_ABSTIME))
        return sleep_relative(ns, remaining);
    err = sleep_until(deadline, WAIT_INTERRUPTIBLE);
    return err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
}

long sys_restart_syscall(void)
{
    struct task *task = task_current();
    long (*restart)(struct task *) = task->restart;
    task->restart = NULL;
    return restart ? restart(task) : -EINTR;
}

/* ---- interval timers ---- */

static int read_itimerval(const struct user *from, struct timer_setting *out)
{
    int err = timeval_read(from, &out->interval_ns);
    return err ? err : timeval_read(user_offset(from, 16), &out->value_ns);
}

static int write_itimerval(struct user *to, const struct timer_setting *setting)
{
    /* What is armed is never told to be zero. */
    uint64_t value = setting->value_ns && setting->value_ns < 1000 ? 1000 : setting->value_ns;
    int err = timeval_write(to, setting->interval_ns);
    return err ? err : timeval_write(user_offset(to, 16), value);
}

long sys_getitimer(int which, struct user *out)
{
    struct timer_setting setting;
    int err = interval_timer_get(which, &setting);
    return err ? err : write_itimerval(out, &setting);
}

long sys_setitimer(int which, struct user *value, struct user *old)
{
    struct timer_setting new = {0}, before;
    int err = value ? read_itimerval(value, &new) : 0;
    if (!err)
        err = interval_timer_set(which, &new, &before);
    return !err && old ? write_itimerval(old, &before) : err;
}

long sys_alarm(unsigned seconds)
{
    struct timer_setting new = {.value_ns = seconds * (uint64_t)NS_PER_SECOND}, before;
    interval_timer_set(INTERVAL_REAL, &new, &before);
    uint64_t left = before.value_ns, second = (uint64_t)NS_PER_SECOND;
    /* Rounded, but never down to 0 while it was armed. */
    uint64_t rounded = (left + second / 2) / second;
    return left && !rounded ? 1 : (long)rounded;
}

/* ---- POSIX timers ---- */

struct linux_sigevent {
    uint64_t value;
    int32_t number, notify, tid;
    int32_t padding[11];
};
static_assert(sizeof(struct linux_sigevent) == 64, "struct sigevent");

long sys_timer_create(int clock, struct user *user_event, struct user *user_id)
{
    struct timer_event event = {.number = SIGNAL_ALRM};
    struct linux_sigevent from;
    int32_t id;
    if (user_event) {
        if (copy_struct_from_user(&from, user_event))
            return -EFAULT;
        event = (struct timer_event){from.notify, from.number, from.tid, from.value, true};
    }
    int number;
    int err = posix_timer_create(clock, &event, &number);
    if (err)
        return err;
    id = number;
    err = copy_struct_to_user(user_id, &id);
    if (err)
        posix_timer_delete(number);
    return err;
}

static int read_itimerspec(const struct user *from, struct timer_setting *out)
{
    int err = timespec_read(from, &out->interval_ns);
    return err ? err : timespec_read(user_offset(from, 16), &out->value_ns);
}

static int write_itimerspec(struct user *to, const struct timer_setting *setting)
{
    int err = timespec_write(to, setting->interval_ns);
    return err ? err : timespec_write(user_offset(to, 16), setting->value_ns);
}

long sys_timer_settime(int id, int flags, struct user *value, struct user *old)
{
    struct timer_setting new, before;
    int err = value ? read_itimerspec(value, &new) : -EINVAL;
    if (!err)
        err = posix_timer_set(id, flags & TIMER_ABSTIME, &new, &before);
    return !err && old ? write_itimerspec(old, &before) : err;
}

long sys_timer_gettime(int id, struct user *out)
{
    struct timer_setting setting;
    int err = posix_timer_get(id, &setting);
    return err ? err : write_itimerspec(out, &setting);
}

long sys_timer_getoverrun(int id)
{
    return posix_timer_overrun(id);
}

long sys_timer_delete(int id)
{
    return posix_timer_delete(id);
}
