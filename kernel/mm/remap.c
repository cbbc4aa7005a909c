/*
 * mremap. A mapping grows in place where there is room; else it moves: a second vma of the same object, the program's
 * own pages moved entry by entry (pages of files are found again by faults), the old vma taken out.
 */
#include "space.h"

enum { MREMAP_MAYMOVE = 1, MREMAP_FIXED = 2, MREMAP_DONTUNMAP = 4 };
struct remap {
    struct address_space *space;
    uintptr_t old, new_address;
    size_t old_len, new_len;
    unsigned flags;
};

static int check(struct remap *remap)
{
    unsigned flags = remap->flags;
    remap->old_len = align_up(remap->old_len, PAGE_SIZE);
    remap->new_len = align_up(remap->new_len, PAGE_SIZE);
    if (flags & ~(unsigned)(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) || !is_aligned(remap->old, PAGE_SIZE) ||
        !remap->new_len || (flags & MREMAP_FIXED && !(flags & MREMAP_MAYMOVE)) ||
        (flags & MREMAP_DONTUNMAP && (!(flags & MREMAP_MAYMOVE) || remap->old_len != remap->new_len)))
        return -EINVAL;
    if (remap->old_len > USER_ADDRESS_MAX || remap->old > USER_ADDRESS_MAX - remap->old_len)
        return -EFAULT;
    if (!(flags & MREMAP_FIXED))
        return remap->new_len > USER_ADDRESS_MAX ? -ENOMEM : 0;
    uintptr_t to = remap->new_address;
    if (!is_aligned(to, PAGE_SIZE) || remap->new_len > USER_ADDRESS_MAX || to > USER_ADDRESS_MAX - remap->new_len)
        return -EINVAL;
    if (remap->old < to + remap->new_len && to < remap->old + remap->old_len)
        return -EINVAL;
    return to < USER_ADDRESS_MIN ? -EPERM : 0;
}

/* Moves one entry of a page of the program's own; the destination table exists. */
static void move_entry(struct vma *to, pte_t *from_entry, uintptr_t from_at, pte_t *to_entry, uintptr_t to_at,
                       unsigned level, struct gather *gather)
{
    struct address_space *space = to->space;
    struct spinlock *lock = table_lock_of(space, from_at);
    spin_lock(lock);
    pte_t was = load_relaxed(from_entry);
    bool is_own = was && page_of_entry(was)->flags & PAGE_FLAG_ANON;
    if (is_own)
        atomic_exchange(from_entry, 0);
    spin_unlock(lock);
    if (!is_own)
        return;
    lock = table_lock_of(space, to_at);
    spin_lock(lock);
    store_release(to_entry, was);
    spin_unlock(lock);
    gather_add(gather, from_at, level ? HUGE_SIZE : PAGE_SIZE, NULL);
}

/* Whether the huge entry at `at` can move as it is. */
static bool can_move_huge(const struct remap *remap, uintptr_t at, size_t len, uintptr_t to)
{
    return at >= remap->old && at + HUGE_SIZE <= remap->old + len && is_aligned(to, HUGE_SIZE);
}

static int move_entries(const struct remap *remap, struct vma *to, size_t len, struct gather *gather)
{
    struct arch_page_table *table = &remap->space->table;
    uintptr_t at = remap->old, end = remap->old + len;
    unsigned level;
    pte_t *entry;
    while (at < end && (entry = arch_pte_next(table, &at, end, &level))) {
        uintptr_t to_at = at - remap->old + to->start;
        if (level && !can_move_huge(remap, at, len, to_at)) {
            int err = tables_split(remap->space, at + PAGE_SIZE);
            if (err)
                return err;
            at = MAX(at, remap->old);
            continue;
        }
        bool is_huge;
        pte_t *to_entry = arch_pte(table, to_at, level, true, &is_huge);
        if (!to_entry)
            return -ENOMEM;
        if (level && load_relaxed(to_entry)) { /* a table stands there from before */
            int err = tables_split(remap->space, at + PAGE_SIZE);
            if (err)
                return err;
            continue;
        }
        move_entry(to, entry, at, to_entry, to_at, level, gather);
        at += level ? HUGE_SIZE : PAGE_SIZE;
    }
    return 0;
}

/* The vma at the new place, without pages, in the tree. */
static struct vma *clone_vma(struct vma *vma, uintptr_t old, uintptr_t start, size_t len)
{
    struct vma *copy = vma_create(vma->space);
    if (!copy)
        return NULL;
    copy->start = start;
    copy->end = start + len;
    copy->protection = vma->protection;
    copy->flags = vma->flags;
    copy->object = vma->object;
    copy->offset = vma->offset + (old - vma->start);
    copy->name = vma->name;
    if (copy->object)
        copy->object->ops->get(copy->object);
    vma_insert(copy);
    vma->space->mapped_pages += len >> PAGE_SHIFT;
    vma->space->peak_mapped_pages = MAX(vma->space->peak_mapped_pages, vma->space->mapped_pages);
    return copy;
}

