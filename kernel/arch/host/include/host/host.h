/*
 * The CPU contract on a Linux process, for unit tests of the scheduler and of what runs on it: a CPU is a turn that host
 * threads hand on (each kernel thread is a host thread, one of them runs per CPU), so that ThreadSanitizer understands
 * every hand-over. Time is the host's. There are no interrupts: what they would do is done by another host thread.
 */
#pragma once
#include <base/types.h>

enum { HOST_CPUS = 4 };
/* Starts the CPUs at the first call, runs `main` as a kernel thread and waits until it has returned. */
void host_run(void (*main)(void *argument), void *argument);
