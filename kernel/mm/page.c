/*
 * Where struct pages are: ranges of usable memory as boot names them, the sections' arrays, and the lazy hand-over to
 * the buddy. A section's array is taken from the end of the section's own memory. See zone.h.
 */
#include <arch/mmu.h>
#include <base/log.h>
#include <base/string.h>
#include "mm.h"
#include "zone.h"

struct range {
    uint64_t start, end; /* page-aligned physical addresses */
};
static struct range ranges[RANGES_MAX]; /* sorted, disjoint; const after memory_init */
static unsigned range_count;
static uint64_t cursor; /* chunks below this have been handed over; zone_lock */
uintptr_t section_arrays[SECTIONS_MAX];
static uintptr_t direct_map; /* where physical address 0 is mapped; const after memory_init */

void memory_add_range(uint64_t start, uint64_t end)
{
    start = align_up(start, PAGE_SIZE);
    end = MIN(align_down(end, PAGE_SIZE), (uint64_t)SECTIONS_MAX << SECTION_SHIFT);
    if (start == 0)
        start = PAGE_SIZE; /* physical 0 stays unused: it is no page's address */
    if (start >= end)
        return;
    if (range_count == RANGES_MAX) {
        log_warning("mm: memory at %#llx is not used: too many ranges", (unsigned long long)start);
        return;
    }
    unsigned i = range_count++;
    for (; i > 0 && ranges[i - 1].start > start; i--)
        ranges[i] = ranges[i - 1];
    ranges[i] = (struct range){start, end};
}

/* Ranges must not overlap; what a firmware says twice counts once. */
static void drop_overlaps(void)
{
    uint64_t covered = 0;
    zone.total_pages = 0;
    for (unsigned i = 0; i < range_count; i++) {
        ranges[i].start = MAX(ranges[i].start, covered);
        ranges[i].end = MAX(ranges[i].end, ranges[i].start);
        covered = ranges[i].end;
        zone.total_pages += (ranges[i].end - ranges[i].start) >> PAGE_SHIFT;
    }
}

void memory_init(void)
{
    direct_map = (uintptr_t)physical_to_virtual(0);
    drop_overlaps();
    zone.free_pages = zone.total_pages;
    cursor = range_count ? align_down(ranges[0].start, CHUNK_SIZE) : 0;
    buddy_init();
    slab_init();
}

void *page_address(const struct page *page)
{
    return (void *)(direct_map + page_physical(page));
}

struct page *page_of_address(const void *address)
{
    return page_of_physical((uintptr_t)address - direct_map);
}

uint64_t page_physical(const struct page *page)
{
    uint64_t section = ((uintptr_t)page - direct_map) >> SECTION_SHIFT;
    uint64_t number = ((uintptr_t)page - section_arrays[section]) / sizeof *page;
    return (section << SECTION_SHIFT) + (number << PAGE_SHIFT);
}

struct page *page_of_physical(uint64_t physical)
{
    return zone_page_of(physical);
}

/* The part of the i-th range that lies in [start, end); empty when start >= end of it. */
static struct range clip(unsigned i, uint64_t start, uint64_t end)
{
    return (struct range){MAX(ranges[i].start, start), MIN(ranges[i].end, end)};
}

/* What of the section's array covers: from the first chunk with memory to the last. */
static bool section_span(uint64_t section, struct range *span)
{
    uint64_t base = section << SECTION_SHIFT;
    *span = (struct range){UINT64_MAX, 0};
    for (unsigned i = 0; i < range_count; i++) {
        struct range part = clip(i, base, base + SECTION_SIZE);
        if (part.start >= part.end)
            continue;
        span->start = MIN(span->start, align_down(part.start, CHUNK_SIZE));
        span->end = MAX(span->end, align_up(part.end, CHUNK_SIZE));
    }
    return span->start < span->end;
}

static uint64_t span_bytes(struct range span)
{
    return ((span.end - span.start) >> PAGE_SHIFT) * sizeof(struct page);
}

