/*
 * The buddy allocator, and in front of it each CPU's cache of single pages. A CPU's cache needs no lock: kernel code is
 * not preempted and hard interrupts do not allocate. The last `reserve_pages` are for ALLOC_ATOMIC only.
 */
#include <base/string.h>
#include "mm.h"
#include "refill.h"
#include "zone.h"

struct spinlock zone_lock = SPINLOCK_INIT;
struct zone zone;

enum { CACHE_MAX = 64 };
struct page_cache {
    unsigned count;
    struct page *pages[CACHE_MAX];
} __attribute__((aligned(64)));
static struct page_cache caches[CPU_MAX]; /* owner CPU only */
static unsigned cache_size;               /* const after boot */

void buddy_init(void)
{
    for (unsigned i = 0; i <= ORDER_MAX; i++)
        list_init(&zone.free[i]);
    cache_size = (unsigned)MAX(MIN(zone.total_pages / 512, (uint64_t)CACHE_MAX), 4u);
    zone.reserve_pages = MAX(MIN(zone.total_pages / 256, (uint64_t)1024), 16u);
}

static void free_list_add_locked(struct page *page, unsigned order)
{
    page_set_flags(page, PAGE_FLAG_FREE);
    store_relaxed(&page->order, order);
    list_add_first(&zone.free[order], &page->link);
    zone.non_empty |= 1u << order;
}

static void free_list_remove_locked(struct page *page)
{
    list_remove(&page->link);
    page_set_flags(page, 0);
    if (list_is_empty(&zone.free[page->order]))
        zone.non_empty &= ~(1u << page->order);
}

/* Struct pages of one chunk are an array, so buddies are found by index. */
void buddy_free_locked(struct page *page, unsigned order)
{
    uint64_t number = page_physical(page) >> PAGE_SHIFT;
    debug_assert(is_aligned(number, 1u << order) && !(page->flags & PAGE_FLAG_FREE));
    zone_count_free((int64_t)1 << order);
    while (order < ORDER_MAX) {
        struct page *buddy = number & (1u << order) ? page - (1u << order) : page + (1u << order);
        if (!(load_relaxed(&buddy->flags) & PAGE_FLAG_FREE) || load_relaxed(&buddy->order) != order)
            break;
        free_list_remove_locked(buddy);
        page = number & (1u << order) ? buddy : page;
        number &= ~((uint64_t)1 << order);
        order++;
    }
    free_list_add_locked(page, order);
}

/* Takes a block, splitting a larger one; NULL when nothing is large enough. The counters are the caller's. */
static struct page *buddy_take_locked(unsigned order)
{
    uint32_t usable = zone.non_empty >> order << order;
    while (!usable) {
        if (!zone_grow_locked())
            return NULL;
        usable = zone.non_empty >> order << order;
    }
    unsigned from = (unsigned)__builtin_ctz(usable);
    struct page *page = list_first(&zone.free[from], struct page, link);
    free_list_remove_locked(page);
    while (from > order) {
        from--;
        free_list_add_locked(page + (1u << from), from);
    }
    return page;
}

/* How many free pages an allocation with these flags must leave. */
static uint64_t pages_to_leave(unsigned flags)
{
    if (flags & ALLOC_ATOMIC)
        return 0;
    return flags & ALLOC_SPARE ? zone.reserve_pages * 4 : zone.reserve_pages;
}

/* After an allocation for which the zone's lock was taken. */
static void watch_reserve(unsigned flags)
{
    if (flags & ALLOC_ATOMIC && load_relaxed(&zone.free_pages) < zone.reserve_pages)
        refill_request();
}

static struct page *block_alloc(unsigned order, unsigned flags)
{
    struct page *page = NULL;
    uint64_t n = (uint64_t)1 << order;
    spin_lock(&zone_lock);
    if (zone.free_pages >= n + pages_to_leave(flags))
        page = buddy_take_locked(order);
    if (page)
        zone_count_free(-(int64_t)n);
    spin_unlock(&zone_lock);
    watch_reserve(flags);
    return page;
}

