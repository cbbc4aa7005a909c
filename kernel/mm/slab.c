/*
 * Object caches. A slab is a block of pages cut into objects; free ones are chained through their first word. In front
 * of the slabs each CPU has a magazine, an array of free objects that needs no lock (kernel code is not preempted).
 *
 * A slab's state is in the struct page of its first page: owner_data[0] heads the chain of free objects, owner_data[1]
 * counts objects in use, index is the cache, link is in the cache's list while an object is free. All guarded by the
 * cache's lock. Objects in magazines count as in use.
 *
 * Debug builds fill free objects with a pattern: a write to a freed object and a second free are found.
 */
#include <base/string.h>
#include <common/checked.h>
#include "mm.h"
#include "page_flags.h"
#include "slab.h"

enum { MAGAZINE_MAX = 30, POISON = 0x6b };
struct magazine {
    uint32_t count;
    void *objects[MAGAZINE_MAX];
};
static struct object_cache cache_of_caches, cache_of_magazines;

static unsigned slab_order(size_t size)
{
    unsigned order = 0;
    while (order < 3 && (PAGE_SIZE << order) / size < 4)
        order++;
    return order;
}

void object_cache_init(struct object_cache *cache, const char *name, size_t size, size_t align)
{
    size_t unit = MAX(align, (size_t)16);
    size = align_up(MAX(size, (size_t)16), unit);
    assert(size <= PAGE_SIZE * 8 && is_aligned(unit, unit) && unit <= PAGE_SIZE);
    *cache = (struct object_cache){
        .name = name,
        .size = (uint32_t)size,
        .order = slab_order(size),
        .magazine_size = (uint32_t)MAX(MIN((size_t)MAGAZINE_MAX, 2 * PAGE_SIZE / size), (size_t)2),
    };
    cache->slab_objects = (uint32_t)((PAGE_SIZE << cache->order) / size);
    spin_init(&cache->lock);
    list_init(&cache->partial);
}

void slab_init(void)
{
    object_cache_init(&cache_of_caches, "object_cache", sizeof(struct object_cache), 64);
    object_cache_init(&cache_of_magazines, "magazine", sizeof(struct magazine), 64);
    cache_of_magazines.magazine_size = 0; /* it cannot have what it makes */
    kmalloc_init();
}

struct object_cache *object_cache_create(const char *name, size_t size, size_t align)
{
    struct object_cache *cache = object_cache_alloc(&cache_of_caches, ALLOC_WAIT);
    if (cache)
        object_cache_init(cache, name, size, align);
    return cache;
}

#ifdef SKIFF_DEBUG
/* The word after the chain's says "free" in a way that no other object's bytes can by chance. */
static uint64_t free_mark(const void *object)
{
    return (uintptr_t)object ^ UINT64_C(0xfeedc0de0ff1ce5);
}

static bool is_poisoned(const struct object_cache *cache, const void *object)
{
    const uint8_t *bytes = object;
    if (((const uint64_t *)object)[1] != free_mark(object))
        return false;
    for (uint32_t i = 16; i < cache->size; i++)
        if (bytes[i] != POISON)
            return false;
    return true;
}

static void poison_new(struct object_cache *cache, void *object)
{
    ((uint64_t *)object)[1] = free_mark(object);
    memset((char *)object + 16, POISON, cache->size - 16);
}

static void poison(struct object_cache *cache, void *object)
{
    if (is_poisoned(cache, object))
        panic("slab %s: object %p freed twice", cache->name, object);
    poison_new(cache, object);
}

static void check_poison(struct object_cache *cache, void *object)
{
    if (!is_poisoned(cache, object))
        panic("slab %s: object %p changed after it was freed", cache->name, object);
    memset(object, 0xa5, cache->size);
}
#else
static void poison(struct object_cache *cache, void *object)
{
}
static void check_poison(struct object_cache *cache, void *object)
{
}
static void poison_new(struct object_cache *cache, void *object)
{
}
#endif

static struct page *slab_of(struct object_cache *cache, void *object)
{
    struct page *slab = page_of_address((void *)align_down((uintptr_t)object, PAGE_SIZE << cache->order));
    debug_assert(slab->flags & PAGE_FLAG_SLAB && slab->index == (uintptr_t)cache);
    return slab;
}

static bool slab_is_full(const struct page *slab)
{
    return slab->owner_data[0] == 0;
}

static void slab_push(struct page *slab, void *object)
{
    *(uint64_t *)object = slab->owner_data[0];
    slab->owner_data[0] = (uintptr_t)object;
}

static void *slab_pop(struct page *slab)
{
    void *object = (void *)(uintptr_t)slab->owner_data[0];
    slab->owner_data[0] = *(uint64_t *)object;
    return object;
}

