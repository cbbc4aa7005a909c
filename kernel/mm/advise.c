/* madvise, mlock, msync, mincore. Errors as the manual pages say; holes in the range are passed over and give -ENOMEM.
 */
#include "attributes.h"

enum {
    MADV_NORMAL = 0,
    MADV_RANDOM = 1,
    MADV_SEQUENTIAL = 2,
    MADV_WILLNEED = 3,
    MADV_DONTNEED = 4,
    MADV_FREE = 8,
    MADV_REMOVE = 9,
    MADV_DONTFORK = 10,
    MADV_DOFORK = 11,
    MADV_HUGEPAGE = 14,
    MADV_NOHUGEPAGE = 15,
    MADV_DONTDUMP = 16,
    MADV_DODUMP = 17,
    MADV_WIPEONFORK = 18,
    MADV_KEEPONFORK = 19,
    MADV_COLD = 20,
    MADV_PAGEOUT = 21,
    MADV_POPULATE_READ = 22,
    MADV_POPULATE_WRITE = 23,
};
enum { MS_ASYNC = 1, MS_INVALIDATE = 2, MS_SYNC = 4 };

/* Advices that are flags of the vma. */
static const struct {
    int advice;
    unsigned set, clear;
} flag_advices[] = {
    {MADV_NORMAL, 0, VMA_RANDOM | VMA_SEQUENTIAL},
    {MADV_RANDOM, VMA_RANDOM, VMA_SEQUENTIAL},
    {MADV_SEQUENTIAL, VMA_SEQUENTIAL, VMA_RANDOM},
    {MADV_DONTFORK, VMA_DONT_FORK, 0},
    {MADV_DOFORK, 0, VMA_DONT_FORK},
    {MADV_HUGEPAGE, VMA_HUGE, VMA_NO_HUGE},
    {MADV_NOHUGEPAGE, VMA_NO_HUGE, VMA_HUGE},
    {MADV_DONTDUMP, VMA_DONT_DUMP, 0},
    {MADV_DODUMP, 0, VMA_DONT_DUMP},
    {MADV_WIPEONFORK, VMA_WIPE_ON_FORK, 0},
    {MADV_KEEPONFORK, 0, VMA_WIPE_ON_FORK},
};

static bool flags_are_needed(const struct vma *vma, const struct attribute_change *change)
{
    return ((vma->flags & ~change->clear) | change->value) != vma->flags;
}

static int flags_check(struct vma *vma, uintptr_t start, uintptr_t end, const struct attribute_change *change)
{
    return change->value & VMA_WIPE_ON_FORK && (vma->object || !vma_is_private(vma)) ? -EINVAL : 0;
}

static int flags_apply(struct vma *vma, const struct attribute_change *change)
{
    vma->flags = (vma->flags & ~change->clear) | change->value;
    return 0;
}

int change_flags(struct address_space *space, uintptr_t start, uintptr_t end, bool go_on_at_holes, unsigned set,
                 unsigned clear)
{
    struct attribute_change change = {
        .check = flags_check,
        .is_needed = flags_are_needed,
        .apply = flags_apply,
        .value = set,
        .clear = clear,
    };
    struct list doomed = LIST_INIT(doomed);
    rwlock_write_lock(&space->lock);
    int err = change_attributes(space, start, end, go_on_at_holes, &change, &doomed);
    rwlock_write_unlock(&space->lock);
    vmas_free(&doomed);
    return err;
}

/* DONTNEED and FREE: the pages go at once; MADV_FREE allows "at any time". */
static int discard(struct vma *vma, uintptr_t start, uintptr_t end, int advice)
{
    if (vma->flags & VMA_LOCKED || (advice == MADV_FREE && (vma->object || !vma_is_private(vma))))
        return -EINVAL;
    struct gather gather;
    gather_init(&gather, vma->space);
    int err = tables_split(vma->space, start);
    if (!err)
        err = tables_split(vma->space, end);
    if (!err)
        err = tables_clear(vma, start, end, false, &gather);
    gather_flush(&gather);
    return err;
}

/* What an advice that changes no vma does with the part [start, end) of one; space->lock held for reading. */
static int advise_vma(struct vma *vma, uintptr_t start, uintptr_t end, int advice)
{
    switch (advice) {
    case MADV_DONTNEED:
    case MADV_FREE:
        return discard(vma, start, end, advice);
    case MADV_COLD:
    case MADV_PAGEOUT:
        return vma->flags & VMA_LOCKED ? -EINVAL : 0; /* there is nowhere to page out to */
    case MADV_REMOVE:
        if (vma->flags & VMA_LOCKED || !vma->object)
            return -EINVAL;
        return vma_is_private(vma) || !(vma->protection & PROT_WRITE) ? -EACCES : -EOPNOTSUPP;
    default:
        return 0; /* WILLNEED: files read ahead by themselves */
    }
}

static int advise_range(struct address_space *space, uintptr_t start, uintptr_t end, int advice)
{
    int err = 0;
    bool has_hole = false;
    rwlock_read_lock(&space->lock);
    for (struct vma *vma = vma_find(space, start); start < end && !err; vma = vma_next(vma)) {
        has_hole |= !vma || vma->start > start;
        if (!vma || vma->start >= end)
            break;
        err = advise_vma(vma, MAX(start, vma->start), MIN(end, vma->end), advice);
        start = vma->end;
    }
    rwlock_read_unlock(&space->lock);
    return err ? err : has_hole ? -ENOMEM : 0;
}