static void cache_fill(struct page_cache *cache, unsigned flags)
{
    spin_lock(&zone_lock);
    while (cache->count < (cache_size + 1) / 2 && zone.free_pages > pages_to_leave(flags)) {
        struct page *page = buddy_take_locked(0);
        if (!page)
            break;
        zone_count_free(-1);
        page_set_flags(page, PAGE_FLAG_CACHED);
        cache->pages[cache->count++] = page;
    }
    spin_unlock(&zone_lock);
    watch_reserve(flags);
}

static void cache_drain(struct page_cache *cache, unsigned to)
{
    spin_lock(&zone_lock);
    while (cache->count > to) {
        struct page *page = cache->pages[--cache->count];
        page_set_flags(page, 0);
        buddy_free_locked(page, 0);
    }
    spin_unlock(&zone_lock);
}

static struct page *single_alloc(unsigned flags)
{
    struct page_cache *cache = &caches[cpu_index()];
    if (!cache->count)
        cache_fill(cache, flags);
    if (!cache->count)
        return NULL;
    struct page *page = cache->pages[--cache->count];
    debug_assert(page->flags == PAGE_FLAG_CACHED);
    return page;
}

static struct page *take(unsigned order, unsigned flags)
{
    return order ? block_alloc(order, flags) : single_alloc(flags);
}

struct page *page_alloc(unsigned order, unsigned flags)
{
    if (order > ORDER_MAX)
        return NULL;
    struct page *page = take(order, flags);
    /* Each round of reclaim may free pages that do not make up a block of this order: a few tries, then no memory. */
    for (unsigned tries = 0; !page && tries < 3 && !(flags & (ALLOC_ATOMIC | ALLOC_SPARE)); tries++) {
        if (order)
            cache_drain(&caches[cpu_index()], 0);
        if (!memory_reclaim(((size_t)1 << order) + zone.reserve_pages))
            break;
        page = take(order, flags);
    }
    if (!page)
        return NULL;
    refcount_init(&page->refs, 1);
    page_set_flags(page, 0);
    page->map_count = 0;
    store_relaxed(&page->order, order);
    page->object = NULL;
    list_init(&page->link);
    if (flags & ALLOC_ZERO)
        memset(page_address(page), 0, PAGE_SIZE << order);
    return page;
}

/* The page whose reference count stands for this one. */
static struct page *page_head(struct page *page)
{
    if (!(page->flags & PAGE_FLAG_TAIL))
        return page;
    return page_of_physical(align_down(page_physical(page), PAGE_SIZE << page->order));
}

void page_get(struct page *page)
{
    refcount_get(&page_head(page)->refs);
}

static void tails_clear(struct page *page)
{
    for (unsigned i = 1; i < 1u << page->order; i++)
        page_set_flags(&page[i], 0);
}

static void page_free(struct page *page)
{
    unsigned order = page->order;
    debug_assert(!(page->flags & (PAGE_FLAG_FREE | PAGE_FLAG_CACHED)));
    if (order == ORDER_HUGE && page->flags & PAGE_FLAG_ANON)
        tails_clear(page);
    if (order) {
        page_set_flags(page, 0);
        spin_lock(&zone_lock);
        buddy_free_locked(page, order);
        spin_unlock(&zone_lock);
        return;
    }
    struct page_cache *cache = &caches[cpu_index()];
    if (cache->count >= cache_size)
        cache_drain(cache, cache_size / 2);
    page_set_flags(page, PAGE_FLAG_CACHED);
    cache->pages[cache->count++] = page;
}

void page_put(struct page *page)
{
    page = page_head(page);
    if (refcount_put(&page->refs))
        page_free(page);
}

void page_make_huge(struct page *page)
{
    page_set_flags(page, page->flags | PAGE_FLAG_ANON);
    for (unsigned i = 1; i < 1u << page->order; i++) {
        page_set_flags(&page[i], PAGE_FLAG_TAIL | PAGE_FLAG_ANON);
        store_relaxed(&page[i].order, page->order);
        page[i].object = NULL;
        store_relaxed(&page[i].map_count, 0);
    }
}

void page_split_huge(struct page *page)
{
    unsigned n = 1u << page->order;
    debug_assert(load_relaxed(&page->refs.count) == 1);
    for (unsigned i = 0; i < n; i++) {
        refcount_init(&page[i].refs, 1);
        page_set_flags(&page[i], PAGE_FLAG_ANON);
        store_relaxed(&page[i].order, 0);
        list_init(&page[i].link);
    }
}
