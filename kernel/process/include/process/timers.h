/* Clocks and timers of a process: POSIX timers, interval timers, CPU-time clocks. Times in ns; errors as Linux's calls.
 */
#pragma once
#include <base/types.h>

struct process;
struct task;
struct process_timers;

enum clock_id {
    CLOCK_ID_REALTIME,
    CLOCK_ID_MONOTONIC,
    CLOCK_ID_PROCESS_CPU,
    CLOCK_ID_THREAD_CPU,
    CLOCK_ID_MONOTONIC_RAW,
    CLOCK_ID_REALTIME_COARSE,
    CLOCK_ID_MONOTONIC_COARSE,
    CLOCK_ID_BOOTTIME,
    CLOCK_ID_REALTIME_ALARM,
    CLOCK_ID_BOOTTIME_ALARM,
    CLOCK_ID_TAI = 11,
};
/* Any clock's time, the CPU clocks of other processes and threads included (negative ids); -EINVAL. */
int clock_read(int clock, uint64_t *ns);
bool clock_is_cpu(int clock); /* measures CPU time */
/* The moment of CLOCK_MONOTONIC at which a wall or monotonic clock shows `ns`. -EINVAL for CPU clocks. */
int clock_deadline(int clock, uint64_t ns, uint64_t *deadline_ns);

struct timer_setting {
    uint64_t interval_ns, value_ns; /* value 0: not armed */
};
enum interval_timer { INTERVAL_REAL, INTERVAL_VIRTUAL, INTERVAL_PROF };
int interval_timer_get(int which, struct timer_setting *out);
int interval_timer_set(int which, const struct timer_setting *value, struct timer_setting *old);

struct timer_event {
    int notify; /* SIGEV_SIGNAL 0, SIGEV_NONE 1, SIGEV_THREAD_ID 4 */
    int number;
    int tid;
    uint64_t value;
    bool has_value; /* else si_value is the timer's id */
};
int posix_timer_create(int clock, const struct timer_event *event, int *id);
int posix_timer_set(int id, bool is_absolute, const struct timer_setting *value, struct timer_setting *old);
int posix_timer_get(int id, struct timer_setting *out);
int posix_timer_overrun(int id);
int posix_timer_delete(int id);

/* Sleeps on a CPU clock (clock_nanosleep): until it shows `ns`. */
int clock_sleep_cpu(int clock, uint64_t ns);

/* RLIMIT_CPU's soft limit; UINT64_MAX: none. */
void process_timers_limit_cpu(struct process_timers *timers, uint64_t seconds);

/* With the process's life: NULL without memory; exec drops POSIX timers and keeps interval timers, exit drops all. */
struct process_timers *process_timers_create(struct process *process);
void process_timers_clear(struct process_timers *timers, bool at_exit);
void process_timers_free(struct process_timers *timers);
