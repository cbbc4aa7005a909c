/* Private to slab.c and kmalloc.c: object caches that stand in static memory. */
#pragma once
#include <base/spinlock.h>
#include <common/list.h>
#include <mm/alloc.h>

struct magazine;
struct object_cache {
    const char *name;
    uint32_t size;                         /* of an object, with alignment; const */
    uint32_t order;                        /* of a slab; const */
    uint32_t slab_objects;                 /* const */
    uint32_t magazine_size;                /* const */
    struct spinlock lock;                  /* nothing is taken under it */
    struct list partial GUARDED_BY(&lock); /* slabs with a free object */
    uint32_t empty_slabs GUARDED_BY(&lock);
    struct magazine *magazines[CPU_MAX]; /* owner CPU only; NULL until first used */
};
/* size and align as object_cache_create. */
void object_cache_init(struct object_cache *cache, const char *name, size_t size, size_t align);
void kmalloc_init(void);
