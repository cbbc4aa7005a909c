/*
 * mm/page.h and mm/alloc.h in unit tests: every page block and object is an allocation of the host's (ASan watches its
 * bounds, LeakSanitizer its end). Physical addresses are host addresses. Allocations can be made to fail:
 *     for (unsigned n = 1; fake_memory_fail_nth(n), (err = operation()) == -ENOMEM; n++) ...
 */
#pragma once
#include <mm/alloc.h>

/* The nth allocation from now on (1: the next) fails, once; 0: none does. */
void fake_memory_fail_nth(unsigned n);
/* After n more successful allocations all fail; UINT32_MAX: none does. */
void fake_memory_limit(unsigned n);
/* Whether an injected failure has happened since the last fake_memory_fail_nth or fake_memory_limit. */
bool fake_memory_failed(void);
/* Live page blocks and live objects (kmalloc and caches), for leak checks: compare before and after. */
size_t fake_memory_live_pages(void);
size_t fake_memory_live_objects(void);
/* Calls the registered shrinkers as memory pressure does; what they freed. */
size_t fake_memory_shrink(size_t pages);
