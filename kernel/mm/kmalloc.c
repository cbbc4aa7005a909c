/* kmalloc: object caches by size class up to 3 KiB, whole page blocks above. */
#include <base/string.h>
#include <common/checked.h>
#include "page_flags.h"
#include "slab.h"

static const struct {
    uint16_t size;
    const char *name;
} classes[] = {
    {16, "kmalloc-16"},     {32, "kmalloc-32"},     {48, "kmalloc-48"},     {64, "kmalloc-64"},
    {128, "kmalloc-128"},   {192, "kmalloc-192"},   {256, "kmalloc-256"},   {384, "kmalloc-384"},
    {512, "kmalloc-512"},   {768, "kmalloc-768"},   {1024, "kmalloc-1024"}, {1536, "kmalloc-1536"},
    {2048, "kmalloc-2048"}, {3072, "kmalloc-3072"},
};
enum { CLASSES = sizeof classes / sizeof *classes, CLASS_SIZE_MAX = 3072, ORDER_MAX = 10 };
static struct object_cache caches[CLASSES];
static uint8_t class_of_units[CLASS_SIZE_MAX / 16 + 1]; /* by size in units of 16 bytes; const after boot */

void kmalloc_init(void)
{
    for (unsigned units = 0, i = 0; units < sizeof class_of_units; units++) {
        i += classes[i].size < units * 16;
        class_of_units[units] = (uint8_t)i;
    }
    for (unsigned i = 0; i < CLASSES; i++)
        object_cache_init(&caches[i], classes[i].name, classes[i].size, classes[i].size >= 64 ? 64 : 16);
}

static struct object_cache *cache_for(size_t size)
{
    return &caches[class_of_units[(size + 15) / 16]];
}

static void *pages_alloc(size_t size, unsigned flags)
{
    unsigned order = 0;
    while (order <= ORDER_MAX && PAGE_SIZE << order < size)
        order++;
    struct page *page = page_alloc(order, flags);
    if (!page)
        return NULL;
    page_set_flags(page, PAGE_FLAG_KMALLOC);
    memory_account(MEMORY_SLAB, INT64_C(1) << order);
    return page_address(page);
}

void *kmalloc(size_t size, unsigned flags)
{
    if (size > CLASS_SIZE_MAX)
        return pages_alloc(size, flags);
    return object_cache_alloc(cache_for(size), flags);
}

static struct object_cache *cache_of(const struct page *page)
{
    return (struct object_cache *)(uintptr_t)page->index;
}

void kfree(void *p)
{
    if (!p)
        return;
    struct page *page = page_of_address(p);
    if (page->flags & PAGE_FLAG_SLAB) {
        object_cache_free(cache_of(page), p);
        return;
    }
    assert(page->flags & PAGE_FLAG_KMALLOC && is_aligned((uintptr_t)p, PAGE_SIZE));
    page_set_flags(page, 0);
    memory_account(MEMORY_SLAB, -(INT64_C(1) << page->order));
    page_put(page);
}

static size_t usable_size(void *p)
{
    struct page *page = page_of_address(p);
    return page->flags & PAGE_FLAG_SLAB ? cache_of(page)->size : PAGE_SIZE << page->order;
}

void *krealloc(void *old, size_t new_size, unsigned flags)
{
    if (!old)
        return kmalloc(new_size, flags);
    size_t old_size = usable_size(old);
    if (new_size <= old_size && new_size > old_size / 2)
        return old;
    void *p = kmalloc(new_size, flags);
    if (!p)
        return NULL;
    memcpy(p, old, MIN(old_size, new_size));
    kfree(old);
    return p;
}

char *kstrdup(const char *s, unsigned flags)
{
    size_t n = strlen(s) + 1;
    char *copy = kmalloc(n, flags);
    return copy ? memcpy(copy, s, n) : NULL;
}
