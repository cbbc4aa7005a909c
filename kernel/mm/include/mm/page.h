/*
 * Physical pages. Each 4 KiB page has a struct page; metadata is made when a part of memory is first needed. Allocation
 * is by power-of-two blocks with per-CPU caches of single pages. All functions may be called from work and thread
 * context, not from hard interrupts.
 */
#pragma once
#include <base/atomic.h>
#include <common/list.h>

enum alloc_flags {
    ALLOC_WAIT = 0,        /* may reclaim, so may sleep: thread context without spinlocks */
    ALLOC_ATOMIC = 1 << 0, /* never sleeps; may use the emergency reserve */
    ALLOC_ZERO = 1 << 1,
};

struct vm_object;

struct page {
    struct refcount refs;
    uint32_t flags;        /* mm's own; PAGE_FLAG_ in mm/page_flags.h */
    int32_t map_count;     /* page-table entries that map it, atomic */
    uint32_t order;        /* of the block it heads */
    struct list link;      /* free list, LRU list or slab list, by state */
    struct vm_object *object; /* what caches it (page cache), NULL for anonymous and kernel pages */
    uint64_t index;        /* page number within object */
    uint64_t owner_data[2]; /* free for the owner (slab, page cache) */
};
static_assert(sizeof(struct page) == 64, "one cache line a page");

/* 2^order pages, aligned to their size, one reference on the first; NULL when there is no memory. */
struct page *page_alloc(unsigned order, unsigned flags);
void page_get(struct page *page);
/* Drops a reference; the last one frees the block. */
void page_put(struct page *page);
void *page_address(const struct page *page);
struct page *page_of_address(const void *direct_mapped);
uint64_t page_physical(const struct page *page);
struct page *page_of_physical(uint64_t physical);

struct memory_counters {
    uint64_t total_pages, free_pages, cached_pages, anonymous_pages, slab_pages, table_pages;
};
void memory_count(struct memory_counters *out);
/* What the owners of pages report, for memory_count only: pages that came (n > 0) or went. */
enum memory_kind { MEMORY_CACHED, MEMORY_ANONYMOUS, MEMORY_SLAB, MEMORY_TABLES, MEMORY_KINDS };
void memory_account(enum memory_kind kind, int64_t n);

/* Called under memory pressure, in thread context: frees what it can of `pages`, returns how many it freed. */
struct shrinker {
    size_t (*shrink)(struct shrinker *shrinker, size_t pages);
    struct list link;
};
void shrinker_register(struct shrinker *shrinker);

/* Boot: hands usable physical ranges over, lowest first; nothing in them is touched before it is needed. */
void memory_add_range(uint64_t start, uint64_t end);
void memory_init(void);
