/* Machines of several sizes and shapes: what can be allocated, and how little the start touches. */
#include <base/string.h>
#include <fakes/log.h>
#include <fakes/mmu.h>
#include <mm/page.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <test/test.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
struct range {
    uint64_t start, end;
};

/* Runs `check` on such a machine, in a child process: the exit status is 0 when it returned true. */
static bool on_machine(const struct range *ranges, unsigned count, bool (*check)(void))
{
    pid_t child = fork();
    if (child == 0) {
        fake_mmu_arena(ranges[count - 1].end);
        for (unsigned i = 0; i < count; i++)
            memory_add_range(ranges[i].start, ranges[i].end);
        memory_init();
        _exit(check() ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    return status == 0;
}

/* Pages of the arena that something has touched. */
static size_t touched(uint64_t bytes)
{
    static unsigned char resident[1 << 22];
    size_t n = 0;
    mincore(physical_to_virtual(0), bytes, resident);
    for (uint64_t i = 0; i < bytes / PAGE_SIZE; i++)
        n += resident[i] & 1;
    return n;
}

/* Every page there is can be had once, and written without harm to the others. */
static bool can_use_all(void)
{
    struct memory_counters counters;
    struct list pages = LIST_INIT(pages);
    struct page *page;
    size_t n = 0;
    while ((page = page_alloc(0, ALLOC_ATOMIC))) {
        list_add_last(&pages, &page->link);
        memset(page_address(page), 0xff, PAGE_SIZE);
        n++;
    }
    memory_count(&counters);
    list_for_each(page, &pages, link) if (page->refs.count != 1) return false;
    return n == counters.total_pages && counters.free_pages == 0;
}

static bool has_most_of_8_mib(void)
{
    struct memory_counters counters;
    memory_count(&counters);
    return counters.total_pages > 1600 && can_use_all();
}

static bool starts_by_touching_little(void)
{
    if (touched(16 * GIB) != 0)
        return false;
    struct page *page = page_alloc(0, ALLOC_WAIT);
    return page && touched(16 * GIB) <= CPU_MAX;
}

static bool has_the_large_blocks(void)
{
    size_t n = 0;
    while (page_alloc(10, ALLOC_ATOMIC))
        n++;
    return n >= 16 * 1024 / 4 - 16 * 8 - 1; /* a section gives half a block to its struct pages; 1 MiB is missing */
}

TEST(a_machine_of_8_mib_works)
{
    static const struct range ranges[] = {{0, 640 << 10}, {MIB + 300 * 1024, 8 * MIB - 128 * 1024}};
    EXPECT(on_machine(ranges, 2, has_most_of_8_mib));
}

TEST(a_large_machine_starts_without_touching_its_memory)
{
    static const struct range ranges[] = {{MIB, 16 * GIB}};
    EXPECT(on_machine(ranges, 1, starts_by_touching_little));
    EXPECT(on_machine(ranges, 1, has_the_large_blocks));
}

TEST(holes_and_odd_ends_are_no_memory)
{
    static const struct range ranges[] = {
        {5, 3 * MIB + 77},
        {20 * MIB + PAGE_SIZE, 21 * MIB},
        {20 * MIB + 8 * PAGE_SIZE, 22 * MIB}, /* overlaps */
        {127 * MIB, 129 * MIB},               /* across sections */
        {250 * MIB, 250 * MIB + 4 * PAGE_SIZE},
        {300 * MIB, 320 * MIB},
        {511 * MIB + 1, 511 * MIB + 2},     /* no whole page */
        {600 * MIB, 600 * MIB + PAGE_SIZE}, /* too small for its own struct pages */
    };
    EXPECT(on_machine(ranges, sizeof ranges / sizeof *ranges, can_use_all));
}
