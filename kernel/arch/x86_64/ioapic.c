/*
 * IO-APICs (Intel 82093AA data sheet): each turns a range of global system interrupts into messages to a CPU. All
 * inputs start masked; a claim sets one up. Registers are reached through an index and a window, one at a time under a
 * lock.
 */
#include "apic.h"
#include "cpu_local.h"
#include <arch/mmu.h>
#include <base/errno.h>
#include <base/log.h>
#include <base/spinlock.h>

enum { IOAPIC_MAX = 8, ISA_LINES = 16, INDEX = 0, WINDOW = 0x10, REG_VERSION = 1, REG_REDIRECTION = 0x10 };
#define REDIRECTION_MASKED UINT32_C(1 << 16)
#define REDIRECTION_LEVEL  UINT32_C(1 << 15)
#define REDIRECTION_LOW    UINT32_C(1 << 13)

struct ioapic {
    volatile uint8_t *registers;
    uint32_t first_gsi, count;
};
struct isa_line {
    uint32_t gsi;
    uint16_t flags;
    bool is_overridden;
};
static struct ioapic ioapics[IOAPIC_MAX]; /* fixed at boot, as the next two */
static unsigned ioapic_count;
static struct isa_line isa_lines[ISA_LINES];
static struct spinlock ioapic_lock = SPINLOCK_INIT; /* index and window; a leaf */

static uint32_t reg_read(const struct ioapic *ioapic, uint32_t reg)
{
    *(volatile uint32_t *)(ioapic->registers + INDEX) = reg;
    return *(volatile uint32_t *)(ioapic->registers + WINDOW);
}

static void reg_write(const struct ioapic *ioapic, uint32_t reg, uint32_t value)
{
    *(volatile uint32_t *)(ioapic->registers + INDEX) = reg;
    *(volatile uint32_t *)(ioapic->registers + WINDOW) = value;
}

/* Inputs come out of reset masked; firmware may have left some open, so those are closed. */
void ioapic_add(uint64_t address, uint32_t first_gsi)
{
    if (ioapic_count == IOAPIC_MAX)
        return;
    struct ioapic *ioapic = &ioapics[ioapic_count];
    ioapic->registers = arch_map_device(address, PAGE_SIZE);
    if (!ioapic->registers)
        return;
    ioapic->first_gsi = first_gsi;
    ioapic->count = (reg_read(ioapic, REG_VERSION) >> 16 & 0xff) + 1;
    for (uint32_t i = 0; i < ioapic->count; i++)
        if (!(reg_read(ioapic, REG_REDIRECTION + 2 * i) & REDIRECTION_MASKED))
            reg_write(ioapic, REG_REDIRECTION + 2 * i, REDIRECTION_MASKED);
    ioapic_count++;
}

void ioapic_add_override(unsigned isa, uint32_t gsi, uint16_t flags)
{
    if (isa < ISA_LINES)
        isa_lines[isa] = (struct isa_line){gsi, flags, true};
}

/* Initialised first: a masked 8259 may still raise its spurious interrupt, which must not look like an exception. */
void legacy_pic_mask(void)
{
    io_write8(0x20, 0x11);
    io_write8(0xa0, 0x11);
    io_write8(0x21, VECTOR_DEVICE);
    io_write8(0xa1, VECTOR_DEVICE + 8);
    io_write8(0x21, 4);
    io_write8(0xa1, 2);
    io_write8(0x21, 1);
    io_write8(0xa1, 1);
    io_write8(0x21, 0xff);
    io_write8(0xa1, 0xff);
}

static struct ioapic *find_ioapic(uint32_t gsi)
{
    for (unsigned i = 0; i < ioapic_count; i++)
        if (gsi >= ioapics[i].first_gsi && gsi - ioapics[i].first_gsi < ioapics[i].count)
            return &ioapics[i];
    return NULL;
}

/* An ISA line's real input; polarity (bits 0-1) and trigger (bits 2-3) where the tables name them. */
static void apply_override(uint32_t *gsi, bool *is_level, bool *is_low)
{
    if (*gsi >= ISA_LINES || !isa_lines[*gsi].is_overridden)
        return;
    const struct isa_line *line = &isa_lines[*gsi];
    *gsi = line->gsi;
    if (line->flags & 3)
        *is_low = (line->flags & 3) == 3;
    if (line->flags >> 2 & 3)
        *is_level = (line->flags >> 2 & 3) == 3;
}

int irq_claim_line(uint32_t gsi, bool is_level, bool is_active_low, unsigned cpu, irq_handler *handler, void *context)
{
    apply_override(&gsi, &is_level, &is_active_low);
    struct ioapic *ioapic = find_ioapic(gsi);
    if (!ioapic)
        return -ENODEV;
    if (cpu >= CPU_MAX || !cpus[cpu] || cpus[cpu]->apic_id > 0xff)
        cpu = 0; /* the redirection entry has eight bits for the CPU */
    int vector = irq_claim_vector(cpu, handler, context);
    if (vector < 0)
        return vector;
    uint32_t reg = REG_REDIRECTION + 2 * (gsi - ioapic->first_gsi);
    uint32_t low = (uint32_t)vector | (is_level ? REDIRECTION_LEVEL : 0) | (is_active_low ? REDIRECTION_LOW : 0);
    uint64_t state = spin_lock_irq(&ioapic_lock);
    bool is_free = reg_read(ioapic, reg) & REDIRECTION_MASKED;
    if (is_free) {
        reg_write(ioapic, reg + 1, cpus[cpu]->apic_id << 24);
        reg_write(ioapic, reg, low);
    }
    spin_unlock_irq(&ioapic_lock, state);
    if (is_free)
        return 0;
    irq_release_vector(cpu, (unsigned)vector);
    return -EBUSY;
}
