/*
 * Page-table entries: their locks, clearing with batched TLB flushes, splitting of huge entries.
 *
 * One lock, of a hashed set, guards the 512 entries of a level 0 table and the level 1 entry above it. An entry that is
 * not 0 holds a reference of its page (but of the page of zeros) and counts in the page's map_count; with PROT_NONE it
 * does so without being present.
 */
#include "space.h"

enum { LOCK_COUNT = 512 };
static struct {
    struct spinlock lock;
} __attribute__((aligned(64))) locks[LOCK_COUNT];

struct spinlock *table_lock_of(struct address_space *space, uintptr_t address)
{
    uint64_t key = ((uintptr_t)space >> 6) * UINT64_C(0x9e3779b97f4a7c15) + (address >> 21);
    return &locks[key % LOCK_COUNT].lock;
}

unsigned vma_page_protection(const struct vma *vma, bool is_writable)
{
    unsigned protection = PAGE_USER;
    if (vma->protection & PROT_ANY)
        protection |= PAGE_READ;
    if (vma->protection & PROT_EXEC)
        protection |= PAGE_EXECUTE;
    if (is_writable && vma->protection & PROT_WRITE)
        protection |= PAGE_WRITE;
    return protection;
}

pte_t vma_entry(const struct vma *vma, const struct page *page, bool is_writable, unsigned level)
{
    return arch_pte_make(page_physical(page), vma_page_protection(vma, is_writable), level);
}

static void watch_peak(struct address_space *space)
{
    int64_t now = load_relaxed(&space->anonymous_pages) + load_relaxed(&space->file_pages);
    if (now > load_relaxed(&space->peak_resident_pages))
        store_relaxed(&space->peak_resident_pages, now);
}

void space_account_anonymous(struct address_space *space, int64_t pages)
{
    add_relaxed(&space->anonymous_pages, pages);
    memory_account(MEMORY_ANONYMOUS, pages);
    if (pages > 0)
        watch_peak(space);
}

void space_account(struct address_space *space, const struct page *page, int64_t pages)
{
    if (page->flags & PAGE_FLAG_ANON) {
        space_account_anonymous(space, pages);
        return;
    }
    if (page->flags & PAGE_FLAG_ZERO)
        return;
    add_relaxed(&space->file_pages, pages);
    if (pages > 0)
        watch_peak(space);
}

bool page_has_sole_user(struct page *page)
{
    struct page *head = page;
    if (page->flags & PAGE_FLAG_TAIL)
        head = page_of_physical(align_down(page_physical(page), PAGE_SIZE << page->order));
    return page->flags & PAGE_FLAG_ANON && load_acquire(&head->refs.count) == 1;
}

void gather_init(struct gather *gather, struct address_space *space)
{
    gather->space = space;
    gather->is_unused = false;
    gather->start = UINTPTR_MAX;
    gather->end = 0;
    gather->anonymous_pages = gather->file_pages = gather->huge_pages = 0;
    gather->count = 0;
}

static void gather_account(struct gather *gather)
{
    struct address_space *space = gather->space;
    if (gather->anonymous_pages)
        space_account_anonymous(space, -gather->anonymous_pages);
    if (gather->file_pages)
        add_relaxed(&space->file_pages, -gather->file_pages);
    if (gather->huge_pages)
        add_relaxed(&space->huge_pages, -gather->huge_pages);
    gather->anonymous_pages = gather->file_pages = gather->huge_pages = 0;
}

void gather_flush(struct gather *gather)
{
    gather_account(gather);
    if (gather->start < gather->end && !gather->is_unused)
        space_flush(gather->space, gather->start, gather->end);
    for (unsigned i = 0; i < gather->count; i++)
        page_put(gather->pages[i]);
    gather->count = 0;
    gather->start = UINTPTR_MAX;
    gather->end = 0;
}

void gather_add(struct gather *gather, uintptr_t start, size_t size, struct page *page)
{
    gather->start = MIN(gather->start, start);
    gather->end = MAX(gather->end, start + size);
    if (!page)
        return;
    gather->pages[gather->count++] = page;
    if (gather->count == GATHER_MAX)
        gather_flush(gather);
}

