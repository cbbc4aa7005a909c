/* One CPU, one current thread. A test may set host_cpu_index to play another CPU. Do not link with kernel/arch/host. */
#pragma once
#include <sched/thread.h>

extern struct thread fake_thread; /* thread_current() */
