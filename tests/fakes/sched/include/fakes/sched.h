/*
 * The scheduler for unit tests in which something sleeps: one CPU, one host thread, deterministic. The test itself is
 * thread number 1; thread_create makes coroutines that run when the running one sleeps, yields or ends. Time is
 * fakes/clock.h and fakes/timer.h: when every thread sleeps and no work is raised, the clock moves to the next timer or
 * deadline; when there is none either, that is a deadlock: panic().
 */
#pragma once
#include <sched/mutex.h>
#include <sched/work.h>

/* Forgets coroutines that still sleep, timers and work. At the start of each test. */
void fake_sched_reset(void);
/* Lets the other threads and raised work run until all others sleep or have ended. Time stands still. */
void fake_run_threads(void);
/* Moves the clock to the next timer or deadline and lets everybody run; false: there is none. */
bool fake_sched_step(void);
/* Called when all threads sleep, before time moves: true when it did something that may wake one. NULL: none. */
void fake_set_idle_hook(bool (*hook)(void));
/* With false, time never moves by itself: all asleep is a deadlock. */
void fake_set_auto_advance(bool is_on);
