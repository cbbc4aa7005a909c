/*
 * Transparent huge pages for anonymous memory. As /sys says, on request (MADV_HUGEPAGE); beyond that a mapping that is
 * large against a page of 2 MiB, such as a heap of the JVM, takes them while a good part of memory is free, so that
 * small machines do not spend memory on pages that are touched once.
 */
#include "fault.h"
#include "zone.h"

enum { LARGE_MAPPING = 16 << 20, FREE_PAGES_MIN = (64 << 20) / 4096 };

static bool is_wanted(const struct vma *vma)
{
    if (vma->flags & (VMA_NO_HUGE | VMA_GROWS_DOWN | VMA_STACK) || !(vma->protection & PROT_WRITE))
        return false;
    if (vma->flags & VMA_HUGE)
        return true;
    uint64_t plenty = MAX(load_relaxed(&zone.total_pages) / 4, (uint64_t)FREE_PAGES_MIN);
    return vma->end - vma->start >= LARGE_MAPPING && !(vma->protection & PROT_EXEC) &&
           load_relaxed(&zone.free_pages) > plenty;
}

int fault_huge(struct fault *fault)
{
    struct vma *vma = fault->vma;
    uintptr_t base = align_down(fault->address, HUGE_SIZE);
    if (base < vma->start || vma->end - base < HUGE_SIZE || !is_wanted(vma))
        return FAULT_TOO_SMALL;
    bool is_huge;
    pte_t *entry = arch_pte(&vma->space->table, base, 1, true, &is_huge);
    if (!entry || load_relaxed(entry))
        return FAULT_TOO_SMALL; /* small pages or a huge one are there already */
    struct page *page = page_alloc(ORDER_HUGE, ALLOC_ZERO | ALLOC_SPARE);
    if (!page)
        return FAULT_TOO_SMALL;
    page_make_huge(page);
    pte_t wanted = vma_entry(vma, page, true, 1), was = 0;
    struct spinlock *lock = table_lock_of(vma->space, base);
    spin_lock(lock);
    bool is_ours = atomic_compare_exchange(entry, &was, wanted); /* tables come without the lock */
    if (is_ours) {
        add_relaxed(&vma->space->huge_pages, HUGE_PAGES);
        space_account(vma->space, page, HUGE_PAGES);
    }
    spin_unlock(lock);
    if (!is_ours)
        page_put(page);
    return is_ours ? FAULT_OK : FAULT_TOO_SMALL;
}

int fault_on_huge(struct fault *fault, enum fault_access access)
{
    struct address_space *space = fault->vma->space;
    struct spinlock *lock = table_lock_of(space, fault->address);
    bool must_split = false;
    spin_lock(lock);
    pte_t now = load_relaxed(fault->entry);
    if (!now || !arch_pte_is_huge(now)) {
        spin_unlock(lock);
        return FAULT_RETRY;
    }
    if (access == FAULT_WRITE && !arch_pte_is_writable(now)) {
        struct page *page = page_of_entry(now);
        must_split = load_acquire(&page->refs.count) != 1; /* shared since a fork: copied page by page */
        if (!must_split)
            store_release(fault->entry, vma_entry(fault->vma, page, true, 1));
    }
    spin_unlock(lock);
    if (!must_split)
        return FAULT_OK;
    int err = tables_split(space, align_down(fault->address, HUGE_SIZE) + PAGE_SIZE);
    return err ? fault_after_reclaim() : FAULT_RETRY;
}
