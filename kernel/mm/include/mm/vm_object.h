/*
 * What a mapping can be backed by: a file's page cache, shared memory, the vDSO. The page cache (fs) implements it.
 */
#pragma once
#include <common/list.h>
#include <base/spinlock.h>
#include <mm/page.h>

struct vma;
struct vm_object;

struct vm_object_ops {
    /*
     * The page at `index` with a reference for the caller, up to date, read or zero-filled as needed; may sleep.
     * -ENXIO beyond the end (the program gets SIGBUS), -EIO, -ENOMEM. `for_write`: a shared writable mapping is about to
     * change it (the object may have to allocate or mark it dirty).
     */
    int (*get_page)(struct vm_object *object, uint64_t index, bool for_write, struct page **out);
    /* The page if it is there and up to date, referenced; else NULL. Never sleeps: for fault-around. */
    struct page *(*find_page)(struct vm_object *object, uint64_t index);
    /* The same for `count` pages in a row, NULL where there is none; may be NULL. */
    void (*find_pages)(struct vm_object *object, uint64_t index, struct page **pages, unsigned count);
    void (*mark_dirty)(struct vm_object *object, struct page *page);
    void (*get)(struct vm_object *object);
    void (*put)(struct vm_object *object);
    /* Path as /proc/PID/maps shows it, device and inode number; may be NULL for anonymous objects. */
    void (*describe)(struct vm_object *object, char *path, size_t size, uint64_t *device, uint64_t *inode);
    /* msync/fsync of a range of bytes; may be NULL. */
    int (*sync)(struct vm_object *object, uint64_t start, uint64_t end);
};

struct vm_object {
    const struct vm_object_ops *ops;
    struct spinlock vma_lock;
    struct list vmas GUARDED_BY(&vma_lock); /* every vma that maps it, for truncation and reclaim */
    /* Counts vm_object_unmap calls (atomic): a fault that found a page before one began looks again before it maps it. */
    uint32_t unmaps;
};
static inline void vm_object_init(struct vm_object *object, const struct vm_object_ops *ops)
{
    object->ops = ops;
    spin_init(&object->vma_lock);
    list_init(&object->vmas);
    object->unmaps = 0;
}
/*
 * Removes pages [first, end) of the object from all page tables (truncation, hole punching, reclaim). May sleep. What is to
 * stay unmapped must be out of reach of get_page and find_page before. `even_private`: also private copies made of them
 * (truncation does, write-back does not). Takes object->vma_lock, then mm's page-table locks, and calls mark_dirty under
 * them: mark_dirty may only take a leaf lock, and the callers of these two functions must not hold that one.
 */
void vm_object_unmap(struct vm_object *object, uint64_t first, uint64_t end, bool even_private);
/* Write-protects and clears dirty bits of one page in all mappings; true when some entry was dirty. */
bool vm_object_clean_page(struct vm_object *object, struct page *page);
