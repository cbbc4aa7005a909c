/* The kernel's own way to a program's memory: pinned pages, copies into another space, what a futex is keyed by. */
#include "space.h"

/* The page behind the entry, referenced, when it is mapped for the wanted access. */
static struct page *mapped_page(struct address_space *space, uintptr_t address, bool for_write)
{
    bool is_huge;
    struct page *page = NULL;
    rwlock_read_lock(&space->lock);
    struct spinlock *lock = table_lock_of(space, address);
    spin_lock(lock);
    pte_t *entry = arch_pte(&space->table, address, 0, false, &is_huge);
    pte_t now = entry ? load_relaxed(entry) : 0;
    if (arch_pte_is_present(now) && (!for_write || arch_pte_is_writable(now))) {
        page = page_of_entry(now);
        if (is_huge)
            page += (address & (HUGE_SIZE - 1)) >> PAGE_SHIFT;
        page_get(page);
    }
    spin_unlock(lock);
    rwlock_read_unlock(&space->lock);
    return page;
}

int address_space_pin_page(struct address_space *space, uintptr_t address, bool for_write, struct page **out)
{
    if (address >= USER_ADDRESS_MAX)
        return -EFAULT;
    /* A page may go between the fault and the look (reclaim): again, but not for ever. */
    for (unsigned tries = 0; tries < 64; tries++) {
        struct page *page = mapped_page(space, address, for_write);
        if (page) {
            *out = page;
            return 0;
        }
        if (address_space_fault(space, address, for_write ? FAULT_WRITE : FAULT_READ) != FAULT_OK)
            return -EFAULT;
    }
    return -EFAULT;
}

bool address_space_shared_key(struct address_space *space, uintptr_t address, struct vm_object **object,
                              uint64_t *offset)
{
    rwlock_read_lock(&space->lock);
    struct vma *vma = vma_find(space, address);
    bool is_shared = vma && vma->start <= address && vma->object && !vma_is_private(vma);
    if (is_shared) {
        *object = vma->object;
        *offset = vma->offset + (address - vma->start);
    }
    rwlock_read_unlock(&space->lock);
    return is_shared;
}

ssize_t address_space_access(struct address_space *space, uintptr_t address, void *buffer, size_t n, bool is_write)
{
    size_t done = 0;
    n = MIN(n, (size_t)INT64_MAX);
    while (done < n) {
        uintptr_t at = address + done;
        size_t within = at & (PAGE_SIZE - 1), part = MIN(n - done, PAGE_SIZE - within);
        struct page *page;
        if (at < address || address_space_pin_page(space, at, is_write, &page))
            break;
        char *bytes = (char *)page_address(page) + within;
        if (is_write)
            memcpy(bytes, (char *)buffer + done, part);
        else
            memcpy((char *)buffer + done, bytes, part);
        page_put(page);
        done += part;
    }
    return done || !n ? (ssize_t)done : -EFAULT;
}
