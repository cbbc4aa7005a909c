/* The settable clock; see fakes/clock.h. */
#include <arch/cpu.h>
#include <base/atomic.h>
#include <fakes/clock.h>

static uint64_t now = NS_PER_SECOND;
static int64_t realtime_offset = 1700000000 * NS_PER_SECOND;

uint64_t clock_monotonic_ns(void)
{
    return load_acquire(&now);
}

int64_t clock_realtime_offset_ns(void)
{
    return load_relaxed(&realtime_offset);
}

void clock_set_realtime_offset_ns(int64_t offset)
{
    store_relaxed(&realtime_offset, offset);
}

void fake_clock_set(uint64_t now_ns)
{
    store_release(&now, now_ns);
}

void fake_clock_advance(uint64_t by_ns)
{
    atomic_fetch_add(&now, by_ns);
}
