/* mmap, munmap, brk: where a mapping may go, whether the limits allow it, and undoing what is there. */
#include "space.h"
#include "zone.h"

enum { SMALL_MACHINE = 64 << 20 };

/* Private memory that a program may write: what RLIMIT_DATA and overcommit look at. */
static bool is_data(unsigned protection, unsigned vma_flags)
{
    return protection & PROT_WRITE && !(vma_flags & (VMA_SHARED | VMA_GROWS_DOWN));
}

static uint64_t data_bytes(struct address_space *space)
{
    uint64_t bytes = 0;
    for (struct vma *vma = vma_find(space, 0); vma; vma = vma_next(vma))
        bytes += is_data(vma->protection, vma->flags) ? vma->end - vma->start : 0;
    return bytes;
}

int map_check_limits(struct address_space *space, size_t len, size_t replaced, unsigned protection, unsigned vma_flags)
{
    uint64_t mapped = space->mapped_pages << PAGE_SHIFT;
    if (space->limit_as != UINT64_MAX && mapped - replaced + len > space->limit_as)
        return -ENOMEM;
    if (!is_data(protection, vma_flags))
        return 0;
    if (space->limit_data != UINT64_MAX && data_bytes(space) + len > space->limit_data)
        return -ENOMEM;
    /*
     * Overcommit: only what can never be had is refused (vm.overcommit_memory 0 without swap). Small machines take it
     * less strictly: runtimes reserve areas of tens of MiB of which they touch little (Ruby's transient heap: 32 MiB).
     */
    uint64_t limit_pages = MAX(load_relaxed(&zone.total_pages), (uint64_t)(SMALL_MACHINE >> PAGE_SHIFT));
    if (!(vma_flags & VMA_NO_RESERVE) && len >> PAGE_SHIFT > limit_pages)
        return -ENOMEM;
    return 0;
}

void vmas_free(struct list *doomed)
{
    while (!list_is_empty(doomed)) {
        struct vma *vma = list_first(doomed, struct vma, link);
        list_remove(&vma->link);
        vma_free(vma);
    }
}

/*
 * Frees tables that served nothing but [start, end), in which nothing is mapped any more. It interrupts every CPU that
 * has the space loaded, so small ranges, which come and go in the same places, leave their table for the next one.
 */
static void trim_tables(struct address_space *space, uintptr_t start, uintptr_t end)
{
    if (end - start < HUGE_SIZE)
        return;
    struct vma *next = vma_find(space, start);
    struct vma *previous = next ? vma_previous(next) : NULL;
    if (!next) {
        struct rb_node *last = rb_last(&space->vmas);
        previous = last ? container_of(last, struct vma, node) : NULL;
    }
    uintptr_t floor = previous ? align_up(previous->end, HUGE_SIZE) : 0;
    uintptr_t ceiling = next ? align_down(next->start, HUGE_SIZE) : USER_ADDRESS_MAX;
    start = MAX(align_down(start, HUGE_SIZE), floor);
    end = MIN(align_up(end, HUGE_SIZE), ceiling);
    if (start >= end)
        return;
    spin_lock(&space->table_lock);
    arch_page_table_trim(&space->table, start, end); /* flushes where the table is loaded before it frees */
    spin_unlock(&space->table_lock);
}

/* Splits vmas at both ends, so that the range can be taken out whole. Changes nothing that is seen. */
static int split_ends(struct address_space *space, uintptr_t start, uintptr_t end)
{
    uintptr_t ends[2] = {start, end};
    for (unsigned i = 0; i < 2; i++) {
        struct vma *vma = vma_find(space, ends[i]);
        if (!vma || vma->start >= ends[i])
            continue;
        int err = vma_split(vma, ends[i], NULL);
        if (err)
            return err;
    }
    return 0;
}

/* space->lock held for writing; the vmas go to `doomed`, to be freed by vmas_free after the lock. */
int unmap_locked(struct address_space *space, uintptr_t start, uintptr_t end, struct list *doomed)
{
    int err = split_ends(space, start, end);
    if (err)
        return err;
    struct gather gather;
    gather_init(&gather, space);
    struct vma *vma = vma_find(space, start), *next;
    for (; vma && vma->start < end; vma = next) {
        next = vma_next(vma);
        err = tables_clear(vma, vma->start, vma->end, false, &gather);
        assert(!err); /* huge pages do not reach across vmas, and the ends were split */
        space->mapped_pages -= (vma->end - vma->start) >> PAGE_SHIFT;
        vma_remove(vma);
        list_add_last(doomed, &vma->link);
    }
    gather_flush(&gather);
    trim_tables(space, start, end);
    return 0;
}