/* -ENOMEM at a hole, -EINVAL where the access is not allowed, -EFAULT where the page cannot be had. */
static int advise_populate(struct address_space *space, uintptr_t start, uintptr_t end, enum fault_access access)
{
    switch (populate(space, start, end, access)) {
    case FAULT_OK:
        return 0;
    case FAULT_NOT_ALLOWED:
        return -EINVAL;
    case FAULT_BEYOND_END:
        return -EFAULT;
    default:
        return -ENOMEM;
    }
}

int address_space_advise(struct address_space *space, uintptr_t start, size_t len, int advice)
{
    static const int others[] = {MADV_WILLNEED, MADV_DONTNEED, MADV_FREE,          MADV_REMOVE,
                                 MADV_COLD,     MADV_PAGEOUT,  MADV_POPULATE_READ, MADV_POPULATE_WRITE};
    bool is_known = false;
    size_t flag = 0;
    while (flag < ARRAY_SIZE(flag_advices) && flag_advices[flag].advice != advice)
        flag++;
    for (unsigned i = 0; i < ARRAY_SIZE(others); i++)
        is_known |= others[i] == advice;
    if ((!is_known && flag == ARRAY_SIZE(flag_advices)) || !is_aligned(start, PAGE_SIZE))
        return -EINVAL;
    size_t size = align_up(len, PAGE_SIZE);
    if (size < len || start + size < start)
        return -EINVAL;
    if (!size)
        return 0;
    uintptr_t end = start + size;
    if (flag < ARRAY_SIZE(flag_advices))
        return change_flags(space, start, end, true, flag_advices[flag].set, flag_advices[flag].clear);
    if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
        return advise_populate(space, start, end, advice == MADV_POPULATE_READ ? FAULT_READ : FAULT_WRITE);
    return advise_range(space, start, end, advice);
}

int address_space_lock_pages(struct address_space *space, uintptr_t start, size_t len, bool lock)
{
    size_t size = align_up(len + (start & ~PAGE_MASK), PAGE_SIZE);
    start &= PAGE_MASK;
    if (size < len || start + size < start)
        return -EINVAL;
    if (!size)
        return 0;
    int err = change_flags(space, start, start + size, false, lock ? VMA_LOCKED : 0, lock ? 0 : VMA_LOCKED);
    return err || !lock ? err : populate_as_mapped(space, start, start + size);
}

/* The shared object behind `*at`, referenced, and its bytes up to `end`; moves *at to where to go on. */
static bool next_to_sync(struct address_space *space, uintptr_t *at, uintptr_t end, struct vm_object **object,
                         uint64_t range[2], bool *has_hole)
{
    *object = NULL;
    rwlock_read_lock(&space->lock);
    struct vma *vma = vma_find(space, *at);
    *has_hole |= !vma || vma->start > *at;
    bool is_there = vma && vma->start < end;
    if (is_there) {
        uintptr_t start = MAX(*at, vma->start), stop = MIN(end, vma->end);
        if (vma->object && !vma_is_private(vma)) {
            *object = vma->object;
            vma->object->ops->get(vma->object);
            range[0] = vma->offset + (start - vma->start);
            range[1] = vma->offset + (stop - vma->start);
        }
        *at = stop;
    }
    rwlock_read_unlock(&space->lock);
    return is_there;
}

int address_space_sync(struct address_space *space, uintptr_t start, size_t len, int flags)
{
    size_t size = align_up(len, PAGE_SIZE);
    if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || (flags & MS_ASYNC && flags & MS_SYNC) ||
        !is_aligned(start, PAGE_SIZE))
        return -EINVAL;
    if (size < len || start + size < start)
        return -ENOMEM;
    uintptr_t at = start, end = start + size;
    bool has_hole = false;
    int err = 0;
    while (at < end && !err) {
        struct vm_object *object;
        uint64_t range[2];
        if (!next_to_sync(space, &at, end, &object, range, &has_hole))
            break;
        if (!object)
            continue;
        if (flags & MS_SYNC && object->ops->sync)
            err = object->ops->sync(object, range[0], range[1]);
        object->ops->put(object);
    }
    return err ? err : has_hole ? -ENOMEM : 0;
}

static bool is_resident(struct vma *vma, uintptr_t at)
{
    bool is_huge;
    pte_t *entry = arch_pte(&vma->space->table, at, 0, false, &is_huge);
    if (entry && load_relaxed(entry))
        return true;
    if (!vma->object || !vma->object->ops->find_page)
        return false;
    struct page *page = vma->object->ops->find_page(vma->object, vma_index(vma, at));
    if (page)
        page_put(page);
    return page != NULL;
}

int address_space_mincore(struct address_space *space, uintptr_t start, size_t len, uint8_t *vector)
{
    if (!is_aligned(start, PAGE_SIZE))
        return -EINVAL;
    if (len > USER_ADDRESS_MAX || start > USER_ADDRESS_MAX - len)
        return -ENOMEM;
    int err = 0;
    uintptr_t end = start + align_up(len, PAGE_SIZE);
    rwlock_read_lock(&space->lock);
    struct vma *vma = vma_find(space, start);
    for (uintptr_t at = start; at < end && !err; at += PAGE_SIZE) {
        if (vma && vma->end <= at)
            vma = vma_next(vma);
        if (!vma || vma->start > at)
            err = -ENOMEM;
        else
            *vector++ = is_resident(vma, at);
    }
    rwlock_read_unlock(&space->lock);
    return err;
}
