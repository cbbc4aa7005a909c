/*
 * Page faults. The vma is looked up under the read side of space->lock; what the entry becomes is decided under its
 * page-table lock, after everything that may sleep. Whoever comes second finds the entry changed and is done or tries
 * again.
 */
#include "fault.h"
#include "zone.h"
#include <sched/thread.h>

static bool is_allowed(const struct vma *vma, enum fault_access access)
{
    if (access == FAULT_WRITE)
        return vma->protection & PROT_WRITE;
    if (access == FAULT_EXECUTE)
        return vma->protection & PROT_EXEC;
    return vma->protection & PROT_ANY; /* x86 cannot write or execute what it cannot read */
}

int fault_after_reclaim(void)
{
    return memory_reclaim(zone.reserve_pages) ? FAULT_RETRY : FAULT_OUT_OF_MEMORY;
}

static struct page *anonymous_page(unsigned flags)
{
    struct page *page = page_alloc(0, flags);
    if (page)
        page_set_flags(page, PAGE_FLAG_ANON);
    return page;
}

/* Puts a page with its reference into an entry that is 0. */
void fault_install(struct vma *vma, pte_t *entry, struct page *page, bool is_writable)
{
    page_count_map(page, 1);
    space_account(vma->space, page, 1);
    store_release(entry, vma_entry(vma, page, is_writable, 0));
}

/* The page of zeros, made by who needs it first. */
static struct page *zero_page(void)
{
    static struct page *made; /* atomic; set once */
    struct page *page = load_acquire(&made);
    if (page)
        return page;
    struct page *fresh = page_alloc(0, ALLOC_ZERO);
    if (!fresh)
        return NULL;
    page_set_flags(fresh, PAGE_FLAG_ZERO);
    if (atomic_compare_exchange(&made, &page, fresh))
        return fresh;
    page_put(fresh);
    return page;
}

/* What is only read of untouched memory is one page for all. */
static int fault_anonymous(struct fault *fault, enum fault_access access)
{
    bool is_shared = access != FAULT_WRITE;
    struct page *page = is_shared ? zero_page() : anonymous_page(ALLOC_ZERO);
    if (!page)
        return FAULT_OUT_OF_MEMORY;
    struct spinlock *lock = table_lock_of(fault->vma->space, fault->address);
    spin_lock(lock);
    bool is_ours = load_relaxed(fault->entry) == 0;
    if (is_ours)
        fault_install(fault->vma, fault->entry, page, !is_shared);
    spin_unlock(lock);
    if (!is_ours && !is_shared)
        page_put(page);
    return FAULT_OK;
}

/* The page's data, of a file or shared since a fork, copied for this program. */
static struct page *private_copy(struct page *from)
{
    if (from->flags & PAGE_FLAG_ZERO)
        return anonymous_page(ALLOC_ZERO);
    struct page *copy = anonymous_page(ALLOC_WAIT);
    if (copy)
        memcpy(page_address(copy), page_address(from), PAGE_SIZE);
    return copy;
}

/* Exchanges the entry's page for `copy`, unless the entry has changed since `was` was read. Old translations are gone
 * from every TLB before the first write to the copy can be seen. */
static bool replace_page(struct fault *fault, pte_t was, struct page *old, struct page *copy)
{
    struct address_space *space = fault->vma->space;
    struct spinlock *lock = table_lock_of(space, fault->address);
    spin_lock(lock);
    pte_t now = load_relaxed(fault->entry);
    bool is_same =
        arch_pte_is_present(now) && !arch_pte_is_writable(now) && arch_pte_physical(now) == arch_pte_physical(was);
    if (is_same) {
        atomic_exchange(fault->entry, 0);
        space_flush(space, fault->address, fault->address + PAGE_SIZE);
        page_count_map(old, -1);
        space_account(space, old, -1);
        fault_install(fault->vma, fault->entry, copy, true);
    }
    spin_unlock(lock);
    return is_same;
}

