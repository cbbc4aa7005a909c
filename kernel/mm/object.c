/* What an object does to all its mappings: taking pages out (truncation, reclaim), and cleaning one for write-back. */
#include "space.h"

/* The part of the vma that maps pages [first, end) of its object; false: none. */
static bool part_of(const struct vma *vma, uint64_t first, uint64_t end, uintptr_t *from, uintptr_t *to)
{
    uint64_t vma_first = vma->offset >> PAGE_SHIFT, vma_end = vma_first + ((vma->end - vma->start) >> PAGE_SHIFT);
    first = MAX(first, vma_first);
    end = MIN(end, vma_end);
    if (first >= end)
        return false;
    *from = vma->start + ((first - vma_first) << PAGE_SHIFT);
    *to = vma->start + ((end - vma_first) << PAGE_SHIFT);
    return true;
}

void vm_object_unmap(struct vm_object *object, uint64_t first, uint64_t end, bool even_private)
{
    /* Before any entry is cleared: a fault that takes a page-table lock after we did sees it, see fault_object.c. */
    atomic_fetch_add(&object->unmaps, 1u);
    struct vma *vma;
    uintptr_t from, to;
    spin_lock(&object->vma_lock);
    list_for_each(vma, &object->vmas, link)
    {
        if (!part_of(vma, first, end, &from, &to))
            continue;
        struct gather gather;
        gather_init(&gather, vma->space);
        spin_lock(&vma->space->table_lock);
        tables_clear(vma, from, to, !even_private, &gather); /* objects have no huge pages: nothing is split */
        gather_flush(&gather);
        spin_unlock(&vma->space->table_lock);
    }
    spin_unlock(&object->vma_lock);
}

static bool clean_entry(struct vma *vma, uintptr_t at, struct page *page)
{
    struct address_space *space = vma->space;
    struct spinlock *lock = table_lock_of(space, at);
    bool is_huge, was_dirty = false;
    spin_lock(lock);
    pte_t *entry = arch_pte(&space->table, at, 0, false, &is_huge);
    pte_t was = entry && !is_huge ? load_relaxed(entry) : 0;
    if (was && page_of_entry(was) == page && (arch_pte_is_dirty(was) || arch_pte_is_writable(was))) {
        was = atomic_exchange(entry, 0);
        was_dirty = arch_pte_is_dirty(was);
        store_release(entry, vma_entry(vma, page, false, 0));
        space_flush(space, at, at + PAGE_SIZE);
    }
    spin_unlock(lock);
    return was_dirty;
}

bool vm_object_clean_page(struct vm_object *object, struct page *page)
{
    bool was_dirty = false;
    struct vma *vma;
    uintptr_t from, to;
    spin_lock(&object->vma_lock);
    list_for_each(vma, &object->vmas, link)
    {
        if (vma_is_private(vma) || !part_of(vma, page->index, page->index + 1, &from, &to))
            continue;
        spin_lock(&vma->space->table_lock);
        was_dirty |= clean_entry(vma, from, page);
        spin_unlock(&vma->space->table_lock);
    }
    spin_unlock(&object->vma_lock);
    return was_dirty;
}
