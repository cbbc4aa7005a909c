/*
 * Threads and the scheduler: per-CPU run queues, fair by virtual run time, wake-up placement on idle CPUs, stealing,
 * tickless. A CPU runs kernel code until it sleeps, yields or returns to ring 3: there is no kernel preemption.
 */
#pragma once
#include <arch/cpu.h>
#include <arch/irq.h>
#include <base/spinlock.h>
#include <common/list.h>
#include <common/rbtree.h>

struct address_space;
struct process;

enum thread_state { THREAD_RUNNABLE, THREAD_SLEEPING, THREAD_STOPPED, THREAD_DEAD };

struct thread {
    struct arch_thread arch;
    void *kernel_stack_top;
    struct address_space *space; /* NULL: kernel thread */
    struct process *process;     /* NULL: kernel thread */
    void *task;                  /* the process module's per-thread record (struct task) */
    uint32_t id;                 /* tid; kernel threads 0 */
    char name[16];
    struct refcount refs;
    /* Set by thread_interrupt (a signal wants attention), cleared by the process module: ends interruptible sleeps. */
    uint32_t is_interrupted;
    /* Its own: no page could be had for an access of the kernel to program memory. Set by arch, before is_interrupted. */
    uint32_t lacks_memory;
    bool is_nonblocking; /* its own: file_is_nonblocking() is true for every file, for the length of a call */
    uint32_t state; /* enum thread_state; run queue's lock */
    /* Scheduler's own below this line. */
    uint32_t cpu;           /* where it last ran or is queued */
    uint64_t affinity;      /* bit n: may run on CPU n */
    int nice;
    uint32_t weight;        /* of nice: its share of a CPU, 1024 at nice 0 */
    uint64_t virtual_runtime_ns, run_started_ns;
    uint64_t run_ns;        /* CPU time used up to run_started_ns; read with thread_run_time_ns */
    uint64_t user_ns;       /* the part of it charged to the program: all of it for program threads */
    uint64_t burst_ns;      /* CPU time since it last slept */
    uint64_t mean_burst_ns; /* the same, averaged over the last few sleeps: who sleeps soon shares its CPU */
    uint64_t switches_voluntary, switches_forced;
    struct rb_node queue_node;
    uint32_t is_queued;     /* in a run queue's tree */
    uint32_t is_running;    /* a CPU uses its stack: until the switch away from it is complete */
    uint32_t is_migrating;  /* to be queued elsewhere when that switch is complete */
};

void sched_init(void);                 /* boot CPU */
_Noreturn void sched_start_cpu(void);  /* each CPU ends here: becomes its idle loop */

/* A kernel thread that runs entry(argument); NULL without memory. Started by thread_start (one that never starts is freed
 * by two puts); freed when entry returned and the last reference was put. One reference is the caller's. */
struct thread *thread_create(const char *name, void (*entry)(void *), void *argument);
void thread_start(struct thread *thread);
void thread_get(struct thread *thread);
void thread_put(struct thread *thread);
/* Ends the calling thread. */
_Noreturn void thread_exit(void);

/*
 * Sleeping by hand: thread_prepare_sleep(); check the condition; thread_sleep(deadline). A thread_wake in between is not
 * lost. Deadlines are clock_monotonic_ns moments, UINT64_MAX none. sched/wait.h is nearly always what you want.
 */
void thread_prepare_sleep(void);
void thread_cancel_sleep(void);
bool thread_sleep(uint64_t deadline_ns); /* false: the deadline passed */
void thread_wake(struct thread *thread); /* any context but hard interrupt; no effect on one that is awake */
/* Sets is_interrupted and wakes it if it sleeps interruptibly (or runs in ring 3 on another CPU: makes it enter). */
void thread_interrupt(struct thread *thread);

void sched_yield_cpu(void);
/* One a CPU: is there anything to do at the next safe point? Written by the scheduler. */
struct sched_attention {
    uint32_t is_wanted; /* atomic */
} __attribute__((aligned(64)));
extern struct sched_attention sched_attention[CPU_MAX];
static inline bool sched_needs_safe_point(void)
{
    return load_relaxed(&sched_attention[cpu_index()].is_wanted);
}
void sched_attend(void);
/* Called on every return to ring 3 and in long kernel loops: runs raised work, and another thread if it is due. */
static inline void sched_safe_point(void)
{
    if (sched_needs_safe_point())
        sched_attend();
}
void sched_set_affinity(struct thread *thread, uint64_t affinity);
void sched_set_nice(struct thread *thread, int nice);
uint64_t thread_run_time_ns(const struct thread *thread);

struct sched_counters {
    uint64_t switches, idle_ns[CPU_MAX], busy_ns[CPU_MAX], runnable, threads;
    uint32_t load_average[3]; /* fixed point, 11 fraction bits, as Linux's */
};
void sched_count(struct sched_counters *out);

/* Called by arch: the CPU's timer fired (hard interrupt context). */
void timer_interrupt(void);
/* Called by arch: a kick arrived (hard interrupt context). */
void kick_interrupt(void);
