/*
 * Several CPUs in one address space: each has pages of its own in common 2 MiB pieces and checks that what it wrote is
 * there, whatever the others map, unmap, protect, discard and fork next to it; and they allocate from the same caches.
 */
#include <arch/irq.h>
#include <base/string.h>
#include <fakes/mmu.h>
#include <mm/alloc.h>
#include <pthread.h>
#include <test/test.h>
#include "../../space.h"

#define BASE UINT64_C(0x40000000)
enum {
    CPUS = 4,
    PAGES = 2048,
    ROUNDS = 1000,
    RW = PROT_READ | PROT_WRITE,
    FIXED_PRIVATE_ANONYMOUS = 0x32,
    ADVICE_DISCARD = 4,
    ADVICE_HUGE = 14
};
static struct address_space *space;
static int failures;

static void machine_start(void)
{
    static bool is_started;
    if (is_started)
        return;
    is_started = true;
    fake_mmu_arena(256UL << 20);
    memory_add_range(0, 256UL << 20);
    memory_init();
}

struct cpu {
    unsigned index;
    uint64_t random;
    pthread_t thread;
};

static uint64_t next_random(struct cpu *cpu)
{
    cpu->random = cpu->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return cpu->random >> 33;
}

static void fail(void)
{
    atomic_fetch_add(&failures, 1);
}

static bool touch(struct address_space *in, uintptr_t address, bool is_write, uint8_t *byte)
{
    for (unsigned tries = 0; tries < 1000; tries++) {
        if (fake_mmu_access(&in->table, address, is_write, byte))
            return true;
        if (address_space_fault(in, address, is_write ? FAULT_WRITE : FAULT_READ) != FAULT_OK)
            return false;
    }
    return false;
}

/* Page n belongs to CPU n % CPUS. */
static uintptr_t page_of(struct cpu *cpu, uint64_t n)
{
    return BASE + (n % (PAGES / CPUS) * CPUS + cpu->index) * PAGE_SIZE;
}

static void write_and_read(struct cpu *cpu)
{
    uintptr_t at = page_of(cpu, next_random(cpu)) + 8;
    uint8_t wanted = (uint8_t)next_random(cpu), byte = wanted;
    if (!touch(space, at, true, &byte) || !touch(space, at, false, &byte) || byte != wanted)
        fail();
}

static void discard(struct cpu *cpu)
{
    uintptr_t at = page_of(cpu, next_random(cpu));
    uint8_t byte = 1;
    if (!touch(space, at, true, &byte) || address_space_advise(space, at, PAGE_SIZE, ADVICE_DISCARD) ||
        !touch(space, at, false, &byte) || byte != 0)
        fail();
}

static void unmap_and_map(struct cpu *cpu)
{
    uintptr_t at = page_of(cpu, next_random(cpu)), out;
    uint8_t byte = 1;
    struct map_request request = {.address = at, .len = PAGE_SIZE, .protection = RW, .flags = FIXED_PRIVATE_ANONYMOUS};
    if (!touch(space, at, true, &byte) || address_space_unmap(space, at, PAGE_SIZE) || touch(space, at, true, &byte) ||
        address_space_map(space, &request, &out) || !touch(space, at, false, &byte) || byte != 0)
        fail();
}

static void protect(struct cpu *cpu)
{
    uintptr_t at = page_of(cpu, next_random(cpu));
    uint8_t byte = 9;
    if (!touch(space, at, true, &byte) || address_space_protect(space, at, PAGE_SIZE, 1) ||
        touch(space, at, true, &byte) || address_space_protect(space, at, PAGE_SIZE, RW) ||
        !touch(space, at, false, &byte) || byte != 9)
        fail();
}

/* The child sees what this CPU wrote before, not what it writes after. */
static void fork_once(struct cpu *cpu)
{
    uintptr_t at = page_of(cpu, next_random(cpu));
    struct address_space *child;
    uint8_t byte = 5;
    if (!touch(space, at, true, &byte) || address_space_fork(space, &child)) {
        fail();
        return;
    }
    byte = 6;
    if (!touch(space, at, true, &byte) || !touch(child, at, false, &byte) || byte != 5)
        fail();
    address_space_put(child);
}

static void map_huge(struct cpu *cpu)
{
    struct map_request request = {.len = 4 << 20, .protection = RW, .flags = 0x22};
    uintptr_t at;
    uint8_t byte = 3;
    if (address_space_map(space, &request, &at) || address_space_advise(space, at, 4 << 20, ADVICE_HUGE) ||
        !touch(space, at + (3 << 20), true, &byte) ||
        address_space_unmap(space, at + (3 << 20) - PAGE_SIZE, PAGE_SIZE) ||
        !touch(space, at + (3 << 20), false, &byte) || byte != 3 || address_space_unmap(space, at, 4 << 20))
        fail();
}

static void allocate(struct cpu *cpu)
{
    void *objects[8];
    for (unsigned i = 0; i < 8; i++)
        objects[i] = kmalloc(next_random(cpu) % 3000, ALLOC_ATOMIC | ALLOC_ZERO);
    for (unsigned i = 0; i < 8; i++)
        kfree(objects[i]);
}

static void *run(void *argument)
{
    struct cpu *cpu = argument;
    host_cpu_index = cpu->index;
    address_space_activate(space);
    for (unsigned i = 0; i < ROUNDS; i++) {
        switch (next_random(cpu) % 64) {
        case 0:
            fork_once(cpu);
            break;
        case 1:
            map_huge(cpu);
            break;
        case 2:
        case 3:
            unmap_and_map(cpu);
            break;
        case 4:
        case 5:
            protect(cpu);
            break;
        case 6:
            address_space_activate(NULL);
            allocate(cpu);
            address_space_activate(space);
            break;
        case 7:
        case 8:
            discard(cpu);
            break;
        default:
            write_and_read(cpu);
        }
    }
    address_space_activate(NULL);
    return NULL;
}

TEST(cpus_in_one_space_see_their_own_memory)
{
    machine_start();
    struct cpu cpus[CPUS];
    space = address_space_create();
    struct map_request request = {
        .address = BASE, .len = PAGES * PAGE_SIZE, .protection = RW, .flags = FIXED_PRIVATE_ANONYMOUS};
    uintptr_t out;
    EXPECT_EQ(address_space_map(space, &request, &out), 0);
    for (unsigned i = 0; i < CPUS; i++) {
        cpus[i] = (struct cpu){.index = i, .random = test_random()};
        pthread_create(&cpus[i].thread, NULL, run, &cpus[i]);
    }
    for (unsigned i = 0; i < CPUS; i++)
        pthread_join(cpus[i].thread, NULL);
    EXPECT_EQ(failures, 0);
    address_space_put(space);
    struct memory_counters counters;
    memory_count(&counters);
    EXPECT_EQ(counters.anonymous_pages, 0);
}
