/*
 * KVM's paravirtual clock (Linux Documentation/virt/kvm/x86/msr.rst and cpuid.rst): each CPU gives the host a page in
 * which it finds how its TSC becomes nanoseconds, under a version that is odd while the host writes.
 */
#include "clock.h"
#include "cpu_local.h"
#include <arch/mmu.h>
#include <mm/alloc.h>

enum { FEATURE_CLOCK = 1 << 3, FLAG_TSC_STABLE = 1 << 0, FEATURE_STABLE_BIT = 1 << 24 };
#define MSR_WALL_CLOCK  0x4b564d00
#define MSR_SYSTEM_TIME 0x4b564d01

struct pvclock {
    uint32_t version, padding;
    uint64_t tsc_timestamp, system_time;
    uint32_t mult;
    int8_t shift;
    uint8_t flags, padding2[2];
};
static_assert(sizeof(struct pvclock) == 32, "the host's layout");
struct wall_clock {
    uint32_t version, seconds, nanoseconds;
};
static bool has_kvmclock;

static struct pvclock pvclock_copy(const volatile struct pvclock *page)
{
    struct pvclock copy;
    uint32_t version;
    do {
        version = load_acquire(&page->version);
        copy = *(const struct pvclock *)page;
        __asm__ volatile("lfence" : : : "memory");
    } while (version & 1 || version != load_acquire(&page->version));
    return copy;
}

void kvmclock_init_cpu(void)
{
    struct cpu *cpu = cpu_this();
    if (!has_kvmclock || cpu->pvclock)
        return;
    struct pvclock *page = kzalloc(64, ALLOC_ATOMIC);
    if (!page)
        return;
    cpu->pvclock = page;
    msr_write(MSR_SYSTEM_TIME, virtual_to_physical(page) | 1);
}

bool kvmclock_init(uint64_t *mult, bool *is_stable)
{
    if (!(cpu_features.kvm_features & FEATURE_CLOCK))
        return false;
    has_kvmclock = true;
    kvmclock_init_cpu();
    struct cpu *cpu = cpu_this();
    struct pvclock clock = {0};
    if (cpu->pvclock)
        clock = pvclock_copy(cpu->pvclock);
    has_kvmclock = clock.mult != 0;
    if (!has_kvmclock)
        return false;
    *mult = clock.shift >= 0 ? (uint64_t)clock.mult << (clock.shift & 31) : (uint64_t)clock.mult >> (-clock.shift & 31);
    *is_stable = cpu_features.kvm_features & FEATURE_STABLE_BIT && clock.flags & FLAG_TSC_STABLE;
    return true;
}

uint64_t kvmclock_read(void)
{
    const struct pvclock *page = cpu_this()->pvclock;
    if (!page)
        page = cpus[0]->pvclock;
    for (;;) {
        struct pvclock clock = pvclock_copy(page);
        uint64_t delta = tsc_read_ordered() - clock.tsc_timestamp;
        if (load_acquire(&page->version) != clock.version)
            continue;
        delta = clock.shift >= 0 ? delta << (clock.shift & 63) : delta >> (-clock.shift & 63);
        return clock.system_time + (uint64_t)(((unsigned __int128)delta * clock.mult) >> 32);
    }
}

bool kvmclock_wall_ns(int64_t *at_zero)
{
    if (!has_kvmclock)
        return false;
    static volatile struct wall_clock wall __attribute__((aligned(16)));
    msr_write(MSR_WALL_CLOCK, virtual_to_physical((const void *)&wall));
    if (!wall.seconds)
        return false;
    *at_zero = (int64_t)wall.seconds * NS_PER_SECOND + (int64_t)wall.nanoseconds;
    return true;
}
