/*
 * Private to the page allocator (page.c, buddy.c, reclaim.c).
 *
 * Memory is divided into sections of 128 MiB, whose struct pages stand in an array inside the section itself, so that a
 * struct page leads back to its section by its own address. An array is placed when the section is first needed, and
 * filled chunk by chunk (4 MiB, the buddy's largest block) as chunks are handed to the buddy: boot touches one chunk.
 */
#pragma once
#include <base/spinlock.h>
#include <common/checked.h>
#include <mm/page.h>
#include "page_flags.h"

enum {
    ORDER_MAX = 10,
    ORDER_HUGE = 9,
    CHUNK_SHIFT = PAGE_SHIFT + ORDER_MAX,
    SECTION_SHIFT = 27,
    SECTIONS_MAX = 4096, /* 512 GiB of physical addresses */
    RANGES_MAX = 64,
    CHUNK_PAGES = 1 << ORDER_MAX,
    SECTION_PAGES = 1 << (SECTION_SHIFT - PAGE_SHIFT),
};
#define CHUNK_SIZE   (1UL << CHUNK_SHIFT)
#define SECTION_SIZE (1UL << SECTION_SHIFT)

/* Opportunistic: neither reclaims nor uses the reserve (mm's own flag beside enum alloc_flags). */
#define ALLOC_SPARE (1u << 8)

/* Lock order: nothing is taken under it. Guards free lists, counters, sections and the cursor. */
extern struct spinlock zone_lock;

struct zone {
    uint64_t total_pages; /* const after boot, save sections too small for their own metadata */
    uint64_t free_pages;  /* on free lists or not yet handed over; read without the lock for hints */
    uint64_t reserve_pages;
    struct list free[ORDER_MAX + 1];
    uint32_t non_empty; /* bit n: free[n] has blocks */
    /* By CPU, so that CPUs do not contend; each writes its own, their sum counts. */
    struct {
        int64_t pages[MEMORY_KINDS];
    } __attribute__((aligned(64))) accounts[CPU_MAX];
};
extern struct zone zone;

/* Address that a page number within the section indexes (the array may begin later); 0: not placed. Written once. */
extern uintptr_t section_arrays[SECTIONS_MAX];
static inline struct page *zone_page_of(uint64_t physical)
{
    uint64_t section = physical >> SECTION_SHIFT;
    debug_assert(section < SECTIONS_MAX && section_arrays[section]);
    return (struct page *)(section_arrays[section] +
                           ((physical & (SECTION_SIZE - 1)) >> PAGE_SHIFT) * sizeof(struct page));
}

/* Under zone_lock; in one piece, as others read it without the lock. */
static inline void zone_count_free(int64_t n)
{
    store_relaxed(&zone.free_pages, zone.free_pages + (uint64_t)n);
}

/* Hands the next chunk of memory that was never used to the buddy; false when there is none left. */
bool zone_grow_locked(void);
/* Frees a block into the buddy; `order` up to ORDER_MAX. */
void buddy_free_locked(struct page *page, unsigned order);
/* Asks the shrinkers for pages; false when it cannot (no thread, or this thread is inside a shrinker). */
bool memory_reclaim(size_t pages);
/* Sizes the per-CPU caches and reserves, once the ranges are known. */
void buddy_init(void);
