/*
 * The local APIC (SDM volume 3, chapter 11): x2APIC by MSRs where CPUID has it, else xAPIC by memory. Register numbers
 * are those of x2APIC; the xAPIC offset is sixteen times that.
 */
#include "apic.h"
#include "cpu_local.h"
#include <arch/mmu.h>
#include <base/assert.h>

enum {
    REG_ID = 0x2,
    REG_EOI = 0xb,
    REG_TASK_PRIORITY = 0x8,
    REG_SPURIOUS = 0xf,
    REG_ICR = 0x30,
    REG_ICR_HIGH = 0x31, /* xAPIC only */
    REG_LVT_TIMER = 0x32,
    REG_LVT_LINT0 = 0x35,
    REG_LVT_LINT1 = 0x36,
    REG_LVT_ERROR = 0x37,
    REG_TIMER_INITIAL = 0x38,
    REG_TIMER_CURRENT = 0x39,
    REG_TIMER_DIVIDE = 0x3e,
};
enum {
    LVT_MASKED = 1 << 16,
    LVT_NMI = 4 << 8,
    TIMER_ONE_SHOT = 0 << 17,
    TIMER_DEADLINE = 2 << 17,
    DIVIDE_BY_1 = 0xb,
    SPURIOUS_ENABLE = 1 << 8,
    ICR_NMI = 4 << 8,
    ICR_INIT = 5 << 8,
    ICR_STARTUP = 6 << 8,
    ICR_ASSERT = 1 << 14,
    ICR_ALL_BUT_SELF = 3 << 18,
    ICR_PENDING = 1 << 12,
    APIC_BASE_ENABLE = 1 << 11,
    APIC_BASE_X2APIC = 1 << 10,
    ICR_TRIES = 1000000,
};

static volatile uint8_t *mapped; /* xAPIC registers; NULL: x2APIC */

static uint32_t reg_read(unsigned reg)
{
    if (!mapped)
        return (uint32_t)msr_read(MSR_X2APIC + reg);
    return *(volatile uint32_t *)(mapped + reg * 16);
}

static void reg_write(unsigned reg, uint32_t value)
{
    if (!mapped)
        msr_write(MSR_X2APIC + reg, value);
    else
        *(volatile uint32_t *)(mapped + reg * 16) = value;
}

void lapic_init_boot(uint64_t address)
{
    if (!cpu_features.has_x2apic) {
        mapped = arch_map_device(address, PAGE_SIZE);
        if (!mapped)
            panic("no memory to map the local APIC");
    }
    lapic_init_cpu();
}

void lapic_init_cpu(void)
{
    uint64_t base = msr_read(MSR_APIC_BASE) | APIC_BASE_ENABLE;
    msr_write(MSR_APIC_BASE, base); /* the way to x2APIC leads through xAPIC: SDM volume 3, 11.12.5 */
    if (!mapped)
        msr_write(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
    reg_write(REG_TASK_PRIORITY, 0);
    reg_write(REG_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    reg_write(REG_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
    reg_write(REG_LVT_LINT0, LVT_MASKED); /* the 8259 is not used */
    reg_write(REG_LVT_LINT1, LVT_NMI);
    reg_write(REG_LVT_ERROR, LVT_MASKED | VECTOR_SPURIOUS);
    reg_write(REG_TIMER_DIVIDE, DIVIDE_BY_1);
}

uint32_t lapic_id(void)
{
    uint32_t id = reg_read(REG_ID);
    return mapped ? id >> 24 : id;
}

void lapic_end_of_interrupt(void)
{
    reg_write(REG_EOI, 0);
}

/* In x2APIC mode the MSR write is not serialising: stores before it must be seen by who is interrupted (11.12.3). */
static void icr_write(uint32_t apic_id, uint32_t command)
{
    if (!mapped) {
        __asm__ volatile("mfence; lfence" : : : "memory");
        msr_write(MSR_X2APIC + REG_ICR, (uint64_t)apic_id << 32 | command);
        return;
    }
    uint64_t state = arch_irq_save(); /* the two halves belong together */
    for (unsigned i = 0; i < ICR_TRIES && reg_read(REG_ICR) & ICR_PENDING; i++)
        arch_cpu_relax();
    reg_write(REG_ICR_HIGH, apic_id << 24);
    reg_write(REG_ICR, command);
    arch_irq_restore(state);
}

void lapic_send(uint32_t apic_id, unsigned vector)
{
    icr_write(apic_id, ICR_ASSERT | vector);
}

void lapic_send_nmi(uint32_t apic_id)
{
    icr_write(apic_id, ICR_ASSERT | ICR_NMI);
}

void lapic_send_init_others(void)
{
    icr_write(0, ICR_ALL_BUT_SELF | ICR_ASSERT | ICR_INIT);
}

void lapic_send_startup_others(unsigned page)
{
    icr_write(0, ICR_ALL_BUT_SELF | ICR_ASSERT | ICR_STARTUP | page);
}

void lapic_timer_set(uint32_t ticks)
{
    reg_write(REG_TIMER_INITIAL, ticks);
}

uint32_t lapic_timer_count(void)
{
    return reg_read(REG_TIMER_CURRENT);
}

void lapic_timer_mode_one_shot(void)
{
    reg_write(REG_LVT_TIMER, TIMER_ONE_SHOT | VECTOR_TIMER);
}

/* The mode must have arrived before the first deadline is written: SDM volume 3, 11.5.4.1. */
void lapic_timer_mode_deadline(void)
{
    reg_write(REG_LVT_TIMER, TIMER_DEADLINE | VECTOR_TIMER);
    __asm__ volatile("mfence" : : : "memory");
}
