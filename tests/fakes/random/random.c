/* splitmix64 (Steele, Lea, Flood 2014) behind random_bytes; see fakes/random.h. */
#include <arch/cpu.h>
#include <base/atomic.h>
#include <fakes/random.h>

static uint64_t state = 1;

void fake_random_seed(uint64_t seed)
{
    state = seed;
}

uint64_t random_u64(void)
{
    uint64_t z = atomic_fetch_add(&state, UINT64_C(0x9e3779b97f4a7c15)) + UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

void random_bytes(void *to, size_t n)
{
    uint8_t *bytes = to;
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)random_u64();
}

void entropy_add(const void *bytes, size_t n)
{
}

void entropy_set_source(void (*request)(void))
{
}

/* Weak: kernel/arch/host has its own. */
__attribute__((weak)) void arch_random_seed(void *to, size_t n)
{
    random_bytes(to, n);
}
