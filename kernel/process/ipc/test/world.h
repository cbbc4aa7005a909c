/*
 * Processes for the tests of IPC: coroutines with a struct process and credentials, an unnamed "file" for segments and
 * an address space that only counts references.
 */
#pragma once
#include <base/errno.h>
#include <fakes/memory.h>
#include <fakes/sched.h>
#include <ipc/ipc.h>
#include <ipc/msg.h>
#include <ipc/posix_queue.h>
#include <ipc/sem.h>
#include <ipc/shm.h>
#include <process/process.h>
#include <test/test.h>

/* At the start of each test: the test itself is process 1, root. */
void world_begin(void);
/* A process of its own, uid 1000, that runs `program` and ends; SEM_UNDO happens then. */
struct process *world_start(void (*program)(void));
/* Lets the others run until all sleep or have ended. */
void world_run(void);
/* What is mapped by shm_attach, in the order of attaching; world_unmap drops one reference, as a vma's end does. */
extern unsigned world_map_error;
void world_unmap(void);
extern int world_signal, world_signal_code;
extern uint64_t world_signal_value;
