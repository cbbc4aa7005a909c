/* Readers, faults, the shrinker and truncation at once, on four host CPUs, under ThreadSanitizer. */
#include <fakes/memory.h>
#include <host/host.h>
#include <mm/address_space.h>
#include <pagecache/mapping.h>
#include <sched/mutex.h>
#include <test/test.h>

/* No thread of these tests has an address space. */
void address_space_activate(struct address_space *space)
{
}

enum { FILE_PAGES = 300, ROUNDS = 800 };
static struct mapping file, memory;
static struct mutex memory_lock;
static int64_t charged;
static uint32_t references, running, is_ending;
static struct wait_queue finished;

/* xorshift: the framework's source is not for several threads. */
static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

static uint8_t pattern(uint64_t page)
{
    return (uint8_t)(page * 37 + 5);
}

static int read_pages(struct mapping *mapping, uint64_t index, struct page **pages, unsigned count)
{
    sched_yield_cpu();
    for (unsigned i = 0; i < count; i++) {
        uint8_t *bytes = page_address(pages[i]);
        for (unsigned at = 0; at < PAGE_SIZE; at++)
            bytes[at] = pattern(index + i);
    }
    return index % 97 == 13 ? -EIO : 0;
}

static int charge(struct mapping *mapping, int64_t n)
{
    atomic_fetch_add(&charged, n);
    return 0;
}

static void get(struct mapping *mapping)
{
    atomic_fetch_add(&references, 1u);
}

static void put(struct mapping *mapping)
{
    atomic_fetch_sub(&references, 1u);
}

static const struct mapping_ops file_ops = {.read_pages = read_pages, .get = get, .put = put};
static const struct mapping_ops memory_ops = {.charge = charge, .get = get, .put = put};

static void end_thread(void)
{
    if (atomic_fetch_sub(&running, 1u) == 1)
        wake_up_all(&finished, 0);
}

static void read_randomly(void *seed)
{
    uint32_t state = 1 + (uint32_t)(uintptr_t)seed;
    static __thread uint8_t bytes[20000];
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct io_segment segment;
        struct io_vector io;
        uint64_t offset = next_random(&state) % (FILE_PAGES * PAGE_SIZE);
        io_vector_kernel(&io, &segment, bytes, 1 + next_random(&state) % sizeof bytes);
        ssize_t n = mapping_read(&file, &io, offset);
        EXPECT(n > 0 || n == -EIO);
        for (ssize_t at = 0; at < n; at += 500)
            if (bytes[at] != pattern((offset + (uint64_t)at) / PAGE_SIZE))
                EXPECT_EQ(bytes[at], pattern((offset + (uint64_t)at) / PAGE_SIZE));
    }
    end_thread();
}

static void fault_randomly(void *seed)
{
    uint32_t state = 77 + (uint32_t)(uintptr_t)seed;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t index = next_random(&state) % FILE_PAGES;
        struct vm_object *object = &file.object;
        struct page *page = object->ops->find_page(object, index);
        int err = page ? 0 : object->ops->get_page(object, index, false, &page);
        EXPECT(!err || err == -EIO);
        if (err)
            continue;
        EXPECT_EQ(*(uint8_t *)page_address(page), pattern(index));
        page_put(page);
    }
    end_thread();
}

static void shrink(void *unused)
{
    while (!load_acquire(&is_ending)) {
        fake_memory_shrink(40);
        sched_yield_cpu();
    }
    end_thread();
}

/* Contents are left alone: bytes that are read while they are written are the program's race, not ours. */
static void change_memory(void *seed)
{
    uint32_t state = 99 + (uint32_t)(uintptr_t)seed;
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t at = (uint64_t)(next_random(&state) % 200) * PAGE_SIZE;
        struct page *page;
        mutex_lock(&memory_lock);
        if (i % 3 == 0)
            mapping_resize(&memory, at);
        else
            mapping_punch(&memory, at, at + 20 * PAGE_SIZE);
        if (i % 3 == 0)
            mapping_resize(&memory, 200 * PAGE_SIZE);
        mutex_unlock(&memory_lock);
        int err = memory.object.ops->get_page(&memory.object, at / PAGE_SIZE, true, &page);
        EXPECT(!err || err == -ENXIO);
        if (!err)
            page_put(page);
        mapping_seek(&memory, 0, 200, i % 2);
    }
    end_thread();
}

static void start(void (*entry)(void *), uintptr_t argument)
{
    struct thread *thread = thread_create("storm", entry, (void *)argument);
    atomic_fetch_add(&running, 1u);
    thread_start(thread);
    thread_put(thread);
}

static void storm(void *unused)
{
    wait_queue_init(&finished);
    mutex_init(&memory_lock);
    pagecache_init();
    mapping_init(&file, &file_ops, NULL, FILE_PAGES * PAGE_SIZE, false);
    mapping_init(&memory, &memory_ops, NULL, 200 * PAGE_SIZE, true);
    size_t pages = fake_memory_live_pages();
    for (uintptr_t i = 0; i < 3; i++) {
        start(read_randomly, i);
        start(fault_randomly, i);
        start(change_memory, i);
    }
    atomic_fetch_add(&running, 1u);
    struct thread *shrinker = thread_create("shrink", shrink, NULL);
    thread_start(shrinker);
    while (load_acquire(&running) > 1)
        sleep_until(clock_monotonic_ns() + NS_PER_MS, WAIT_UNINTERRUPTIBLE);
    store_release(&is_ending, 1u);
    wait_event(&finished, load_acquire(&running) == 0, WAIT_UNINTERRUPTIBLE, UINT64_MAX);
    thread_put(shrinker);
    EXPECT_EQ(charged, mapping_page_count(&memory));
    mapping_destroy(&file);
    mapping_destroy(&memory);
    /* A thread's stack goes a moment after its end, when its CPU has left it. */
    for (unsigned i = 0; i < 2000 && fake_memory_live_pages() != pages; i++)
        sleep_until(clock_monotonic_ns() + NS_PER_MS, WAIT_UNINTERRUPTIBLE);
    EXPECT_EQ(fake_memory_live_pages(), pages);
    EXPECT_EQ(charged, 0);
    EXPECT_EQ(pagecache_clean_pages(), 0);
}

TEST(nothing_is_lost_or_torn_in_a_storm)
{
    host_run(storm, NULL);
}