/* The tables stay: they go with the space, when no CPU has it loaded any more. */
void unmap_all_locked(struct address_space *space, struct list *doomed)
{
    struct gather gather;
    gather_init(&gather, space);
    gather.is_unused = true;
    for (struct vma *vma = vma_find(space, 0), *next; vma; vma = next) {
        next = vma_next(vma);
        int err = tables_clear(vma, vma->start, vma->end, false, &gather);
        assert(!err); /* whole vmas: nothing is split */
        vma_forget(vma);
        list_add_last(doomed, &vma->link);
    }
    gather_flush(&gather);
    space->vmas = (struct rb_tree){0};
    space->vma_count = space->mapped_pages = 0;
}

int address_space_unmap(struct address_space *space, uintptr_t start, size_t len)
{
    if (!is_aligned(start, PAGE_SIZE) || !len || len > USER_ADDRESS_MAX || start > USER_ADDRESS_MAX - len)
        return -EINVAL;
    struct list doomed = LIST_INIT(doomed);
    rwlock_write_lock(&space->lock);
    int err = unmap_locked(space, start, start + align_up(len, PAGE_SIZE), &doomed);
    rwlock_write_unlock(&space->lock);
    vmas_free(&doomed);
    return err;
}

static bool is_free(struct address_space *space, uintptr_t start, size_t len)
{
    struct vma *next = vma_find(space, start);
    if (!next)
        return true;
    uintptr_t end = start + len, limit = next->flags & VMA_GROWS_DOWN ? next->start - STACK_GUARD : next->start;
    return next->start >= end && limit >= end;
}

int map_find_area(struct address_space *space, uintptr_t hint, size_t len, unsigned map_flags, bool is_anonymous,
                  uintptr_t *out)
{
    if (len > USER_ADDRESS_MAX - USER_ADDRESS_MIN)
        return -ENOMEM;
    hint = align_up(hint, PAGE_SIZE);
    if (hint && !(map_flags & MAP_32BIT)) {
        hint = MAX(hint, USER_ADDRESS_MIN);
        if (hint <= USER_ADDRESS_MAX - len && is_free(space, hint, len)) {
            *out = hint;
            return 0;
        }
    }
    if (map_flags & MAP_32BIT)
        return vma_search(space, len, 0x40000000, 0x80000000, PAGE_SIZE, out);
    /* Where huge pages may come to stand, at their alignment. */
    if (is_anonymous && is_aligned(len, HUGE_SIZE) &&
        !vma_search(space, len, USER_ADDRESS_MIN, space->search_top, HUGE_SIZE, out))
        return 0;
    if (!vma_search(space, len, USER_ADDRESS_MIN, space->search_top, PAGE_SIZE, out))
        return 0;
    return vma_search(space, len, USER_ADDRESS_MIN, USER_ADDRESS_MAX, PAGE_SIZE, out);
}

static unsigned flags_of(const struct map_request *request)
{
    unsigned flags = 0;
    if ((request->flags & MAP_TYPE) == MAP_SHARED)
        flags |= VMA_SHARED;
    if (request->may_write || !request->object || !(flags & VMA_SHARED))
        flags |= VMA_MAY_WRITE;
    if (request->flags & MAP_GROWSDOWN)
        flags |= VMA_GROWS_DOWN;
    if (request->flags & MAP_STACK)
        flags |= VMA_STACK;
    if (request->flags & MAP_NORESERVE)
        flags |= VMA_NO_RESERVE;
    if (request->flags & MAP_LOCKED)
        flags |= VMA_LOCKED;
    return flags;
}

static int check_request(const struct map_request *request, size_t *len)
{
    unsigned type = request->flags & MAP_TYPE;
    uint64_t end;
    if (!request->len || (type != MAP_SHARED && type != MAP_PRIVATE) || !is_aligned(request->offset, PAGE_SIZE))
        return -EINVAL;
    *len = align_up(request->len, PAGE_SIZE);
    if (!*len || *len > USER_ADDRESS_MAX || request->flags & MAP_HUGETLB)
        return -ENOMEM;
    if (request->object && (add_overflows(request->offset, *len, &end) || end > INT64_MAX))
        return -EOVERFLOW;
    if (request->flags & MAP_GROWSDOWN && (type == MAP_SHARED || request->object))
        return -EINVAL;
    if (type == MAP_SHARED && !request->object)
        return -EINVAL;
    return 0;
}

