/*
 * Seeds: the CPU's generators where it has them, always mixed with the TSC's low bits around slow instructions. Weak
 * without RDRAND: the random generator gets better sources later (device/entropy.h).
 */
#include "cpu_local.h"
#include <base/string.h>

enum { RETRIES = 10, JITTER_ROUNDS = 16 };

static bool read_rdseed(uint64_t *value)
{
    bool is_good = false;
    for (unsigned i = 0; i < RETRIES && !is_good; i++)
        __asm__ volatile("rdseed %0; setc %1" : "=r"(*value), "=qm"(is_good) : : "cc");
    return is_good;
}

static bool read_rdrand(uint64_t *value)
{
    bool is_good = false;
    for (unsigned i = 0; i < RETRIES && !is_good; i++)
        __asm__ volatile("rdrand %0; setc %1" : "=r"(*value), "=qm"(is_good) : : "cc");
    return is_good;
}

/* The finaliser of MurmurHash3 (public domain constants): each bit of the input moves each of the output. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 33) * UINT64_C(0xff51afd7ed558ccd);
    x = (x ^ x >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

static uint64_t jitter(uint64_t state)
{
    for (unsigned i = 0; i < JITTER_ROUNDS; i++) {
        state = mix(state + tsc_read());
        io_read8(0x80); /* leaves the machine: its time varies */
    }
    return mix(state + tsc_read());
}

void arch_random_seed(void *to, size_t n)
{
    static uint64_t state; /* races only add to it */
    uint8_t *bytes = to;
    bool may_ask = !cpu_features.is_ring0_emulated;
    for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
        uint64_t value = 0, word = 0;
        if (!(i & 31))
            state = jitter(state);
        state = mix(state + UINT64_C(0x9e3779b97f4a7c15) + tsc_read());
        if (may_ask && cpu_features.has_rdseed && read_rdseed(&value))
            word = value;
        else if (may_ask && cpu_features.has_rdrand && read_rdrand(&value))
            word = value;
        word ^= state;
        memcpy(bytes + i, &word, n - i < sizeof word ? n - i : sizeof word);
    }
}
