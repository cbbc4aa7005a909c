/*
 * Filling the cache: single pages, and runs of missing pages with one read_pages. The window of a run starts small and
 * doubles as long as each run begins where the last one ended. Page faults read what lies around them, because programs
 * jump within a library but stay near.
 */
#include "cache.h"
#include <common/checked.h>
#include <mm/alloc.h>

#define WINDOW_FIRST 4u /* 16 KiB */

/* Small machines must not lose their memory to guesses. Pages, powers of two; set at boot. */
static unsigned window_fault = 16, window_max = MAPPING_READ_MAX;

void windows_init(uint64_t memory_pages)
{
    window_fault = memory_pages < 16384 ? 8 : 32;             /* 32 KiB below 64 MiB, else 128 KiB */
    window_max = memory_pages < 8192 ? 16 : MAPPING_READ_MAX; /* 64 KiB below 32 MiB, else 256 KiB */
}

struct run { /* consecutive pages in pages[low..high), inserted and referenced by us */
    struct page *pages[2 * MAPPING_READ_MAX];
    unsigned low, high;
};

/* Allocates and inserts one page; false when the run must end here. */
static int add_page(struct mapping *mapping, uint64_t index, struct page **out)
{
    struct page *page = page_alloc(0, ALLOC_WAIT);
    if (!page)
        return -ENOMEM;
    int err = cache_insert(mapping, index, page, 0, false);
    if (err) {
        page_put(page);
        return err == -EEXIST ? -EAGAIN : err;
    }
    *out = page;
    return 0;
}

/* How many pages to read from `index` on, and how many before it. */
static unsigned choose_window(struct mapping *mapping, uint64_t index, uint64_t want, bool is_fault, unsigned *before)
{
    uint64_t window = is_fault ? window_fault : WINDOW_FIRST;
    *before = 0;
    if (index == load_relaxed(&mapping->ahead_next)) {
        window = MAX(window, 2 * (uint64_t)load_relaxed(&mapping->ahead_pages));
    } else if (is_fault) {
        *before = (unsigned)(index % window_fault);
        window -= *before;
    }
    window = MIN(MAX(window, want), window_max - *before);
    uint64_t size = mapping_pages(mapping);
    return (unsigned)MIN(window, size > index ? size - index : 1);
}

static void finish_run(struct mapping *mapping, struct run *run, int err, struct page *keep)
{
    for (unsigned i = run->low; i < run->high; i++) {
        if (run->pages[i] == keep)
            continue;
        cache_finish(mapping, run->pages[i], !err);
        page_put(run->pages[i]);
    }
}

/* Pages before index too while they are missing, then those after it. The run has the page of `index` at the middle. */
static int build_run(struct mapping *mapping, uint64_t index, unsigned before, unsigned window, struct run *run)
{
    const unsigned middle = MAPPING_READ_MAX;
    int err = add_page(mapping, index, &run->pages[middle]);
    if (err)
        return err;
    run->low = middle;
    run->high = middle + 1;
    while (run->high - middle < window && !add_page(mapping, index + (run->high - middle), &run->pages[run->high]))
        run->high++;
    while (middle - run->low < before && !add_page(mapping, index - (middle - run->low) - 1, &run->pages[run->low - 1]))
        run->low--;
    return 0;
}

int cache_read(struct mapping *mapping, uint64_t index, uint64_t want, bool is_fault, struct page **out)
{
    const unsigned middle = MAPPING_READ_MAX;
    struct run run;
    unsigned before, window = choose_window(mapping, index, want, is_fault, &before);
    int err = build_run(mapping, index, before, window, &run);
    if (err)
        return err;
    unsigned count = run.high - run.low;
    err = mapping->ops->read_pages(mapping, index - (middle - run.low), run.pages + run.low, count);
    struct page *page = run.pages[middle];
    finish_run(mapping, &run, err, page);
    if (err && count > 1) /* the damage may be beside the page that is wanted */
        err = mapping->ops->read_pages(mapping, index, &page, 1);
    cache_finish(mapping, page, !err);
    if (err) {
        page_put(page);
        return err;
    }
    store_relaxed(&mapping->ahead_next, index + (run.high - middle));
    store_relaxed(&mapping->ahead_pages, count);
    *out = page;
    return 0;
}

static int fill_hole(struct mapping *mapping, uint64_t index, struct page **out)
{
    struct page *page = page_alloc(0, ALLOC_WAIT | ALLOC_ZERO);
    if (!page)
        return -ENOMEM;
    int err = cache_insert(mapping, index, page, STATE_READY, false);
    if (err) {
        page_put(page);
        return err == -EEXIST ? -EAGAIN : err;
    }
    *out = page;
    return 0;
}

/* One look: 0, an error, or -EAGAIN when it changed under our feet. */
static int try_get(struct mapping *mapping, uint64_t index, uint64_t want, bool create, bool is_fault,
                   struct page **out)
{
    struct page *page = cache_find(mapping, index);
    if (page) {
        cache_wait(page);
        if (!page_is_ready(page)) { /* its reader failed: try for ourselves */
            page_put(page);
            return -EAGAIN;
        }
        page_mark_used(page);
        *out = page;
        return 0;
    }
    if (index >= mapping_pages(mapping))
        return -ENXIO;
    if (mapping->ops->read_pages)
        return cache_read(mapping, index, want, is_fault, out);
    if (create)
        return fill_hole(mapping, index, out);
    *out = NULL;
    return 0;
}

int cache_get(struct mapping *mapping, uint64_t index, uint64_t want, bool create, bool is_fault, struct page **out)
{
    int err;
    do
        err = try_get(mapping, index, want, create, is_fault, out);
    while (err == -EAGAIN);
    return err;
}

int mapping_get_page(struct mapping *mapping, uint64_t index, bool create, struct page **out)
{
    return cache_get(mapping, index, 1, create, false, out);
}

void mapping_read_ahead(struct mapping *mapping, uint64_t index, unsigned count)
{
    if (!mapping->ops->read_pages)
        return;
    uint64_t size = mapping_pages(mapping), end = index >= size ? index : index + MIN(count, size - index);
    while (index < end) {
        struct page *page = cache_find(mapping, index);
        if (!page && cache_read(mapping, index, end - index, false, &page))
            return;
        page_put(page);
        index++;
    }
}