/* Physical place of the section's array: the end of its last part that is large enough. 0: none is. */
static uint64_t find_array_place(uint64_t section, uint64_t bytes)
{
    uint64_t base = section << SECTION_SHIFT;
    for (unsigned i = range_count; i-- > 0;) {
        struct range part = clip(i, base, base + SECTION_SIZE);
        if (part.start < part.end && part.end - part.start >= bytes)
            return part.end - bytes;
    }
    return 0;
}

static uint64_t section_memory(uint64_t section)
{
    uint64_t base = section << SECTION_SHIFT, pages = 0;
    for (unsigned i = 0; i < range_count; i++) {
        struct range part = clip(i, base, base + SECTION_SIZE);
        pages += part.start < part.end ? (part.end - part.start) >> PAGE_SHIFT : 0;
    }
    return pages;
}

/* Places the section's array; false when the section has no memory that can be used. */
static bool section_place_locked(uint64_t section)
{
    struct range span;
    if (!section_span(section, &span))
        return false;
    uint64_t bytes = span_bytes(span), place = find_array_place(section, bytes);
    if (!place) {
        uint64_t lost = section_memory(section);
        zone_count_free(-(int64_t)lost);
        store_relaxed(&zone.total_pages, zone.total_pages - lost);
        return false;
    }
    uint64_t skipped = ((span.start & (SECTION_SIZE - 1)) >> PAGE_SHIFT) * sizeof(struct page);
    section_arrays[section] = direct_map + place - skipped;
    zone_count_free(-(int64_t)(bytes >> PAGE_SHIFT));
    store_relaxed(&zone.total_pages, zone.total_pages - (bytes >> PAGE_SHIFT));
    return true;
}

static struct range array_range(uint64_t section)
{
    struct range span;
    section_span(section, &span);
    uint64_t skipped = ((span.start & (SECTION_SIZE - 1)) >> PAGE_SHIFT) * sizeof(struct page);
    uint64_t place = section_arrays[section] + skipped - direct_map;
    return (struct range){place, place + span_bytes(span)};
}

/* Frees [start, end) as the largest aligned blocks. */
static void free_range_locked(uint64_t start, uint64_t end)
{
    while (start < end) {
        unsigned order = ORDER_MAX;
        while (!is_aligned(start, PAGE_SIZE << order) || start + (PAGE_SIZE << order) > end)
            order--;
        buddy_free_locked(page_of_physical(start), order);
        start += PAGE_SIZE << order;
    }
}

/* Makes the chunk's struct pages and frees what of it is memory and not the section's own array. */
static void chunk_hand_over_locked(uint64_t start)
{
    uint64_t end = start + CHUNK_SIZE;
    struct range array = array_range(start >> SECTION_SHIFT);
    memset(page_of_physical(start), 0, CHUNK_PAGES * sizeof(struct page));
    for (unsigned i = 0; i < range_count; i++) {
        struct range part = clip(i, start, end);
        if (part.start >= part.end)
            continue;
        uint64_t free_before = zone.free_pages;
        free_range_locked(part.start, MIN(part.end, MAX(array.start, part.start)));
        free_range_locked(MAX(part.start, MIN(array.end, part.end)), part.end);
        store_relaxed(&zone.free_pages, free_before); /* counted when the range was named */
    }
}

/* The start of the first chunk at or after the cursor that holds memory; false: none. */
static bool next_chunk_locked(uint64_t *start)
{
    for (unsigned i = 0; i < range_count; i++) {
        if (ranges[i].start >= ranges[i].end || ranges[i].end <= cursor)
            continue;
        *start = MAX(cursor, align_down(ranges[i].start, CHUNK_SIZE));
        return true;
    }
    return false;
}

bool zone_grow_locked(void)
{
    uint64_t start;
    while (next_chunk_locked(&start)) {
        uint64_t section = start >> SECTION_SHIFT;
        if (!section_arrays[section] && !section_place_locked(section)) {
            cursor = (section + 1) << SECTION_SHIFT;
            continue;
        }
        cursor = start + CHUNK_SIZE;
        chunk_hand_over_locked(start);
        return true;
    }
    return false;
}
