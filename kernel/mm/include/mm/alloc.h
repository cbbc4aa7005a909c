/* Kernel objects: kmalloc for odd sizes, object caches for what is made often. Contexts as in mm/page.h. */
#pragma once
#include <mm/page.h>

/* 16-byte aligned, 64-byte aligned from 64 bytes on; NULL when there is no memory. kfree(NULL) does nothing. */
void *kmalloc(size_t size, unsigned flags);
void *krealloc(void *old, size_t new_size, unsigned flags);
void kfree(void *p);
static inline void *kzalloc(size_t size, unsigned flags)
{
    return kmalloc(size, flags | ALLOC_ZERO);
}
/* Array with the product checked. */
static inline void *kmalloc_array(size_t n, size_t size, unsigned flags)
{
    size_t bytes;
    return __builtin_mul_overflow(n, size, &bytes) ? (void *)0 : kmalloc(bytes, flags);
}
char *kstrdup(const char *s, unsigned flags);

struct object_cache;
/* `name` is shown in /proc/slabinfo and must live for ever. align 0: 16. */
struct object_cache *object_cache_create(const char *name, size_t size, size_t align);
void *object_cache_alloc(struct object_cache *cache, unsigned flags);
void object_cache_free(struct object_cache *cache, void *object);