/* A write to a private page that is mapped read-only: ours alone, or copied. */
static int fault_copy_on_write(struct fault *fault)
{
    struct spinlock *lock = table_lock_of(fault->vma->space, fault->address);
    spin_lock(lock);
    pte_t was = load_relaxed(fault->entry);
    if (!arch_pte_is_present(was) || arch_pte_is_huge(was) || arch_pte_is_writable(was)) {
        spin_unlock(lock);
        return arch_pte_is_writable(was) ? FAULT_OK : FAULT_RETRY;
    }
    struct page *old = page_of_entry(was);
    if (page_has_sole_user(old)) {
        store_release(fault->entry, vma_entry(fault->vma, old, true, 0));
        spin_unlock(lock);
        return FAULT_OK;
    }
    page_get(old);
    spin_unlock(lock);
    struct page *copy = private_copy(old);
    int result = FAULT_OUT_OF_MEMORY;
    if (copy) {
        result = FAULT_OK;
        if (!replace_page(fault, was, old, copy))
            page_put(copy);
        else if (!(old->flags & PAGE_FLAG_ZERO))
            page_put(old); /* the entry's reference */
    }
    page_put(old);
    return result;
}

/* A write to a shared page that is mapped read-only: the object hears of it first. */
static int fault_shared_write(struct fault *fault)
{
    struct vm_object *object = fault->vma->object;
    uint32_t unmaps = load_acquire(&object->unmaps);
    struct page *page;
    int err = object->ops->get_page(object, vma_index(fault->vma, fault->address), true, &page);
    if (err)
        return fault_result_of(err);
    struct spinlock *lock = table_lock_of(fault->vma->space, fault->address);
    spin_lock(lock);
    pte_t was = load_relaxed(fault->entry);
    bool is_there = was && page_of_entry(was) == page;
    if (is_there)
        store_release(fault->entry, vma_entry(fault->vma, page, true, 0));
    else if (was && load_relaxed(&object->unmaps) == unmaps) {
        /* The object has another page there now: this one goes, the next try maps that one. */
        atomic_exchange(fault->entry, 0);
        space_flush(fault->vma->space, fault->address, fault->address + PAGE_SIZE);
        struct page *old = page_of_entry(was);
        page_count_map(old, -1);
        space_account(fault->vma->space, old, -1);
        page_put(old);
    }
    spin_unlock(lock);
    page_put(page);
    return is_there ? FAULT_OK : FAULT_RETRY;
}

/* The entry is not 0 and small. */
static int fault_mapped(struct fault *fault, enum fault_access access)
{
    pte_t now = load_relaxed(fault->entry);
    if (!arch_pte_is_present(now)) {
        /* Kept through PROT_NONE by a change that gave no access back: read-only first, a write decides again. */
        struct spinlock *lock = table_lock_of(fault->vma->space, fault->address);
        spin_lock(lock);
        now = load_relaxed(fault->entry);
        if (now && !arch_pte_is_present(now))
            store_release(fault->entry, vma_entry(fault->vma, page_of_entry(now), false, 0));
        spin_unlock(lock);
        return FAULT_RETRY;
    }
    if (access != FAULT_WRITE || arch_pte_is_writable(now))
        return FAULT_OK; /* somebody else was first, or this CPU's TLB was out of date */
    return vma_is_private(fault->vma) ? fault_copy_on_write(fault) : fault_shared_write(fault);
}

/* One look at the vma and the entry; FAULT_RETRY: something changed meanwhile. space->lock is held for reading. */
static int fault_once(struct vma *vma, uintptr_t address, enum fault_access access)
{
    if (!is_allowed(vma, access))
        return FAULT_NOT_ALLOWED;
    struct fault fault = {.vma = vma, .address = address & PAGE_MASK};
    if (!vma->object && fault_huge(&fault) == FAULT_OK)
        return FAULT_OK;
    bool is_huge = false;
    fault.entry = arch_pte(&vma->space->table, fault.address, 0, true, &is_huge);
    if (!fault.entry)
        return fault_after_reclaim();
    if (is_huge)
        return fault_on_huge(&fault, access);
    if (load_relaxed(fault.entry))
        return fault_mapped(&fault, access);
    return vma->object ? fault_object(&fault, access) : fault_anonymous(&fault, access);
}

