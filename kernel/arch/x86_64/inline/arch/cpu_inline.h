/* The CPU's inline operations on x86-64; see arch/irq.h. GS points to this CPU's struct cpu (kernel/arch/x86_64). */
#pragma once
#include <stdint.h>
struct thread;
/* Offsets within struct cpu, asserted in kernel/arch/x86_64/cpu.c. */
#define CPU_OFFSET_INDEX   0
#define CPU_OFFSET_CURRENT 8
static inline uint64_t arch_irq_save(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0; cli" : "=r"(flags) : : "memory");
    return flags;
}
static inline void arch_irq_restore(uint64_t flags)
{
    if (flags & 0x200)
        __asm__ volatile("sti" : : : "memory");
}
static inline void arch_irq_enable(void)
{
    __asm__ volatile("sti" : : : "memory");
}
static inline void arch_irq_disable(void)
{
    __asm__ volatile("cli" : : : "memory");
}
static inline void arch_cpu_relax(void)
{
    __asm__ volatile("pause" : : : "memory");
}
/* Not "memory"-dependent and not volatile would let the compiler cache it across a sleep: volatile on purpose. */
static inline unsigned cpu_index(void)
{
    unsigned index;
    __asm__ volatile("movl %%gs:%c1, %0" : "=r"(index) : "i"(CPU_OFFSET_INDEX));
    return index;
}
static inline struct thread *thread_current(void)
{
    struct thread *thread;
    __asm__ volatile("movq %%gs:%c1, %0" : "=r"(thread) : "i"(CPU_OFFSET_CURRENT));
    return thread;
}
static inline void arch_set_current(struct thread *thread)
{
    __asm__ volatile("movq %0, %%gs:%c1" : : "r"(thread), "i"(CPU_OFFSET_CURRENT) : "memory");
}
