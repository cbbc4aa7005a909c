/*
 * Time. The monotonic clock is the TSC scaled to nanoseconds since the kernel was entered. Its rate comes from
 * kvmclock, from CPUID, or from a millisecond's comparison with a counter of known frequency; the comparison runs while
 * the rest of the boot goes on. Where the host says that the CPUs' TSCs may disagree, each CPU reads its own kvmclock
 * page instead and a common high-water mark keeps time from going back. The timer interrupt is the LAPIC's: TSC
 * deadline, or one-shot.
 */
#include "clock.h"
#include "apic.h"
#include "cpu_local.h"
#include <base/log.h>
#include <sched/thread.h>

#define MEASURE_NS    (1 * NS_PER_MS)
#define NS_TO_FIXED   (UINT64_C(1) << 32) /* scales have 32 fraction bits */
#define QEMU_LAPIC_HZ UINT64_C(1000000000)

struct clock_scale clock_scale;
bool clock_is_tsc = true;
static uint64_t tsc_per_ns, lapic_per_ns; /* 32 fraction bits */
static bool uses_deadline;
static uint64_t kvmclock_zero;  /* kvmclock at our zero */
static uint64_t latest_ns;      /* atomic; only without clock_is_tsc */
static int64_t realtime_offset; /* atomic */
static struct reference_sample sample_begin;
static bool is_measuring;
static uint64_t deadlines[CPU_MAX]; /* what each CPU's timer is armed for; own CPU only */

static uint64_t scale(uint64_t value, uint64_t factor)
{
    return (uint64_t)(((unsigned __int128)value * factor) >> 32);
}

/* a / b with 32 fraction bits; the quotient fits 64 bits for all rates there are. */
static uint64_t ratio(uint64_t a, uint64_t b)
{
    uint64_t whole = a / b, rest = a % b, result = whole;
    for (unsigned i = 0; i < 32; i++) {
        rest <<= 1;
        result = result << 1 | (rest >= b);
        if (rest >= b)
            rest -= b;
    }
    return result;
}

void clock_note_entry(void)
{
    clock_scale.base_tsc = tsc_read();
}

uint64_t clock_monotonic_ns(void)
{
    if (__builtin_expect(clock_is_tsc, 1))
        return clock_scale.base_ns + scale(tsc_read_ordered() - clock_scale.base_tsc, clock_scale.mult);
    uint64_t state = arch_irq_save(); /* on one CPU, with its page */
    uint64_t now = kvmclock_read() - kvmclock_zero;
    arch_irq_restore(state);
    uint64_t latest = load_relaxed(&latest_ns);
    while (now > latest)
        if (atomic_compare_exchange(&latest_ns, &latest, now))
            return now;
    return latest;
}

int64_t clock_realtime_offset_ns(void)
{
    return load_relaxed(&realtime_offset);
}

void clock_set_realtime_offset_ns(int64_t offset)
{
    store_relaxed(&realtime_offset, offset);
    vdso_update();
}

static void set_tsc_hz(uint64_t hz)
{
    clock_scale.mult = ratio((uint64_t)NS_PER_SECOND, hz);
}

/* What CPUID says: the hypervisors' timing leaf, or the crystal's leaf (SDM volume 2, CPUID, leaf 15H). */
static bool read_cpuid_rates(void)
{
    if (cpu_features.is_hypervisor && cpuid_read(0x40000000, 0).eax >= 0x40000010) {
        struct cpuid timing = cpuid_read(0x40000010, 0);
        if (timing.eax) {
            set_tsc_hz((uint64_t)timing.eax * 1000);
            if (timing.ebx)
                lapic_per_ns = ratio((uint64_t)timing.ebx * 1000, (uint64_t)NS_PER_SECOND);
            return true;
        }
    }
    if (cpu_features.max_leaf < 0x15)
        return false;
    struct cpuid crystal = cpuid_read(0x15, 0);
    if (!crystal.eax || !crystal.ebx || !crystal.ecx)
        return false;
    set_tsc_hz((uint64_t)crystal.ecx * crystal.ebx / crystal.eax);
    lapic_per_ns = ratio(crystal.ecx, (uint64_t)NS_PER_SECOND);
    return true;
}

/* The LAPIC timers of QEMU and KVM count nanoseconds (QEMU hw/intc/apic.c, KVM's APIC_BUS_CYCLE_NS). */
static void begin_measuring(void)
{
    is_measuring = reference_find();
    if (is_measuring)
        reference_sample(&sample_begin);
}

