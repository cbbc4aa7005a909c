/*
 * Interrupts. Each CPU architecture provides <arch/cpu_inline.h> with the few operations that must be inline
 * (kernel/arch/x86_64/inline or kernel/arch/host/inline is on the include path).
 */
#pragma once
#include <base/types.h>
#include <arch/cpu_inline.h>
/*
 * arch_cpu_inline provides:
 *   uint64_t arch_irq_save(void);            masks interrupts on this CPU, returns the former state
 *   void arch_irq_restore(uint64_t state);
 *   void arch_irq_enable(void);              unmasks, whatever they were
 *   void arch_irq_disable(void);
 *   void arch_cpu_relax(void);               the pause of a spin loop
 *   unsigned cpu_index(void);                0-based number of this CPU; stable until the thread sleeps
 *   struct thread *thread_current(void);
 *   void arch_set_current(struct thread *);  by the scheduler, at a switch
 */

/* A hard interrupt handler: masked, may only acknowledge its device and raise work (sched/work.h). */
typedef void irq_handler(void *context);

/* Claims a free vector on `cpu` for an MSI/MSI-X message; the address and data to write into the device come back. */
int irq_claim_message(unsigned cpu, irq_handler *handler, void *context, uint64_t *address, uint32_t *data);
/* Routes an IO-APIC global system interrupt (or a legacy ISA line after overrides) to `cpu`. */
int irq_claim_line(uint32_t gsi, bool is_level, bool is_active_low, unsigned cpu, irq_handler *handler, void *context);
