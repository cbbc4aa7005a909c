/* mprotect, and the madvise advices that are kept as flags of vmas: both change attributes of a range, splitting vmas.
 */
#include "attributes.h"
#include "space.h"

/* One entry, under its lock. Becoming writable is left to the next fault where a page may be shared. */
static void protect_entry(struct vma *vma, pte_t *entry, uintptr_t at, unsigned level, struct gather *gather)
{
    pte_t was = load_relaxed(entry);
    struct page *page = page_of_entry(was);
    bool is_writable = vma_is_private(vma) ? page_has_sole_user(page) : arch_pte_is_writable(was);
    pte_t wanted = vma_entry(vma, page, is_writable, level);
    unsigned before = arch_pte_is_present(was) ? arch_pte_protection(was) : 0, after = arch_pte_protection(wanted);
    if (before == after && arch_pte_is_present(was) == arch_pte_is_present(wanted))
        return;
    was = atomic_exchange(entry, 0); /* so that no CPU sets the dirty bit of what is about to be overwritten */
    if (!vma_is_private(vma) && arch_pte_is_dirty(was) && vma->object->ops->mark_dirty)
        vma->object->ops->mark_dirty(vma->object, page);
    store_release(entry, wanted);
    if (before & ~after || !arch_pte_is_present(wanted))
        gather_add(gather, at, level ? HUGE_SIZE : PAGE_SIZE, NULL);
}

int tables_protect(struct vma *vma, uintptr_t start, uintptr_t end, struct gather *gather)
{
    struct address_space *space = vma->space;
    uintptr_t at = start;
    unsigned level;
    pte_t *entry;
    while (at < end && (entry = arch_pte_next(&space->table, &at, end, &level))) {
        struct spinlock *lock = table_lock_of(space, at);
        int err = 0;
        spin_lock(lock);
        if (level && !(vma->protection & PROT_ANY)) {
            err = tables_split_locked(space, at, entry);
        } else if (load_relaxed(entry)) {
            protect_entry(vma, entry, at, level, gather);
            at += level ? HUGE_SIZE : PAGE_SIZE;
        }
        spin_unlock(lock);
        if (err)
            return err;
    }
    return 0;
}

/* Applies `change` to each vma of [start, end), cut at the ends; goes on past holes, which make -ENOMEM in the end when
 * `go_on_at_holes`, else stops there. space->lock held for writing. */
int change_attributes(struct address_space *space, uintptr_t start, uintptr_t end, bool go_on_at_holes,
                      const struct attribute_change *change, struct list *doomed)
{
    struct vma *vma = vma_find(space, start);
    int hole = 0;
    while (start < end) {
        if (!vma || vma->start > start) {
            hole = -ENOMEM;
            if (!go_on_at_holes || !vma || vma->start >= end)
                return hole;
            start = vma->start;
        }
        int err = change->check ? change->check(vma, start, MIN(end, vma->end), change) : 0;
        if (!err && change->is_needed(vma, change)) {
            if (vma->start < start)
                err = vma_split(vma, start, &vma);
            if (!err && vma->end > end)
                err = vma_split(vma, end, NULL);
            if (!err)
                err = change->apply(vma, change);
            if (!err)
                vma = vma_merge(vma, doomed);
        }
        if (err)
            return err;
        start = MAX(start, MIN(vma->end, end));
        vma = vma->end > start ? vma : vma_next(vma);
    }
    return hole;
}

static bool protect_is_needed(const struct vma *vma, const struct attribute_change *change)
{
    return vma->protection != change->value;
}

static int protect_check(struct vma *vma, uintptr_t start, uintptr_t end, const struct attribute_change *change)
{
    if (change->value & PROT_WRITE && !(vma->flags & VMA_MAY_WRITE))
        return -EACCES;
    bool was_data = vma->protection & PROT_WRITE || !vma_is_private(vma);
    if (was_data || !(change->value & PROT_WRITE))
        return 0;
    /* Bytes that become private and writable; they are mapped already, so RLIMIT_AS does not count them again. */
    return map_check_limits(vma->space, end - start, end - start, change->value, vma->flags);
}

static int protect_apply(struct vma *vma, const struct attribute_change *change)
{
    unsigned old = vma->protection;
    vma->protection = change->value;
    int err = tables_protect(vma, vma->start, vma->end, change->gather);
    if (err)
        vma->protection = old; /* entries that lost access already get it back by faults */
    return err;
}

int address_space_protect(struct address_space *space, uintptr_t start, size_t len, unsigned protection)
{
    bool grows_down = protection & PROT_GROWSDOWN;
    if (!is_aligned(start, PAGE_SIZE) || protection & ~(PROT_ANY | PROT_SEM | PROT_GROWSDOWN | PROT_GROWSUP) ||
        protection & PROT_GROWSUP)
        return -EINVAL;
    if (!len)
        return 0;
    if (len > USER_ADDRESS_MAX || start > USER_ADDRESS_MAX - align_up(len, PAGE_SIZE))
        return -ENOMEM;
    uintptr_t end = start + align_up(len, PAGE_SIZE);
    struct list doomed = LIST_INIT(doomed);
    struct gather gather;
    gather_init(&gather, space);
    struct attribute_change change = {
        .check = protect_check,
        .is_needed = protect_is_needed,
        .apply = protect_apply,
        .value = protection & PROT_ANY,
        .gather = &gather,
    };
    int err = 0;
    rwlock_write_lock(&space->lock);
    if (grows_down) {
        struct vma *vma = vma_find(space, start);
        if (!vma || vma->start >= end)
            err = -ENOMEM;
        else if (!(vma->flags & VMA_GROWS_DOWN))
            err = -EINVAL;
        else
            start = vma->start;
    }
    if (!err)
        err = change_attributes(space, start, end, false, &change, &doomed);
    gather_flush(&gather);
    rwlock_write_unlock(&space->lock);
    vmas_free(&doomed);
    return err;
}