/* Puts the entries back where they came from; their tables still exist. */
static void move_back(const struct remap *remap, struct vma *vma, struct vma *copy, size_t len, struct gather *gather)
{
    struct remap back = *remap;
    back.old = copy->start;
    /* `to` only lends its start: a view of the old vma that begins where the range did. */
    struct vma view = *vma;
    view.start = remap->old;
    int err = move_entries(&back, &view, len, gather);
    debug_assert(!err);
    (void)err;
}

static int move(const struct remap *remap, struct vma *vma, uintptr_t to, struct list *doomed)
{
    struct address_space *space = remap->space;
    size_t len = MIN(remap->old_len, remap->new_len);
    struct vma *copy = clone_vma(vma, remap->old, to, remap->new_len);
    if (!copy)
        return -ENOMEM;
    struct gather gather;
    gather_init(&gather, space);
    int err = move_entries(remap, copy, len, &gather);
    if (!err && !(remap->flags & MREMAP_DONTUNMAP) && remap->old_len) {
        gather_flush(&gather);
        err = unmap_locked(space, remap->old, remap->old + remap->old_len, doomed);
    }
    if (err)
        move_back(remap, vma, copy, len, &gather);
    gather_flush(&gather);
    if (err)
        unmap_locked(space, to, to + remap->new_len, doomed);
    else
        vma_merge(copy, doomed);
    return err;
}

static bool can_grow_in_place(struct vma *vma, const struct remap *remap)
{
    if (vma->end != remap->old + remap->old_len || remap->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
        return false;
    uintptr_t end = remap->old + remap->new_len;
    struct vma *next = vma_next(vma);
    return end <= USER_ADDRESS_MAX && end >= vma->end && (!next || next->start >= end);
}

static int grow(const struct remap *remap, struct vma *vma, uintptr_t *out, struct list *doomed)
{
    struct address_space *space = remap->space;
    size_t more = remap->new_len > remap->old_len ? remap->new_len - remap->old_len : 0;
    bool keeps_old = remap->flags & MREMAP_DONTUNMAP || !remap->old_len;
    int err = map_check_limits(space, keeps_old ? remap->new_len : more, 0, vma->protection, vma->flags);
    if (err)
        return err;
    if (remap->old_len && can_grow_in_place(vma, remap)) {
        vma_set_range(vma, vma->start, remap->old + remap->new_len);
        space->mapped_pages += more >> PAGE_SHIFT;
        space->peak_mapped_pages = MAX(space->peak_mapped_pages, space->mapped_pages);
        vma_merge(vma, doomed);
        *out = remap->old;
        return 0;
    }
    if (!(remap->flags & MREMAP_MAYMOVE))
        return -ENOMEM;
    if (space->vma_count >= VMA_COUNT_MAX - 3)
        return -ENOMEM;
    uintptr_t to = remap->new_address;
    if (remap->flags & MREMAP_FIXED)
        err = unmap_locked(space, to, to + remap->new_len, doomed);
    else
        err = map_find_area(space, remap->flags & MREMAP_DONTUNMAP ? to : 0, remap->new_len, 0, !vma->object, &to);
    if (!err)
        err = move(remap, vma_find(space, remap->old), to, doomed); /* making room may have split the vma */
    if (!err)
        *out = to;
    return err;
}

static int remap_locked(struct remap *remap, uintptr_t *out, struct list *doomed)
{
    struct address_space *space = remap->space;
    struct vma *vma = vma_find(space, remap->old);
    if (!vma || vma->start > remap->old)
        return -EFAULT;
    if (!remap->old_len && vma_is_private(vma))
        return -EINVAL;
    if (remap->flags & MREMAP_DONTUNMAP && vma->object && vma_is_private(vma))
        return -EINVAL;
    bool is_fixed = remap->flags & MREMAP_FIXED;
    if (remap->old_len >= remap->new_len && !(remap->flags & MREMAP_DONTUNMAP)) {
        int err = 0;
        if (remap->old_len > remap->new_len)
            err = unmap_locked(space, remap->old + remap->new_len, remap->old + remap->old_len, doomed);
        remap->old_len = remap->new_len;
        if (err || !is_fixed) {
            *out = remap->old;
            return err;
        }
        vma = vma_find(space, remap->old);
    }
    if (remap->old_len > vma->end - remap->old)
        return -EFAULT;
    return grow(remap, vma, out, doomed);
}

int address_space_remap(struct address_space *space, uintptr_t old, size_t old_len, size_t new_len, unsigned flags,
                        uintptr_t new_address, uintptr_t *out)
{
    struct remap remap = {
        .space = space,
        .old = old,
        .old_len = old_len,
        .new_len = new_len,
        .flags = flags,
        .new_address = new_address,
    };
    int err = check(&remap);
    if (err)
        return err;
    struct list doomed = LIST_INIT(doomed);
    uintptr_t at = 0, end = 0;
    rwlock_write_lock(&space->lock);
    err = remap_locked(&remap, &at, &doomed);
    if (!err) {
        struct vma *vma = vma_find(space, at);
        end = vma && vma->flags & VMA_LOCKED ? at + remap.new_len : 0;
    }
    rwlock_write_unlock(&space->lock);
    vmas_free(&doomed);
    if (err)
        return err;
    if (end)
        populate_as_mapped(space, at, end);
    *out = at;
    return 0;
}
