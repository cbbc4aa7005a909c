/* Vectors: which handler has which one on which CPU, and what happens when one arrives. */
#include "apic.h"
#include "cpu_local.h"
#include <base/errno.h>
#include <base/spinlock.h>
#include <sched/thread.h>

/* Claiming only; arrival reads the slots without it. A leaf. */
static struct spinlock claim_lock = SPINLOCK_INIT;

int irq_claim_vector(unsigned cpu, irq_handler *handler, void *context)
{
    if (cpu >= cpu_count() || !cpus[cpu] || !cpus[cpu]->irqs)
        return -ENODEV;
    struct irq_slot *slots = cpus[cpu]->irqs;
    int vector = -ENOSPC;
    uint64_t state = spin_lock_irq(&claim_lock);
    for (int i = 0; i < VECTOR_DEVICE_END - VECTOR_DEVICE; i++) {
        if (slots[i].handler)
            continue;
        slots[i].context = context;
        store_release(&slots[i].handler, handler); /* pairs with irq_dispatch */
        vector = VECTOR_DEVICE + i;
        break;
    }
    spin_unlock_irq(&claim_lock, state);
    return vector;
}

void irq_release_vector(unsigned cpu, unsigned vector)
{
    store_release(&cpus[cpu]->irqs[vector - VECTOR_DEVICE].handler, NULL);
}

/* Message format: SDM volume 3, 11.11; physical destination, fixed delivery, edge. */
int irq_claim_message(unsigned cpu, irq_handler *handler, void *context, uint64_t *address, uint32_t *data)
{
    if (cpu >= cpu_count() || cpus[cpu]->apic_id > 0xff)
        return -ENODEV;
    int vector = irq_claim_vector(cpu, handler, context);
    if (vector < 0)
        return vector;
    *address = UINT64_C(0xfee00000) | (uint64_t)cpus[cpu]->apic_id << 12;
    *data = (uint32_t)vector;
    return 0;
}

static void dispatch_device(unsigned vector)
{
    struct irq_slot *slots = cpu_this()->irqs;
    if (!slots)
        return;
    struct irq_slot *slot = &slots[vector - VECTOR_DEVICE];
    irq_handler *handler = load_acquire(&slot->handler);
    if (handler)
        handler(slot->context);
}

void irq_dispatch(unsigned vector)
{
    switch (vector) {
    case VECTOR_TIMER:
        lapic_end_of_interrupt();
        clock_timer_interrupt();
        return;
    case VECTOR_KICK:
        lapic_end_of_interrupt();
        kick_interrupt();
        return;
    case VECTOR_TLB:
        lapic_end_of_interrupt();
        tlb_interrupt();
        return;
    case VECTOR_STOP:
        lapic_end_of_interrupt();
        smp_check_stop();
        return;
    case VECTOR_SPURIOUS: /* takes no end of interrupt: SDM volume 3, 11.9 */
        return;
    default:
        if (vector < VECTOR_DEVICE_END)
            dispatch_device(vector);
        lapic_end_of_interrupt(); /* after the handler: a level-triggered device is quiet by now */
    }
}
