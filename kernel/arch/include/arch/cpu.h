/* CPUs: threads' register state, switching, other CPUs, time, power. */
#pragma once
#include <base/types.h>

struct thread;
struct arch_page_table;

/* The program's registers as saved on entry from ring 3, at the top of the thread's kernel stack (x86-64 names). */
struct user_registers {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t syscall_number; /* orig_rax; -1 when not in a system call */
    uint64_t rip, cs, rflags, rsp, ss;
};

/* What a thread keeps while it does not run; part of struct thread, opaque elsewhere. */
struct arch_thread {
    uint64_t kernel_stack_pointer;
    uint64_t fs_base, gs_base;
    void *fpu; /* XSAVE image, NULL for kernel threads */
};

/* Number of CPUs that are up, and whether CPU n is. They start in parallel; each calls cpu_started (sched). */
unsigned cpu_count(void);

/* Prepares the stack so that the first switch to it calls entry(argument); stack_top is 16-aligned. */
void arch_thread_prepare(struct arch_thread *thread, void *stack_top, void (*entry)(void *), void *argument);
/* Gives a thread program state: FPU image (fresh, or a copy of `from`'s) ; -ENOMEM. */
int arch_thread_add_user_state(struct arch_thread *thread, const struct arch_thread *from);
void arch_thread_destroy(struct arch_thread *thread);
/* Saves `from` and runs `to` on this CPU; returns when somebody switches back. Interrupts masked. kernel_stack_top of
 * `to` becomes the stack of its next entry from ring 3. FPU and FS/GS bases follow where the threads have program state. */
void arch_thread_switch(struct arch_thread *from, struct arch_thread *to, void *to_kernel_stack_top);
/* Enters ring 3 for the first time with these registers (already at the stack's top). Never returns. */
_Noreturn void arch_enter_user(struct user_registers *registers);

/* Prints on the log where a thread that does not run now stands in the kernel, for the control channel's "dump". */
void arch_thread_print_backtrace(const struct arch_thread *thread);

/* Makes another CPU look at its run queue and pending work; no effect when it is already looking. */
void arch_kick_cpu(unsigned cpu);
/* Waits for an interrupt. Called with interrupts masked; unmasks and halts in one step; returns masked. */
void arch_idle(void);
_Noreturn void arch_halt_forever(void);

/* A full barrier against a device that is a thread of the host: what was stored before is seen by the device before anything
 * is read after. memory_barrier() is enough on a CPU, but not on every emulator. */
void arch_device_barrier(void);

/* Nanoseconds since the kernel was entered; monotonic on every CPU. */
uint64_t clock_monotonic_ns(void);
/* CLOCK_REALTIME minus CLOCK_MONOTONIC, ns. */
int64_t clock_realtime_offset_ns(void);
void clock_set_realtime_offset_ns(int64_t offset); /* also updates the vDSO's data */
/* Arms this CPU's one timer interrupt for that moment (UINT64_MAX: none); it calls timer_interrupt() of sched. */
void arch_timer_arm(uint64_t deadline_ns);

/* A cryptographic seed's worth of CPU randomness (RDRAND/RDSEED/TSC jitter); bytes, never fails, weak without RDRAND. */
void arch_random_seed(void *to, size_t n);

/* Ends the machine with the status for the host (contract/exit.h). */
_Noreturn void machine_power_off(unsigned status);
