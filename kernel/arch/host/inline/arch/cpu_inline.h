/* The CPU's inline operations on a host process: a CPU is a host thread, interrupts do not exist. See arch/irq.h. */
#pragma once
#include <stdint.h>
struct thread;
extern __thread unsigned host_cpu_index;
extern __thread struct thread *host_current_thread;
static inline uint64_t arch_irq_save(void)
{
    return 0;
}
static inline void arch_irq_restore(uint64_t state)
{
    (void)state;
}
static inline void arch_irq_enable(void)
{
}
static inline void arch_irq_disable(void)
{
}
static inline void arch_cpu_relax(void)
{
    __builtin_ia32_pause();
}
static inline unsigned cpu_index(void)
{
    return host_cpu_index;
}
static inline struct thread *thread_current(void)
{
    return host_current_thread;
}
static inline void arch_set_current(struct thread *thread)
{
    host_current_thread = thread;
}
