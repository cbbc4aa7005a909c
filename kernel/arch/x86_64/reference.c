/*
 * Counters of known frequency, to measure TSC and LAPIC timer by: the LAPIC timer itself where QEMU's emulator counts
 * nanoseconds in it, the ACPI PM timer, channel 2 of the PIT. A sample is the tightest of a few tries, so that a host
 * that takes the CPU away in the middle does not spoil it.
 */
#include "acpi.h"
#include "apic.h"
#include "clock.h"
#include "cpu_local.h"

enum { PM_TIMER_HZ = 3579545, PIT_HZ = 1193182, TRIES = 5, ALIVE_TRIES = 10000 };
enum { PIT_CHANNEL2 = 0x42, PIT_COMMAND = 0x43, PIT_GATE = 0x61 };

struct reference {
    uint32_t (*read)(void); /* counts up, modulo mask + 1 */
    uint32_t hz, mask;
};
static struct reference reference;

static uint32_t read_lapic(void)
{
    return ~lapic_timer_count();
}

static uint32_t read_pm_timer(void)
{
    return io_read32((uint16_t)acpi_fixed.pm_timer.address);
}

static uint32_t read_pit(void)
{
    io_write8(PIT_COMMAND, 0x80); /* latch channel 2 */
    uint32_t low = io_read8(PIT_CHANNEL2);
    return ~(low | (uint32_t)io_read8(PIT_CHANNEL2) << 8);
}

/* Mode 0 from 0xffff down, the speaker off: 55 ms until it wraps. */
static void start_pit(void)
{
    io_write8(PIT_GATE, (uint8_t)((io_read8(PIT_GATE) & ~2) | 1));
    io_write8(PIT_COMMAND, 0xb0);
    io_write8(PIT_CHANNEL2, 0xff);
    io_write8(PIT_CHANNEL2, 0xff);
}

static bool is_alive(uint32_t (*read)(void), uint32_t mask)
{
    uint32_t first = read() & mask;
    for (unsigned i = 0; i < ALIVE_TRIES; i++)
        if ((read() & mask) != first)
            return true;
    return false;
}

bool reference_find(void)
{
    lapic_timer_set(UINT32_MAX); /* masked: it only counts */
    if (cpu_features.is_tcg || cpu_features.is_kvm) {
        reference = (struct reference){read_lapic, 1000000000, UINT32_MAX};
        return true;
    }
    if (acpi_fixed.pm_timer.is_io && is_alive(read_pm_timer, 0xffffff)) {
        reference =
            (struct reference){read_pm_timer, PM_TIMER_HZ, acpi_fixed.is_pm_timer_32_bits ? UINT32_MAX : 0xffffff};
        return true;
    }
    start_pit();
    if (is_alive(read_pit, 0xffff)) {
        reference = (struct reference){read_pit, PIT_HZ, 0xffff};
        return true;
    }
    return false;
}

void reference_sample(struct reference_sample *sample)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < TRIES; i++) {
        uint64_t before = tsc_read_ordered();
        uint32_t count = reference.read();
        uint64_t after = tsc_read_ordered();
        if (after - before >= least)
            continue;
        least = after - before;
        sample->tsc = before + least / 2;
        sample->count = count;
        sample->lapic = lapic_timer_count();
    }
}

uint64_t reference_elapsed_ns(const struct reference_sample *from, const struct reference_sample *to)
{
    uint64_t counts = (to->count - from->count) & reference.mask;
    return counts * (uint64_t)NS_PER_SECOND / reference.hz;
}
