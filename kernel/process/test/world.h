/*
 * A world for processes without a CPU: threads are coroutines (tests/fakes/sched), "programs" are C functions of the
 * test that call the module as system calls would, and user_return() stands for the way back to ring 3: it delivers
 * signals, runs handlers (functions of the test too) and returns as rt_sigreturn does.
 */
#pragma once
#include <base/errno.h>
#include <base/string.h>
#include <fakes/sched.h>
#include <process/clone_flags.h>
#include <process/futex.h>
#include <process/process.h>
#include <process/timers.h>
#include <test/test.h>

/* Runs `program` as a process of its own, child of nobody, to its end: its wait status. */
int world_run(void (*program)(void));
/* For programs: fork (a new process that runs `program`), a thread, and what a system call's return does. */
long user_fork(void (*program)(void));
long user_thread(void (*program)(void));
long user_clone(uint64_t flags, void (*program)(void));
long user_return(long result);
void user_handler(int number, void (*handler)(int number), uint64_t flags);
long user_wait(int pid, int *status, unsigned options); /* wait4 */
_Noreturn void user_exit(int status);
void world_sleep(uint64_t ns);
void let_others_run(void);    /* until all others sleep */
extern unsigned world_spaces; /* live address spaces */
