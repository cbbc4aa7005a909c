/* What the parts of mm know of each other beyond the public headers. */
#pragma once
#include <mm/alloc.h>
#include <mm/page.h>

void slab_init(void); /* once, by memory_init */

/* A block of ORDER_HUGE, just allocated, becomes one page of a program's: parts of it can be referenced and mapped. */
void page_make_huge(struct page *page);
/* The reverse, when the caller holds the only reference: 512 pages with a reference each. */
void page_split_huge(struct page *page);
