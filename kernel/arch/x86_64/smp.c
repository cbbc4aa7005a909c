/*
 * The other CPUs. All are woken at once by INIT and start-up messages to everyone else (SDM volume 3, 8.4.4); each
 * takes its number by order of arrival, sets itself up and halts until the boot CPU has made the scheduler and its
 * first thread. Memory for as many as the tables name is made before; who does not come within a bounded time stays
 * out.
 */
#include "apic.h"
#include "acpi.h"
#include "clock.h"
#include "cpu_local.h"
#include "memory_map.h"
#include <arch/mmu.h>
#include <base/assert.h>
#include <base/log.h>
#include <base/string.h>
#include <sched/thread.h>

enum { CLOSED = 0x10000, STOP_TRIES = 3000000 };
#define FIRST_REMINDER_NS (1 * NS_PER_MS)
#define ARRIVAL_LIMIT_NS  (200 * NS_PER_MS)

extern const char trampoline_start[], trampoline_end[], trampoline_gdtr[], trampoline_far32[], trampoline_far64[],
    trampoline_efer[], trampoline_protected[], trampoline_long[];
/* Read by the trampoline (head.S). */
extern void *smp_stacks[CPU_MAX];
extern uint32_t smp_arrivals, smp_expected;
void *smp_stacks[CPU_MAX];
uint32_t smp_arrivals = 1, smp_expected = 1;

static unsigned online_count = 1; /* fixed by smp_wait */
static uint32_t ready_count = 1;  /* atomic: CPUs that are set up */
static uint32_t is_released;      /* they may enter the scheduler; set before the interrupt that ends their halt */
static uint32_t is_stopping;      /* everyone but the one that set it halts */
static uint32_t stopped_count;
static unsigned trampoline_page;

unsigned cpu_count(void)
{
    return online_count;
}

void cpu_halt(void)
{
    for (;;)
        __asm__ volatile("cli; hlt" : : : "memory");
}

void arch_halt_forever(void)
{
    cpu_halt();
}

static void store_in(uint8_t *page, const char *where, uint32_t value)
{
    memcpy(page + (where - trampoline_start), &value, sizeof value);
}

static void write_trampoline(uint32_t physical)
{
    uint8_t *page = physical_to_virtual(physical);
    memcpy(page, trampoline_start, (size_t)(trampoline_end - trampoline_start));
    store_in(page, trampoline_far32, physical + (uint32_t)(trampoline_protected - trampoline_start));
    store_in(page, trampoline_far64, physical + (uint32_t)(trampoline_long - trampoline_start));
    store_in(page, trampoline_efer, EFER_LME | (cpu_features.has_nx ? EFER_NXE : 0));
}

void smp_start(void)
{
    uint64_t page = memory_map_low_page();
    unsigned wanted = page ? acpi_cpus.count : 1;
    for (unsigned i = 1; i < wanted; i++) {
        cpus[i] = cpu_create(i, &smp_stacks[i]);
        if (!cpus[i])
            break;
        store_release(&smp_expected, i + 1);
    }
    if (smp_expected == 1)
        return;
    trampoline_page = (unsigned)(page >> PAGE_SHIFT);
    write_trampoline((uint32_t)page);
    memory_barrier();
    lapic_send_init_others();
    lapic_send_startup_others(trampoline_page);
}

static void wait_until_ready(uint32_t count)
{
    uint64_t start = clock_monotonic_ns();
    while (load_acquire(&ready_count) < count) {
        if (clock_monotonic_ns() - start > NS_PER_SECOND)
            panic("a CPU came and was lost while it set itself up");
        arch_cpu_relax();
    }
}

void smp_wait(void)
{
    uint64_t start = clock_monotonic_ns();
    bool is_reminded = false;
    while (load_acquire(&ready_count) < smp_expected) {
        uint64_t waited = clock_monotonic_ns() - start;
        if (waited > FIRST_REMINDER_NS && !is_reminded) {
            lapic_send_startup_others(trampoline_page); /* ignored by those that run */
            is_reminded = true;
        }
        if (waited > ARRIVAL_LIMIT_NS)
            break;
        arch_cpu_relax();
    }
    uint32_t arrived = atomic_fetch_add(&smp_arrivals, (uint32_t)CLOSED);
    if (arrived > smp_expected)
        arrived = smp_expected;
    if (arrived < smp_expected)
        log_warning("%u of %u CPUs did not start", smp_expected - arrived, smp_expected);
    wait_until_ready(arrived);
    online_count = arrived;
}

void smp_release(void)
{
    store_release(&is_released, 1u);
    memory_barrier();
    for (unsigned i = 1; i < online_count; i++)
        lapic_send(cpus[i]->apic_id, VECTOR_STOP);
}

/* Where the trampoline ends, on this CPU's own stack. */
_Noreturn void smp_main(uint32_t index);
_Noreturn void smp_main(uint32_t index)
{
    struct cpu *cpu = cpus[index];
    cpu_init_tables(cpu);
    cpu_init_registers();
    paging_activate_kernel();
    lapic_init_cpu();
    cpu->apic_id = lapic_id();
    fpu_init_cpu();
    clock_init_cpu();
    atomic_fetch_add(&ready_count, 1u);
    /* The look and the halt are one step: STI lets nothing in before HLT (SDM volume 2, STI). */
    while (!load_acquire(&is_released))
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    sched_start_cpu();
}

void arch_kick_cpu(unsigned cpu)
{
    if (cpu < online_count)
        lapic_send(cpus[cpu]->apic_id, VECTOR_KICK);
}

void arch_idle(void)
{
    __asm__ volatile("sti; hlt; cli" : : : "memory");
}

void smp_check_stop(void)
{
    if (!load_acquire(&is_stopping))
        return;
    atomic_fetch_add(&stopped_count, 1u);
    cpu_halt();
}

static bool have_all_stopped(unsigned others)
{
    for (unsigned i = 0; i < STOP_TRIES; i++) {
        if (load_acquire(&stopped_count) >= others)
            return true;
        arch_cpu_relax();
    }
    return false;
}

/* By interrupt; those that have interrupts masked, by NMI. The second caller halts: one ends the machine. */
void smp_stop_others(void)
{
    arch_irq_save();
    static uint32_t owner;
    uint32_t expected = 0, self = cpu_index() + 1;
    if (!atomic_compare_exchange(&owner, &expected, self)) {
        if (expected == self)
            return;
        smp_check_stop();
        cpu_halt();
    }
    store_release(&is_stopping, 1u);
    memory_barrier();
    for (unsigned i = 0; i < online_count; i++)
        if (i != cpu_index())
            lapic_send(cpus[i]->apic_id, VECTOR_STOP);
    if (online_count == 1 || have_all_stopped(online_count - 1))
        return;
    for (unsigned i = 0; i < online_count; i++)
        if (i != cpu_index())
            lapic_send_nmi(cpus[i]->apic_id);
}
