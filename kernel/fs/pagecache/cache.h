/* Private to the page cache: the state of its pages, and the LRU list of those that can be given back. */
#pragma once
#include "tree.h"

/* In page->owner_data[0]; atomic. */
enum page_state {
    STATE_READY = 1,      /* up to date; set with release after the contents are there */
    STATE_FAILED = 2,     /* could not be read; no longer in the tree */
    STATE_REFERENCED = 4, /* used since the shrinker last looked */
};
static inline bool page_is_ready(const struct page *page)
{
    return load_acquire(&page->owner_data[0]) & STATE_READY;
}
static inline void page_set_state(struct page *page, uint64_t bits)
{
    atomic_fetch_or(&page->owner_data[0], bits);
}
static inline void page_mark_used(struct page *page)
{
    if (!(load_relaxed(&page->owner_data[0]) & STATE_REFERENCED))
        page_set_state(page, STATE_REFERENCED);
}

static inline uint64_t pages_of(uint64_t bytes)
{
    return (bytes >> PAGE_SHIFT) + !!(bytes & ~PAGE_MASK);
}
static inline uint64_t mapping_pages(const struct mapping *mapping)
{
    return pages_of(load_relaxed(&mapping->size));
}

/* What is there, referenced, whatever its state; NULL. */
struct page *cache_find(struct mapping *mapping, uint64_t index);
/* Puts a new page in (the cache takes its own reference). -EEXIST; -ENXIO beyond the end unless may_extend; -ENOMEM;
 * -ENOSPC. `state`: STATE_READY or 0. */
int cache_insert(struct mapping *mapping, uint64_t index, struct page *page, uint64_t state, bool may_extend);
/* Takes the page out if it is still there, and drops the cache's reference. */
void cache_remove(struct mapping *mapping, struct page *page);
/* Ends a read: the page is ready, or failed and out of the cache. Wakes who waits. */
void cache_finish(struct mapping *mapping, struct page *page, bool is_ready);
void cache_wait(struct page *page);
/* Reads the missing pages around `index`, at least that one, `want` and more when the accesses are sequential.
 * -EAGAIN: somebody else has put it in meanwhile. */
int cache_read(struct mapping *mapping, uint64_t index, uint64_t want, bool is_fault, struct page **out);
int cache_get(struct mapping *mapping, uint64_t index, uint64_t want, bool create, bool is_fault, struct page **out);
/* Takes [first, end) out of the tree, out of page tables, and frees it. */
void cache_drop(struct mapping *mapping, uint64_t first, uint64_t end, bool even_private);

void waiting_init(void);
void windows_init(uint64_t memory_pages);
/* mapping->lock is held. */
void lru_add(struct page *page);
void lru_remove(struct page *page);
/* Waits until no shrinker looks at the mapping, none of whose pages is on the list any more. */
void lru_wait_reclaimers(struct mapping *mapping);
