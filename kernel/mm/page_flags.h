/* Bits of struct page.flags. Only mm writes them: under the zone's lock while the page is free, else by its owner;
 * the buddy looks at its neighbours' flags and order at any time, so these are written in one piece. */
#pragma once
#include <mm/page.h>
/* A page that is not memory (a hole within a chunk) has none of them, and so is never merged with. */
#define PAGE_FLAG_FREE    (1u << 0) /* heads a block on the buddy's free lists */
#define PAGE_FLAG_CACHED  (1u << 1) /* in a CPU's cache of single pages */
#define PAGE_FLAG_SLAB    (1u << 2) /* index: the object cache */
#define PAGE_FLAG_KMALLOC (1u << 3) /* a whole block handed out by kmalloc */
#define PAGE_FLAG_ANON    (1u << 4) /* belongs to a program, cached by no object: its last user may write to it */
#define PAGE_FLAG_TAIL    (1u << 5) /* inside a huge page; order: the block's. References go to the head */
#define PAGE_FLAG_ZERO    (1u << 6) /* the one page of zeros that reads of untouched memory see: never freed, not counted */
static inline void page_set_flags(struct page *page, uint32_t flags)
{
    store_relaxed(&page->flags, flags);
}
