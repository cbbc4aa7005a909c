/*
 * Deferred work and timers in unit tests, single-threaded and deterministic: nothing runs until the test says so.
 * Timers fire in the order of their deadlines, equal ones in the order they were armed. Link tests/fakes/clock too.
 */
#pragma once
#include <sched/work.h>

/* Runs raised work until none is left (work may raise more); how many ran. */
size_t fake_work_run(void);
/* Moves the clock by that time, stopping at each deadline to fire what is due and running raised work in between. */
void fake_time_advance(uint64_t by_ns);
/* The earliest deadline; UINT64_MAX: no timer is armed. */
uint64_t fake_timer_next(void);
/* Forgets all timers and work, for the start of a test. */
void fake_timers_reset(void);
