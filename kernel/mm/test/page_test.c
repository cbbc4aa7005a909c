#include "refill.h"
#include "support.h"

enum { LIVE_MAX = 512 };
struct live {
    struct page *page;
    unsigned order;
    uint8_t mark;
};
static struct live live[LIVE_MAX];
static unsigned live_count;

static void mark_block(struct live *block)
{
    memset(page_address(block->page), block->mark, PAGE_SIZE << block->order);
}

/* Overlapping blocks would have overwritten each other's marks. */
static bool is_marked(const struct live *block)
{
    const uint8_t *bytes = page_address(block->page);
    for (size_t i = 0; i < PAGE_SIZE << block->order; i += 509)
        if (bytes[i] != block->mark)
            return false;
    return true;
}

static void alloc_one(void)
{
    struct live *block = &live[live_count];
    block->order = (unsigned)(test_random() % 8 == 0 ? test_random() % 11 : test_random() % 3);
    block->mark = (uint8_t)test_random();
    block->page = page_alloc(block->order, test_random() % 2 ? ALLOC_ZERO : ALLOC_WAIT);
    REQUIRE(block->page);
    EXPECT(is_aligned(page_physical(block->page), PAGE_SIZE << block->order));
    EXPECT(page_of_address(page_address(block->page)) == block->page);
    EXPECT(page_of_physical(page_physical(block->page)) == block->page);
    mark_block(block);
    live_count++;
}

static void free_one(void)
{
    unsigned i = (unsigned)(test_random() % live_count);
    EXPECT(is_marked(&live[i]));
    page_put(live[i].page);
    live[i] = live[--live_count];
}

TEST(blocks_are_aligned_and_do_not_overlap)
{
    machine_start();
    for (unsigned i = 0; i < 20000; i++)
        if (live_count < LIVE_MAX && (!live_count || test_random() % 2))
            alloc_one();
        else
            free_one();
    while (live_count)
        free_one();
}

TEST(freed_memory_joins_into_the_largest_blocks_again)
{
    machine_start();
    unsigned before = 0, after = 0;
    struct list blocks = LIST_INIT(blocks);
    struct page *page;
    for (unsigned round = 0; round < 2; round++) {
        while ((page = page_alloc(ORDER_MAX, ALLOC_ATOMIC))) {
            list_add_last(&blocks, &page->link);
            *(round ? &after : &before) += 1;
        }
        while (!list_is_empty(&blocks)) {
            page = list_first(&blocks, struct page, link);
            list_remove(&page->link);
            page_put(page);
        }
        if (!round) {
            hold_all_but(0);
            hold_release();
        }
    }
    EXPECT(before > 90);
    EXPECT(after >= before - 2); /* a CPU's cache of single pages may hold back a block or two */
}

TEST(memory_is_zeroed_on_request)
{
    machine_start();
    for (unsigned i = 0; i < 200; i++) {
        struct page *page = page_alloc(1, ALLOC_ZERO);
        uint8_t *bytes = page_address(page);
        for (unsigned j = 0; j < 2 * PAGE_SIZE; j++)
            if (bytes[j]) {
                EXPECT_EQ(bytes[j], 0);
                break;
            }
        memset(bytes, 0xff, 2 * PAGE_SIZE);
        page_put(page);
    }
}

TEST(the_reserve_is_left_to_atomic_allocations)
{
    machine_start();
    struct list blocks = LIST_INIT(blocks);
    struct page *page;
    while ((page = page_alloc(0, ALLOC_WAIT)))
        list_add_last(&blocks, &page->link);
    unsigned more = 0;
    while ((page = page_alloc(0, ALLOC_ATOMIC))) {
        list_add_last(&blocks, &page->link);
        more++;
    }
    EXPECT(more >= zone.reserve_pages - 64 && more <= zone.reserve_pages);
    while (!list_is_empty(&blocks)) {
        page = list_first(&blocks, struct page, link);
        list_remove(&page->link);
        page_put(page);
    }
}

static unsigned shrink_calls;
static size_t shrink_all(struct shrinker *shrinker, size_t pages)
{
    shrink_calls++;
    hold_release();
    return pages;
}

TEST(waiting_allocations_ask_the_shrinkers)
{
    static struct shrinker shrinker = {.shrink = shrink_all};
    machine_start();
    shrinker_register(&shrinker);
    hold_all_but(0);
    shrink_calls = 0;
    EXPECT(!page_alloc(0, ALLOC_ATOMIC));
    EXPECT_EQ(shrink_calls, 0);
    struct page *page = page_alloc(4, ALLOC_WAIT);
    EXPECT(page);
    EXPECT_EQ(shrink_calls, 1);
    page_put(page);
    hold_release();
    list_remove(&shrinker.link);
}

TEST(the_reserve_is_filled_up_again)
{
    static struct shrinker shrinker = {.shrink = shrink_all};
    machine_start();
    hold_all_but(0);
    EXPECT(!refill_round());
    shrinker_register(&shrinker);
    EXPECT(refill_round());
    EXPECT(zone.free_pages >= 2 * zone.reserve_pages);
    list_remove(&shrinker.link);
}

TEST(counters_add_up)
{
    machine_start();
    struct memory_counters before, after;
    memory_count(&before);
    EXPECT(before.total_pages > 100000 && before.free_pages <= before.total_pages);
    struct page *page = page_alloc(10, ALLOC_WAIT);
    memory_count(&after);
    EXPECT_EQ(before.free_pages - after.free_pages, 1024);
    page_put(page);
    memory_count(&after);
    EXPECT_EQ(before.free_pages, after.free_pages);
}
