/*
 * The machine's random numbers: ChaCha20 with fast key erasure. Each request takes, under the lock, one block of the
 * generator: half of it becomes the generator's next key, the other half the request's own key, from which its bytes
 * come without the lock. So bytes already given cannot be computed from a later state, and long reads do not block
 * others. Single numbers come four to a block. New entropy is XORed into the key, which then goes through the block
 * function.
 */
#include <arch/cpu.h>
#include <base/spinlock.h>
#include <base/string.h>
#include <device/entropy.h>
#include <chacha20/chacha20.h>

static struct spinlock lock = SPINLOCK_INIT;
static uint32_t key[8];      /* GUARDED_BY(&lock) */
static bool is_seeded;       /* GUARDED_BY(&lock) */
static uint64_t block_count; /* GUARDED_BY(&lock) */
static uint64_t spare[4];    /* GUARDED_BY(&lock); numbers for random_u64, each erased when it is given */
static unsigned spare_count; /* GUARDED_BY(&lock) */
static void (*source)(void); /* taken (exchanged for NULL) by the first user */

/* Never for another purpose than the key step; requests use nonce {0, 0, 0} with their own key. */
static const uint32_t key_nonce[3] = {0x66696b73, 0x6579, 1};

/* One block of the generator: the first half becomes its key. */
static void step_locked(uint8_t block[64])
{
    chacha20_block(key, (uint32_t)block_count++, key_nonce, block);
    memcpy(key, block, 32);
}

static void mix_locked(const uint8_t *bytes, size_t n)
{
    uint8_t block[64];
    while (n) {
        uint8_t chunk[32] = {0};
        size_t part = n < sizeof chunk ? n : sizeof chunk;
        memcpy(chunk, bytes, part);
        for (unsigned i = 0; i < 8; i++) {
            uint32_t word;
            memcpy(&word, chunk + 4 * i, 4);
            key[i] ^= word;
        }
        step_locked(block);
        bytes += part;
        n -= part;
    }
}

/* Lazily, as RDRAND and timing cost more than a machine without random numbers should pay. */
static void seed_locked(void)
{
    uint8_t seed[48];
    arch_random_seed(seed, sizeof seed);
    mix_locked(seed, sizeof seed);
    uint64_t moment[2] = {clock_monotonic_ns(), (uint64_t)clock_realtime_offset_ns()};
    mix_locked((const uint8_t *)moment, sizeof moment);
    is_seeded = true;
}

void entropy_set_source(void (*request)(void))
{
    store_release(&source, request);
}

void entropy_add(const void *bytes, size_t n)
{
    uint64_t moment = clock_monotonic_ns();
    spin_lock(&lock);
    if (!is_seeded)
        seed_locked();
    mix_locked(bytes, n);
    mix_locked((const uint8_t *)&moment, sizeof moment);
    spare_count = 0; /* the next numbers have the new entropy in them */
    spin_unlock(&lock);
}

/* At the first use, without locks. */
static void ask_source(void)
{
    if (!load_relaxed(&source))
        return;
    void (*request)(void) = atomic_exchange(&source, NULL);
    if (request)
        request();
}

void random_bytes(void *to, size_t n)
{
    uint8_t block[64];
    uint32_t own_key[8];
    spin_lock(&lock);
    if (!is_seeded)
        seed_locked();
    step_locked(block);
    spin_unlock(&lock);
    ask_source();
    if (n <= 32) {
        memcpy(to, block + 32, n);
        return;
    }
    memcpy(own_key, block + 32, 32);
    static const uint32_t nonce[3];
    uint8_t *at = to;
    for (uint32_t counter = 0; n; counter++) {
        chacha20_block(own_key, counter, nonce, block);
        size_t part = n < sizeof block ? n : sizeof block;
        memcpy(at, block, part);
        at += part;
        n -= part;
    }
}

uint64_t random_u64(void)
{
    spin_lock(&lock);
    if (!is_seeded)
        seed_locked();
    if (!spare_count) {
        uint8_t block[64];
        step_locked(block);
        memcpy(spare, block + 32, sizeof spare);
        spare_count = sizeof spare / sizeof *spare;
    }
    uint64_t value = spare[--spare_count];
    spare[spare_count] = 0;
    spin_unlock(&lock);
    ask_source();
    return value;
}
