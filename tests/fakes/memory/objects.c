/* kmalloc and object caches over the host's allocator, and the injection of failures. */
#include <base/string.h>
#include <common/checked.h>
#include <malloc.h>
#include <stdlib.h>
#include "memory.h"

struct object_cache {
    size_t size, align;
};
static uint32_t fail_countdown, allocations_left = UINT32_MAX;
static bool has_failed;
static size_t live_objects;

void fake_memory_fail_nth(unsigned n)
{
    store_relaxed(&fail_countdown, n);
    store_relaxed(&has_failed, false);
}

void fake_memory_limit(unsigned n)
{
    store_relaxed(&allocations_left, n);
    store_relaxed(&has_failed, false);
}

bool fake_memory_failed(void)
{
    return load_relaxed(&has_failed);
}

bool fake_memory_may_allocate(void)
{
    bool may = true;
    if (load_relaxed(&fail_countdown) && atomic_fetch_sub(&fail_countdown, 1u) == 1)
        may = false;
    if (load_relaxed(&allocations_left) == 0)
        may = false;
    else if (load_relaxed(&allocations_left) != UINT32_MAX)
        atomic_fetch_sub(&allocations_left, 1u);
    if (!may)
        store_relaxed(&has_failed, true);
    return may;
}

static void *allocate(size_t size, size_t align, unsigned flags)
{
    if (!fake_memory_may_allocate())
        return NULL;
    void *p = NULL;
    if (posix_memalign(&p, align, size ? size : 1))
        return NULL;
    memset(p, flags & ALLOC_ZERO ? 0 : 0xa5, size);
    atomic_fetch_add(&live_objects, (size_t)1);
    return p;
}

void *kmalloc(size_t size, unsigned flags)
{
    return size > SIZE_MAX / 2 ? NULL : allocate(size, size >= 64 ? 64 : 16, flags);
}

void kfree(void *p)
{
    if (p)
        atomic_fetch_sub(&live_objects, (size_t)1);
    free(p);
}

void *krealloc(void *old, size_t new_size, unsigned flags)
{
    void *p = kmalloc(new_size, flags);
    if (p && old) {
        size_t old_size = malloc_usable_size(old);
        memcpy(p, old, MIN(old_size, new_size));
        kfree(old);
    }
    return p;
}

char *kstrdup(const char *s, unsigned flags)
{
    size_t n = strlen(s) + 1;
    char *copy = kmalloc(n, flags);
    return copy ? memcpy(copy, s, n) : NULL;
}

struct object_cache *object_cache_create(const char *name, size_t size, size_t align)
{
    if (!fake_memory_may_allocate())
        return NULL;
    struct object_cache *cache = malloc(sizeof *cache);
    if (cache)
        *cache = (struct object_cache){size, align < 16 ? 16 : align};
    return cache;
}

void *object_cache_alloc(struct object_cache *cache, unsigned flags)
{
    return allocate(cache->size, cache->align, flags);
}

void object_cache_free(struct object_cache *cache, void *object)
{
    assert(object);
    kfree(object);
}

size_t fake_memory_live_objects(void)
{
    return load_relaxed(&live_objects);
}