/* Lets the stack's vma above the address grow down to it; false: it may not. */
static bool grow_stack(struct address_space *space, uintptr_t address)
{
    bool is_grown = false;
    uintptr_t start = address & PAGE_MASK;
    rwlock_write_lock(&space->lock);
    struct vma *vma = vma_find(space, address);
    if (vma && vma->start > start && vma->flags & VMA_GROWS_DOWN && start >= USER_ADDRESS_MIN) {
        struct vma *previous = vma_previous(vma);
        uintptr_t guard =
            previous && previous->protection & PROT_ANY && !(previous->flags & VMA_GROWS_DOWN) ? STACK_GUARD : 0;
        size_t more = vma->start - start;
        if ((!previous || previous->end + guard <= start) && vma->end - start <= space->limit_stack &&
            !map_check_limits(space, more, 0, vma->protection, vma->flags)) {
            vma_set_range(vma, start, vma->end);
            space->mapped_pages += more >> PAGE_SHIFT;
            space->peak_mapped_pages = MAX(space->peak_mapped_pages, space->mapped_pages);
            is_grown = true;
        }
    } else {
        is_grown = vma && vma->start <= start; /* another thread was first */
    }
    rwlock_write_unlock(&space->lock);
    return is_grown;
}

enum fault_result address_space_fault(struct address_space *space, uintptr_t address, enum fault_access access)
{
    if (address >= USER_ADDRESS_MAX)
        return FAULT_NOT_MAPPED;
    int result;
    do {
        rwlock_read_lock(&space->lock);
        struct vma *vma = vma_find(space, address);
        bool is_mapped = vma && vma->start <= address;
        bool may_grow = vma && !is_mapped && vma->flags & VMA_GROWS_DOWN;
        result = is_mapped ? fault_once(vma, address, access) : FAULT_NOT_MAPPED;
        rwlock_read_unlock(&space->lock);
        if (may_grow && grow_stack(space, address))
            result = FAULT_RETRY;
    } while (result == FAULT_RETRY);
    if (result == FAULT_OK)
        add_relaxed(&space->minor_faults, 1);
    return (enum fault_result)result;
}

enum fault_result populate(struct address_space *space, uintptr_t start, uintptr_t end, enum fault_access access)
{
    enum fault_result result = FAULT_OK;
    for (uintptr_t at = start; at < end && result == FAULT_OK; at += PAGE_SIZE) {
        result = address_space_fault(space, at, access);
        sched_safe_point();
    }
    return result;
}

/* The access that brings the page in as the program will use it; false: no access is allowed, or nothing is mapped. */
static bool wanted_access(struct address_space *space, uintptr_t at, enum fault_access *access, uintptr_t *end)
{
    rwlock_read_lock(&space->lock);
    struct vma *vma = vma_find(space, at);
    bool is_there = vma && vma->start <= at && vma->protection & PROT_ANY;
    if (is_there) {
        *access = vma->protection & PROT_WRITE && vma_is_private(vma) ? FAULT_WRITE : FAULT_READ;
        *end = vma->end;
    }
    rwlock_read_unlock(&space->lock);
    return is_there;
}

int populate_as_mapped(struct address_space *space, uintptr_t start, uintptr_t end)
{
    while (start < end) {
        enum fault_access access = FAULT_READ;
        uintptr_t vma_end = end;
        if (!wanted_access(space, start, &access, &vma_end))
            return -ENOMEM;
        vma_end = MIN(vma_end, end);
        enum fault_result result = populate(space, start, vma_end, access);
        if (result != FAULT_OK)
            return result == FAULT_OUT_OF_MEMORY ? -EAGAIN : -ENOMEM;
        start = vma_end;
    }
    return 0;
}
