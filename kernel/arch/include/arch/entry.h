/*
 * Where the CPU's entry code calls upward. All run on the thread's kernel stack with interrupts on, kernel mode, and may
 * sleep. Implemented by kernel/process and kernel/linux.
 */
#pragma once
#include <arch/cpu.h>

/* SYSCALL from ring 3: number in registers->syscall_number (= rax), arguments rdi rsi rdx r10 r8 r9; sets registers->rax. */
void system_call_enter(struct user_registers *registers);
/* A fault or exception taken in ring 3: page faults too. `address`: CR2 for vector 14. */
void process_user_fault(struct user_registers *registers, unsigned vector, uint64_t error_code, uintptr_t address);
/*
 * Before every return to ring 3 (system call, fault, interrupt) when sched_needs_safe_point() or
 * thread_current()->is_interrupted says so; arch calls it in a loop, looking again with interrupts masked, until neither
 * does. Delivers signals, reschedules.
 */
void process_return_to_user(struct user_registers *registers);