/* Where it goes; with MAP_FIXED the place as asked. */
static int find_place(struct address_space *space, const struct map_request *request, size_t len, uintptr_t *at)
{
    if (!(request->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)))
        return map_find_area(space, request->address, len, request->flags, !request->object, at);
    uintptr_t address = request->address;
    if (address > USER_ADDRESS_MAX - len)
        return -ENOMEM;
    if (!is_aligned(address, PAGE_SIZE))
        return -EINVAL;
    if (address < USER_ADDRESS_MIN)
        return -EPERM;
    struct vma *vma = vma_find(space, address);
    if (request->flags & MAP_FIXED_NOREPLACE && vma && vma->start < address + len)
        return -EEXIST;
    *at = address;
    return 0;
}

/* Bytes mapped in [start, end). */
static size_t mapped_in(struct address_space *space, uintptr_t start, uintptr_t end)
{
    size_t bytes = 0;
    for (struct vma *vma = vma_find(space, start); vma && vma->start < end; vma = vma_next(vma))
        bytes += MIN(vma->end, end) - MAX(vma->start, start);
    return bytes;
}

static void fill_vma(struct vma *vma, const struct map_request *request, uintptr_t at, size_t len)
{
    vma->start = at;
    vma->end = at + len;
    vma->protection = request->protection & PROT_ANY;
    vma->flags = flags_of(request);
    vma->object = request->object;
    vma->offset = request->object ? request->offset : 0;
    vma->name = request->name;
    if (vma->object)
        vma->object->ops->get(vma->object);
}

static int map_locked(struct address_space *space, const struct map_request *request, size_t len, uintptr_t *at,
                      struct list *doomed)
{
    int err = find_place(space, request, len, at);
    if (err)
        return err;
    size_t replaced = mapped_in(space, *at, *at + len);
    err = map_check_limits(space, len, replaced, request->protection, flags_of(request));
    if (!err && space->vma_count >= VMA_COUNT_MAX)
        err = -ENOMEM;
    struct vma *vma = err ? NULL : vma_create(space);
    if (!vma)
        return err ? err : -ENOMEM;
    if (replaced)
        err = unmap_locked(space, *at, *at + len, doomed);
    if (err) {
        vma_free(vma);
        return err;
    }
    fill_vma(vma, request, *at, len);
    vma_insert(vma);
    space->mapped_pages += len >> PAGE_SHIFT;
    space->peak_mapped_pages = MAX(space->peak_mapped_pages, space->mapped_pages);
    vma_merge(vma, doomed);
    return 0;
}

int address_space_map(struct address_space *space, const struct map_request *request, uintptr_t *out)
{
    size_t len;
    uintptr_t at = 0;
    int err = check_request(request, &len);
    if (err)
        return err;
    struct list doomed = LIST_INIT(doomed);
    rwlock_write_lock(&space->lock);
    err = map_locked(space, request, len, &at, &doomed);
    rwlock_write_unlock(&space->lock);
    vmas_free(&doomed);
    if (err)
        return err;
    *out = at;
    bool is_wanted = request->flags & MAP_LOCKED || (request->flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
    if (is_wanted)
        populate_as_mapped(space, at, at + len);
    return 0;
}

void address_space_set_brk(struct address_space *space, uintptr_t start)
{
    rwlock_write_lock(&space->lock);
    space->brk_start = space->brk_end = start;
    rwlock_write_unlock(&space->lock);
}

static int brk_grow(struct address_space *space, uintptr_t start, uintptr_t end, struct list *doomed)
{
    struct vma *next = vma_find(space, start);
    if (end > USER_ADDRESS_MAX || (next && (next->start < end + PAGE_SIZE || !is_free(space, start, end - start))))
        return -ENOMEM;
    struct map_request request = {
        .address = start,
        .len = end - start,
        .protection = PROT_READ | PROT_WRITE,
        .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
        .name = "[heap]",
    };
    uintptr_t at;
    return map_locked(space, &request, end - start, &at, doomed);
}

uintptr_t address_space_brk(struct address_space *space, uintptr_t end)
{
    struct list doomed = LIST_INIT(doomed);
    rwlock_write_lock(&space->lock);
    if (end >= space->brk_start && end <= USER_ADDRESS_MAX) {
        uintptr_t old_top = align_up(space->brk_end, PAGE_SIZE), new_top = align_up(end, PAGE_SIZE);
        int err = 0;
        if (space->limit_data != UINT64_MAX && end - space->brk_start > space->limit_data)
            err = -ENOMEM;
        else if (new_top > old_top)
            err = brk_grow(space, old_top, new_top, &doomed);
        else if (new_top < old_top)
            err = unmap_locked(space, new_top, old_top, &doomed);
        if (!err)
            space->brk_end = end;
    }
    uintptr_t now = space->brk_end;
    rwlock_write_unlock(&space->lock);
    vmas_free(&doomed);
    return now;
}