/* Makes 512 small entries of a huge one. Called with its page-table lock. */
int tables_split_locked(struct address_space *space, uintptr_t base, pte_t *huge)
{
    pte_t was = atomic_exchange(huge, 0);
    /* No CPU may hold a 2 MiB translation and 4 KiB ones of the same memory (Intel SDM 3A 4.10.2.3). */
    space_flush(space, base, base + HUGE_SIZE);
    bool is_huge;
    pte_t *entries = arch_pte(&space->table, base, 0, true, &is_huge);
    if (!entries) {
        pte_t empty = 0;
        if (atomic_compare_exchange(huge, &empty, was))
            return -ENOMEM;
        entries = arch_pte(&space->table, base, 0, false, &is_huge); /* a fault elsewhere got a table meanwhile */
    }
    struct page *page = page_of_entry(was);
    if (load_relaxed(&page->refs.count) == 1)
        page_split_huge(page);
    else
        add_relaxed(&page->refs.count, HUGE_PAGES - 1u);
    add_relaxed(&space->huge_pages, -HUGE_PAGES);
    unsigned protection = arch_pte_protection(was);
    for (unsigned i = 0; i < HUGE_PAGES; i++)
        store_release(&entries[i], arch_pte_make(arch_pte_physical(was) + i * PAGE_SIZE, protection, 0));
    return 0;
}

int tables_split(struct address_space *space, uintptr_t address)
{
    uintptr_t base = align_down(address, HUGE_SIZE);
    if (base == address)
        return 0;
    struct spinlock *lock = table_lock_of(space, base);
    bool is_huge;
    int err = 0;
    spin_lock(lock);
    pte_t *entry = arch_pte(&space->table, base, 1, false, &is_huge);
    if (entry && arch_pte_is_huge(*entry))
        err = tables_split_locked(space, base, entry);
    spin_unlock(lock);
    return err;
}

/* Clears one entry under its lock; the page goes to the gather. */
static void clear_entry(struct vma *vma, pte_t *entry, uintptr_t at, unsigned level, struct gather *gather)
{
    pte_t was = load_relaxed(entry);
    if (gather->is_unused)
        store_relaxed(entry, 0); /* no CPU sets its bits any more */
    else
        was = atomic_exchange(entry, 0);
    struct page *page = page_of_entry(was);
    if (page->flags & PAGE_FLAG_ZERO) {
        gather_add(gather, at, PAGE_SIZE, NULL);
        return;
    }
    if (!vma_is_private(vma) && arch_pte_is_dirty(was) && vma->object->ops->mark_dirty)
        vma->object->ops->mark_dirty(vma->object, page);
    int64_t *kind = page->flags & PAGE_FLAG_ANON ? &gather->anonymous_pages : &gather->file_pages;
    *kind += level ? HUGE_PAGES : 1;
    if (level)
        gather->huge_pages += HUGE_PAGES;
    page_count_map(page, -1);
    gather_add(gather, at, level ? HUGE_SIZE : PAGE_SIZE, page);
}

/* Clears small entries of one table. */
static void clear_small(struct vma *vma, pte_t *entry, uintptr_t at, uintptr_t end, bool only_shared,
                        struct gather *gather)
{
    for (; at < end; at += PAGE_SIZE, entry++) {
        pte_t now = load_relaxed(entry);
        if (now && !(only_shared && page_of_entry(now)->flags & PAGE_FLAG_ANON))
            clear_entry(vma, entry, at, 0, gather);
    }
}

/*
 * Clears what of [start, end) lies under one lock, from `start` on; *at becomes where to go on. A huge entry that
 * reaches beyond the range (it came after the caller split the edges) is split first.
 */
static int clear_piece(struct vma *vma, uintptr_t *at, uintptr_t end, bool only_shared, struct gather *gather)
{
    struct address_space *space = vma->space;
    uintptr_t start = *at, piece_end = MIN(end, align_down(start, HUGE_SIZE) + HUGE_SIZE);
    struct spinlock *lock = table_lock_of(space, start);
    int err = 0;
    unsigned level;
    pte_t *entry;
    spin_lock(lock);
    while (!err && *at < piece_end && (entry = arch_pte_next(&space->table, at, piece_end, &level))) {
        if (!level) {
            clear_small(vma, entry, *at, piece_end, only_shared, gather);
            break;
        }
        uintptr_t next = *at + HUGE_SIZE;
        if (*at < start || next > piece_end) {
            err = tables_split_locked(space, align_down(*at, HUGE_SIZE), entry);
            *at = MAX(*at, start);
            continue;
        }
        if (!only_shared || !(page_of_entry(*entry)->flags & PAGE_FLAG_ANON))
            clear_entry(vma, entry, *at, level, gather);
        *at = next;
    }
    spin_unlock(lock);
    *at = piece_end;
    return err;
}

int tables_clear(struct vma *vma, uintptr_t start, uintptr_t end, bool only_shared, struct gather *gather)
{
    int err = 0;
    uintptr_t at = start;
    unsigned level;
    /* The look without a lock only skips what is empty; what is there is looked at again under its lock. */
    while (!err && at < end && arch_pte_next(&vma->space->table, &at, end, &level)) {
        at = MAX(at, start);
        err = clear_piece(vma, &at, end, only_shared, gather);
    }
    return err;
}
