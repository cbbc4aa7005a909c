/*
 * Mutexes, reader-writer locks and wait queues for tests with one thread: a lock that would have to wait is a deadlock
 * and panics. Waking calls `notify` functions as kernel/sched does; a wait whose condition is false calls the test's
 * `fake_wait_hook` (it may make the condition true) and gives -ETIMEDOUT when that is NULL or changed nothing.
 */
#pragma once
#include <sched/mutex.h>
#include <sched/wait.h>

extern void (*fake_wait_hook)(void);
