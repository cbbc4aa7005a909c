/* Changing which pages a mapping has: truncation, holes, copying whole files, and finding data and holes. */
#include "cache.h"
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>

/* Zeroes bytes [start, end) of one page if it is there. */
static void zero_part(struct mapping *mapping, uint64_t start, uint64_t end)
{
    if (start >= end)
        return;
    struct page *page = cache_find(mapping, start / PAGE_SIZE);
    if (!page)
        return;
    memset((char *)page_address(page) + start % PAGE_SIZE, 0, end - start);
    page_put(page);
}

void mapping_resize(struct mapping *mapping, uint64_t size)
{
    uint64_t old = load_relaxed(&mapping->size), edge = MIN(old, size);
    store_relaxed(&mapping->size, size);
    if (size < old)
        cache_drop(mapping, pages_of(size), UINT64_MAX, true);
    /* What a program wrote behind the end through a mapping must not show when the file grows. */
    if (mapping->is_memory && edge % PAGE_SIZE)
        zero_part(mapping, edge, align_up(edge, PAGE_SIZE));
}

void mapping_punch(struct mapping *mapping, uint64_t start, uint64_t end)
{
    uint64_t first = pages_of(start), last = end / PAGE_SIZE; /* whole pages [first, last) */
    if (start >= end)
        return;
    if (first > last) {
        zero_part(mapping, start, end);
        return;
    }
    zero_part(mapping, start, first * PAGE_SIZE);
    zero_part(mapping, last * PAGE_SIZE, end);
    if (first < last)
        cache_drop(mapping, first, last, false);
}

static int copy_one(struct mapping *to, struct mapping *from, uint64_t index, size_t len)
{
    struct page *source, *page;
    int err = mapping_get_page(from, index, false, &source);
    if (err || !source)
        return err;
    err = -ENOMEM;
    page = page_alloc(0, ALLOC_WAIT);
    if (!page)
        goto put_source;
    memcpy(page_address(page), page_address(source), len);
    memset((char *)page_address(page) + len, 0, PAGE_SIZE - len);
    err = cache_insert(to, index, page, STATE_READY, true);
    page_put(page);
put_source:
    page_put(source);
    return err;
}

int mapping_copy(struct mapping *to, struct mapping *from, uint64_t size)
{
    for (uint64_t index = 0; index < pages_of(size); index++) {
        int err = copy_one(to, from, index, MIN(PAGE_SIZE, size - index * PAGE_SIZE));
        if (err) {
            cache_drop(to, 0, UINT64_MAX, false);
            return err;
        }
        if (index % MAPPING_READ_MAX == 0)
            mapping_read_ahead(from, index + 1, MAPPING_READ_MAX);
    }
    store_relaxed(&to->size, size);
    return 0;
}

uint64_t mapping_seek(struct mapping *mapping, uint64_t index, uint64_t end, bool want_hole)
{
    while (index < end) {
        spin_lock(&mapping->lock);
        uint64_t next = index;
        unsigned steps = 0;
        if (want_hole)
            while (next < end && steps++ < 256 && page_tree_find(&mapping->pages, next))
                next++;
        else if (!page_tree_next(&mapping->pages, &next))
            next = end;
        spin_unlock(&mapping->lock);
        index = next;
        if (!want_hole || steps <= 256)
            break;
    }
    return MIN(index, end);
}
