/*
 * Faults on pages of an object (a file, shared memory), and the ready pages around them that are mapped at the same
 * time. A page found before vm_object_unmap began must not be mapped after it: object->unmaps tells, see vm_object.h.
 */
#include "fault.h"

enum { AROUND_PAGES = 16 };

/* Ready pages around the faulting one, referenced; pages[i] may be NULL. Returns the address of pages[0]. */
static uintptr_t find_around(const struct fault *fault, struct page **pages)
{
    const struct vma *vma = fault->vma;
    uintptr_t base = align_down(fault->address, AROUND_PAGES * PAGE_SIZE);
    pte_t *entries = fault->entry - ((fault->address - base) >> PAGE_SHIFT);
    for (unsigned i = 0; i < AROUND_PAGES; i++) {
        uintptr_t at = base + i * PAGE_SIZE;
        bool is_wanted = at != fault->address && at >= vma->start && at < vma->end && !load_relaxed(&entries[i]);
        pages[i] = is_wanted ? vma->object->ops->find_page(vma->object, vma_index(vma, at)) : NULL;
    }
    return base;
}

static void map_around(struct fault *fault, uint32_t unmaps)
{
    struct page *pages[AROUND_PAGES];
    uintptr_t base = find_around(fault, pages);
    pte_t *entries = fault->entry - ((fault->address - base) >> PAGE_SHIFT);
    struct spinlock *lock = table_lock_of(fault->vma->space, base);
    spin_lock(lock);
    bool is_current = load_relaxed(&fault->vma->object->unmaps) == unmaps;
    for (unsigned i = 0; i < AROUND_PAGES; i++) {
        if (!pages[i] || !is_current || load_relaxed(&entries[i]))
            continue;
        fault_install(fault->vma, &entries[i], pages[i], false);
        pages[i] = NULL;
    }
    spin_unlock(lock);
    for (unsigned i = 0; i < AROUND_PAGES; i++)
        if (pages[i])
            page_put(pages[i]);
}

/* The object's page, referenced: without sleeping when it is there and need not be told of a write. */
static int get_page(struct fault *fault, bool for_write, struct page **page)
{
    struct vm_object *object = fault->vma->object;
    uint64_t index = vma_index(fault->vma, fault->address);
    *page = !for_write && object->ops->find_page ? object->ops->find_page(object, index) : NULL;
    if (*page)
        return 0;
    add_relaxed(&fault->vma->space->major_faults, 1);
    return object->ops->get_page(object, index, for_write, page);
}

/* For a write to private memory: the page becomes a copy of it. */
static int make_private(struct page **page)
{
    struct page *copy = page_alloc(0, ALLOC_WAIT);
    if (copy) {
        page_set_flags(copy, PAGE_FLAG_ANON);
        memcpy(page_address(copy), page_address(*page), PAGE_SIZE);
    }
    page_put(*page);
    *page = copy;
    return copy ? 0 : -ENOMEM;
}

int fault_object(struct fault *fault, enum fault_access access)
{
    struct vma *vma = fault->vma;
    uint32_t unmaps = load_acquire(&vma->object->unmaps);
    bool is_write = access == FAULT_WRITE;
    struct page *page;
    int err = get_page(fault, is_write && !vma_is_private(vma), &page);
    if (!err && is_write && vma_is_private(vma))
        err = make_private(&page);
    if (err)
        return fault_result_of(err);

    struct spinlock *lock = table_lock_of(vma->space, fault->address);
    spin_lock(lock);
    bool is_current = load_relaxed(&vma->object->unmaps) == unmaps, is_empty = !load_relaxed(fault->entry);
    if (is_current && is_empty)
        fault_install(vma, fault->entry, page, is_write);
    spin_unlock(lock);
    if (!is_current || !is_empty) {
        page_put(page);
        return FAULT_RETRY;
    }
    if (!is_write && vma->object->ops->find_page && !(vma->flags & VMA_RANDOM))
        map_around(fault, unmaps);
    return FAULT_OK;
}
