/* Interrupt controllers: the local APICs, the IO-APICs, and which vector is whose. */
#pragma once
#include <base/types.h>
#include <arch/irq.h>

/* The boot CPU first: finds out which mode is to be had. `address`: of xAPIC registers, from the ACPI tables. */
void lapic_init_boot(uint64_t address);
void lapic_init_cpu(void);
uint32_t lapic_id(void);
void lapic_end_of_interrupt(void);
void lapic_send(uint32_t apic_id, unsigned vector);
void lapic_send_nmi(uint32_t apic_id);
/* To every CPU but this one: INIT, or start-up at physical page `page`. */
void lapic_send_init_others(void);
void lapic_send_startup_others(unsigned page);
/* The timer in one-shot mode, in its own ticks; 0 stops it. */
void lapic_timer_set(uint32_t ticks);
uint32_t lapic_timer_count(void);
void lapic_timer_mode_deadline(void);
void lapic_timer_mode_one_shot(void);

void ioapic_add(uint64_t address, uint32_t first_gsi);
/* Legacy line `isa` is wired to `gsi`; flags as in the MADT's override (ACPI 6.4, 5.2.12.5). */
void ioapic_add_override(unsigned isa, uint32_t gsi, uint16_t flags);
/* The machine has an 8259 pair: masks it for ever. */
void legacy_pic_mask(void);

void irq_dispatch(unsigned vector);
/* A free vector of a CPU for the handler; -ENOSPC, -ENODEV when there is no such CPU. */
int irq_claim_vector(unsigned cpu, irq_handler *handler, void *context);
void irq_release_vector(unsigned cpu, unsigned vector);
/* From NMI context: halts when the machine is being stopped. */
void smp_check_stop(void);
void clock_timer_interrupt(void);
