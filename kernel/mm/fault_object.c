/*
 * Faults on pages of an object (a file, shared memory), and the ready pages around them that are mapped at the same
 * time. A page found before vm_object_unmap began must not be mapped after it: object->unmaps tells, see vm_object.h.
 */
#include "fault.h"

enum { AROUND_PAGES = 16 };

/* The pages around the faulting one that lie in its vma; all in one table. */
struct around {
    uintptr_t start;
    unsigned count;
    pte_t *entries;
    struct page *pages[AROUND_PAGES]; /* ready and referenced, or NULL */
};

static void find_around(const struct fault *fault, struct around *around)
{
    const struct vma *vma = fault->vma;
    struct vm_object *object = vma->object;
    uintptr_t start = align_down(fault->address, AROUND_PAGES * PAGE_SIZE), end = start + AROUND_PAGES * PAGE_SIZE;
    start = MAX(start, vma->start);
    around->start = start;
    around->count = (unsigned)((MIN(end, vma->end) - start) >> PAGE_SHIFT);
    around->entries = fault->entry - ((fault->address - start) >> PAGE_SHIFT);
    uint64_t index = vma_index(vma, start);
    if (object->ops->find_pages) {
        object->ops->find_pages(object, index, around->pages, around->count);
        return;
    }
    for (unsigned i = 0; i < around->count; i++)
        around->pages[i] = object->ops->find_page(object, index + i);
}

static void map_around(struct fault *fault, uint32_t unmaps)
{
    struct vma *vma = fault->vma;
    struct around around;
    find_around(fault, &around);
    unsigned protection = vma_page_protection(vma, false);
    struct page *mapped = NULL;
    int64_t count = 0;
    struct spinlock *lock = table_lock_of(vma->space, around.start);
    spin_lock(lock);
    bool is_current = load_relaxed(&vma->object->unmaps) == unmaps;
    for (unsigned i = 0; i < around.count; i++) {
        struct page *page = around.pages[i];
        if (!page || !is_current || load_relaxed(&around.entries[i]))
            continue;
        page_count_map(page, 1);
        store_release(&around.entries[i], arch_pte_make(page_physical(page), protection, 0));
        around.pages[i] = NULL;
        mapped = page;
        count++;
    }
    if (mapped)
        space_account(vma->space, mapped, count);
    spin_unlock(lock);
    for (unsigned i = 0; i < around.count; i++)
        if (around.pages[i])
            page_put(around.pages[i]);
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
