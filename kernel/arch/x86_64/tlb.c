/*
 * TLB flushes on other CPUs. A CPU that wants one fills its own request, sets its bit in each target's flush_requests
 * and interrupts them; each target flushes and counts the request's `pending` down. While it waits, the requester
 * serves what others want of it, so two that flush at once cannot wait for each other even with interrupts masked.
 */
#include "apic.h"
#include "cpu_local.h"
#include "memory_map.h"
#include <arch/mmu.h>

enum { PAGES_MAX = 32 }; /* more are flushed faster by reloading CR3 */

/* Program pages are never global, so CR3 takes them all, cached upper entries included (SDM volume 3, 4.10.4.1). */
static void flush_here(uintptr_t start, uintptr_t end)
{
    if (end - start > PAGES_MAX * PAGE_SIZE) {
        cr3_write(cr3_read());
        return;
    }
    for (uintptr_t at = start & PAGE_MASK; at < end; at += PAGE_SIZE)
        tlb_flush_page(at);
}

void tlb_interrupt(void)
{
    struct cpu *self = cpu_this();
    uint64_t requests = atomic_exchange(&self->flush_requests, UINT64_C(0));
    while (requests) {
        struct tlb_request *request = &cpus[__builtin_ctzll(requests)]->flush;
        requests &= requests - 1;
        flush_here(request->start, request->end);
        atomic_fetch_sub(&request->pending, 1u); /* after this the request may be reused */
    }
}

static void flush_others(uint64_t targets, uintptr_t start, uintptr_t end)
{
    struct cpu *self = cpu_this();
    if (!targets)
        return;
    self->flush.start = start;
    self->flush.end = end;
    store_release(&self->flush.pending, (uint32_t)__builtin_popcountll(targets));
    for (uint64_t left = targets; left; left &= left - 1) {
        struct cpu *target = cpus[__builtin_ctzll(left)];
        /* Somebody's interrupt is on its way when bits were set already: it will see ours too. */
        if (!atomic_fetch_or(&target->flush_requests, UINT64_C(1) << self->index))
            lapic_send(target->apic_id, VECTOR_TLB);
    }
    while (load_acquire(&self->flush.pending)) {
        if (load_relaxed(&self->flush_requests)) {
            uint64_t state = arch_irq_save();
            tlb_interrupt();
            arch_irq_restore(state);
        }
        arch_cpu_relax();
    }
}

void arch_tlb_flush(struct arch_page_table *table, uint64_t target_cpus, uintptr_t start, uintptr_t end)
{
    memory_barrier(); /* the entries' changes come before the targets' look */
    unsigned count = cpu_count();
    uint64_t self = UINT64_C(1) << cpu_index();
    if (count < 64)
        target_cpus &= (UINT64_C(1) << count) - 1;
    if (target_cpus & self)
        flush_here(start, end);
    flush_others(target_cpus & ~self, start, end);
}

/*
 * Who has the root loaded, or is just changing its own, may hold pointers to the tables that were unlinked. A CPU that
 * loads it later walks the new entries: its store of 0 and its load of CR3 come after our barrier then.
 */
void tlb_flush_tables(uint64_t root)
{
    memory_barrier();
    uint64_t targets = 0;
    for (unsigned i = 0; i < cpu_count(); i++) {
        uint64_t loaded = load_relaxed(&cpus[i]->page_table_root);
        if (loaded == root || !loaded)
            targets |= UINT64_C(1) << i;
    }
    struct arch_page_table table = {root};
    arch_tlb_flush(&table, targets, 0, USER_ADDRESS_MAX);
}
