/*
 * The copy-on-write copy of an address space that fork makes. Only pages of the program's own are copied as entries,
 * read-only on both sides; pages of objects are found again by the child's faults.
 */
#include "space.h"

struct copy {
    struct vma *child;
    unsigned protection; /* of the entries on both sides: read-only */
    struct gather *gather;
    int64_t shared_pages;
};

/* Shares the entry with the child. Under the parent's page-table lock; nobody else sees the child's tables yet. */
static void share_entry(struct copy *copy, pte_t *entry, pte_t *child_entry, uintptr_t at, unsigned level)
{
    pte_t was = load_relaxed(entry);
    struct page *page = page_of_entry(was);
    if (page->flags & PAGE_FLAG_ZERO)
        store_release(child_entry, was);
    if (!(page->flags & PAGE_FLAG_ANON))
        return;
    pte_t shared = arch_pte_make(arch_pte_physical(was), copy->protection, level);
    if (arch_pte_is_writable(was)) {
        store_release(entry, shared);
        gather_add(copy->gather, at, level ? HUGE_SIZE : PAGE_SIZE, NULL);
    }
    page_get(page);
    store_release(child_entry, shared);
    copy->shared_pages += level ? HUGE_PAGES : 1;
    if (level)
        add_relaxed(&copy->child->space->huge_pages, HUGE_PAGES);
}

static int copy_entries(struct vma *vma, struct vma *child, struct gather *gather)
{
    struct address_space *space = vma->space;
    struct copy copy = {child, vma_page_protection(vma, false), gather, 0};
    uintptr_t at = vma->start;
    unsigned level;
    int err = 0;
    pte_t *entry;
    while (at < vma->end && (entry = arch_pte_next(&space->table, &at, vma->end, &level))) {
        bool is_huge;
        pte_t *child_entry = arch_pte(&child->space->table, at, level, true, &is_huge);
        if (!child_entry) {
            err = -ENOMEM;
            break;
        }
        uintptr_t piece_end = level ? at + HUGE_SIZE : MIN(vma->end, align_down(at, HUGE_SIZE) + HUGE_SIZE);
        struct spinlock *lock = table_lock_of(space, at);
        spin_lock(lock);
        for (; at < piece_end; at += level ? HUGE_SIZE : PAGE_SIZE, entry++, child_entry++)
            if (load_relaxed(entry))
                share_entry(&copy, entry, child_entry, at, level);
        spin_unlock(lock);
    }
    space_account_anonymous(child->space, copy.shared_pages);
    return err;
}

static int copy_vma(struct vma *vma, struct address_space *to, struct gather *gather)
{
    struct vma *copy = vma_create(to);
    if (!copy)
        return -ENOMEM;
    copy->start = vma->start;
    copy->end = vma->end;
    copy->protection = vma->protection;
    copy->flags = vma->flags & ~VMA_LOCKED; /* locks are not inherited */
    copy->offset = vma->offset;
    copy->name = vma->name;
    copy->object = vma->object;
    if (copy->object)
        copy->object->ops->get(copy->object);
    int err = 0;
    /* In the tree in any case: what was copied is undone by taking the child's space down. */
    if (vma_is_private(vma) && !(vma->flags & VMA_WIPE_ON_FORK))
        err = copy_entries(vma, copy, gather);
    vma_insert(copy);
    to->mapped_pages += (copy->end - copy->start) >> PAGE_SHIFT;
    return err;
}

int address_space_fork(struct address_space *from, struct address_space **out)
{
    struct address_space *to = address_space_create();
    if (!to)
        return -ENOMEM;
    struct gather gather;
    gather_init(&gather, from);
    int err = 0;
    rwlock_write_lock(&from->lock);
    to->search_top = from->search_top;
    to->brk_start = from->brk_start;
    to->brk_end = from->brk_end;
    to->limit_as = from->limit_as;
    to->limit_data = from->limit_data;
    to->limit_stack = from->limit_stack;
    for (struct vma *vma = vma_find(from, 0); vma && !err; vma = vma_next(vma))
        if (!(vma->flags & VMA_DONT_FORK))
            err = copy_vma(vma, to, &gather);
    to->peak_mapped_pages = to->mapped_pages;
    gather_flush(&gather); /* the parent must not write through old translations any more */
    rwlock_write_unlock(&from->lock);
    if (err) {
        address_space_put(to);
        return err;
    }
    *out = to;
    return 0;
}