/* A new slab with all objects free, in no list. Every page of it is marked, so that kfree finds the cache from any. */
static struct page *slab_create(struct object_cache *cache, unsigned flags)
{
    struct page *slab = page_alloc(cache->order, flags & ALLOC_ATOMIC);
    if (!slab)
        return NULL;
    for (unsigned i = 0; i < 1u << cache->order; i++) {
        page_set_flags(&slab[i], PAGE_FLAG_SLAB);
        slab[i].index = (uintptr_t)cache;
    }
    slab->owner_data[0] = slab->owner_data[1] = 0;
    char *base = page_address(slab);
    for (uint32_t i = cache->slab_objects; i-- > 0;) {
        poison_new(cache, base + (size_t)i * cache->size);
        slab_push(slab, base + (size_t)i * cache->size);
    }
    memory_account(MEMORY_SLAB, INT64_C(1) << cache->order);
    return slab;
}

static void slab_destroy(struct object_cache *cache, struct page *slab)
{
    for (unsigned i = 0; i < 1u << cache->order; i++)
        page_set_flags(&slab[i], 0);
    memory_account(MEMORY_SLAB, -(INT64_C(1) << cache->order));
    page_put(slab);
}

static void *take_locked(struct object_cache *cache)
{
    if (list_is_empty(&cache->partial))
        return NULL;
    struct page *slab = list_first(&cache->partial, struct page, link);
    void *object = slab_pop(slab);
    if (slab->owner_data[1]++ == 0)
        cache->empty_slabs--;
    if (slab_is_full(slab))
        list_remove(&slab->link);
    return object;
}

/* Returns the slab when it is empty and one too many: the caller destroys it without the lock. */
static struct page *give_locked(struct object_cache *cache, void *object)
{
    struct page *slab = slab_of(cache, object);
    bool was_full = slab_is_full(slab);
    slab_push(slab, object);
    if (was_full)
        list_add_first(&cache->partial, &slab->link);
    debug_assert(slab->owner_data[1] != 0);
    if (--slab->owner_data[1] != 0)
        return NULL;
    if (cache->empty_slabs++ < 1) {
        list_remove(&slab->link);
        list_add_last(&cache->partial, &slab->link);
        return NULL;
    }
    cache->empty_slabs--;
    list_remove(&slab->link);
    return slab;
}

static void give(struct object_cache *cache, void **objects, unsigned n)
{
    struct list unused = LIST_INIT(unused);
    spin_lock(&cache->lock);
    for (unsigned i = 0; i < n; i++) {
        struct page *slab = give_locked(cache, objects[i]);
        if (slab)
            list_add_last(&unused, &slab->link);
    }
    spin_unlock(&cache->lock);
    while (!list_is_empty(&unused)) {
        struct page *slab = list_first(&unused, struct page, link);
        list_remove(&slab->link);
        slab_destroy(cache, slab);
    }
}

/* Up to n free objects, from a new slab when there are none; how many. */
static unsigned take(struct object_cache *cache, void **objects, unsigned n, unsigned flags)
{
    unsigned taken = 0;
    for (unsigned tries = 0; tries < 2 && !taken; tries++) {
        struct page *slab = tries ? slab_create(cache, flags) : NULL;
        spin_lock(&cache->lock);
        if (slab) {
            list_add_last(&cache->partial, &slab->link);
            cache->empty_slabs++;
        }
        while (taken < n && (objects[taken] = take_locked(cache)))
            taken++;
        spin_unlock(&cache->lock);
    }
    return taken;
}

/* This CPU's magazine; NULL when it has none and no memory for one. */
static struct magazine *magazine_of(struct object_cache *cache)
{
    struct magazine **magazine = &cache->magazines[cpu_index()];
    if (*magazine || !cache->magazine_size)
        return *magazine;
    struct magazine *fresh = object_cache_alloc(&cache_of_magazines, ALLOC_ATOMIC);
    if (fresh)
        fresh->count = 0;
    *magazine = fresh;
    return fresh;
}

/* Fills the magazine; a taking that slept may have moved the thread, so what came is put into the magazine of now. */
static void *refill_and_take(struct object_cache *cache, unsigned flags)
{
    void *objects[MAGAZINE_MAX / 2 + 1];
    unsigned n = take(cache, objects, MAX(cache->magazine_size / 2, 1u), flags);
    if (!n)
        return NULL;
    struct magazine *magazine = magazine_of(cache);
    while (n > 1 && magazine && magazine->count < cache->magazine_size)
        magazine->objects[magazine->count++] = objects[--n];
    if (n > 1)
        give(cache, objects + 1, n - 1);
    return objects[0];
}

void *object_cache_alloc(struct object_cache *cache, unsigned flags)
{
    struct magazine *magazine = magazine_of(cache);
    void *object = magazine && magazine->count ? magazine->objects[--magazine->count] : refill_and_take(cache, flags);
    if (!object)
        return NULL;
    check_poison(cache, object);
    if (flags & ALLOC_ZERO)
        memset(object, 0, cache->size);
    return object;
}

void object_cache_free(struct object_cache *cache, void *object)
{
    assert(object && is_aligned((uintptr_t)object, (uintptr_t)16));
    poison(cache, object);
    struct magazine *magazine = magazine_of(cache);
    if (!magazine) {
        give(cache, &object, 1);
        return;
    }
    if (magazine->count == cache->magazine_size) {
        unsigned half = (magazine->count + 1) / 2;
        magazine->count -= half;
        give(cache, magazine->objects + magazine->count, half);
    }
    magazine->objects[magazine->count++] = object;
}