void clock_begin(void)
{
    bool is_stable = true;
    uses_deadline = cpu_features.has_tsc_deadline;
    if (cpu_features.is_kvm && kvmclock_init(&clock_scale.mult, &is_stable)) {
        clock_is_tsc = is_stable;
        lapic_per_ns = ratio(QEMU_LAPIC_HZ, (uint64_t)NS_PER_SECOND);
        return;
    }
    if (read_cpuid_rates() && (uses_deadline || lapic_per_ns))
        return;
    begin_measuring();
}

static void measure(void)
{
    struct reference_sample sample_end;
    uint64_t elapsed;
    do {
        reference_sample(&sample_end);
        elapsed = reference_elapsed_ns(&sample_begin, &sample_end);
    } while (elapsed < MEASURE_NS);
    if (!clock_scale.mult)
        clock_scale.mult = ratio(elapsed, sample_end.tsc - sample_begin.tsc);
    if (!lapic_per_ns)
        lapic_per_ns = ratio(sample_begin.lapic - sample_end.lapic, elapsed);
    lapic_timer_set(0);
}

static void set_realtime(void)
{
    int64_t zero_ns, seconds;
    if (cpu_features.is_kvm && kvmclock_wall_ns(&zero_ns))
        realtime_offset = zero_ns + (int64_t)(kvmclock_read() - clock_monotonic_ns());
    else if (rtc_read(&seconds))
        realtime_offset = seconds * NS_PER_SECOND - (int64_t)clock_monotonic_ns();
    else
        log_warning("no clock says what time it is: it is 1970");
}

void clock_finish(void)
{
    if (is_measuring)
        measure();
    if (!clock_scale.mult) {
        log_error("nothing tells how fast the CPU's counter runs: taking it for 1 GHz");
        set_tsc_hz(UINT64_C(1000000000));
    }
    if (!lapic_per_ns)
        lapic_per_ns = ratio(QEMU_LAPIC_HZ, (uint64_t)NS_PER_SECOND);
    tsc_per_ns = ratio(NS_TO_FIXED, clock_scale.mult);
    if (!clock_is_tsc)
        kvmclock_zero = kvmclock_read() - scale(tsc_read_ordered() - clock_scale.base_tsc, clock_scale.mult);
    set_realtime();
    clock_init_cpu();
}

void clock_init_cpu(void)
{
    if (!clock_is_tsc)
        kvmclock_init_cpu();
    deadlines[cpu_index()] = UINT64_MAX;
    if (uses_deadline)
        lapic_timer_mode_deadline();
    else
        lapic_timer_mode_one_shot();
}

static void arm_deadline(uint64_t left_ns)
{
    uint64_t tsc = tsc_read() + scale(left_ns, tsc_per_ns) + 1;
    __asm__ volatile("mfence; lfence" : : : "memory"); /* not before earlier xAPIC stores: SDM volume 3, 11.5.4.1 */
    msr_write(MSR_TSC_DEADLINE, tsc);
}

static void arm_one_shot(uint64_t left_ns)
{
    uint64_t ticks = left_ns < UINT32_MAX ? scale(left_ns, lapic_per_ns) + 1 : UINT32_MAX;
    lapic_timer_set(ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX);
}

static void disarm(void)
{
    if (uses_deadline)
        msr_write(MSR_TSC_DEADLINE, 0);
    else
        lapic_timer_set(0);
}

/* An hour at most: far deadlines need not fit the counters; an early interrupt arms again. */
static void arm(uint64_t deadline_ns)
{
    uint64_t now = clock_monotonic_ns();
    uint64_t left = deadline_ns > now ? deadline_ns - now : 0;
    if (left > 3600 * (uint64_t)NS_PER_SECOND)
        left = 3600 * (uint64_t)NS_PER_SECOND;
    if (uses_deadline)
        arm_deadline(left);
    else
        arm_one_shot(left);
}

void arch_timer_arm(uint64_t deadline_ns)
{
    uint64_t state = arch_irq_save();
    uint64_t *armed = &deadlines[cpu_index()];
    if (*armed != deadline_ns) {
        *armed = deadline_ns;
        if (deadline_ns == UINT64_MAX)
            disarm();
        else
            arm(deadline_ns);
    }
    arch_irq_restore(state);
}

/* Hard interrupt. One that comes early, by rounding or a counter's range, is not the scheduler's concern. */
void clock_timer_interrupt(void)
{
    uint64_t *armed = &deadlines[cpu_index()];
    uint64_t deadline = *armed;
    if (deadline == UINT64_MAX)
        return;
    if (clock_monotonic_ns() < deadline) {
        arm(deadline);
        return;
    }
    *armed = UINT64_MAX;
    timer_interrupt();
}
