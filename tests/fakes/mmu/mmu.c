/* Tables and TLBs; see fakes/mmu.h. Entry bits: 0 present, 1 writable, 2 user, 3 execute, 5 accessed, 6 dirty, 7 huge,
 * 9 kept. */
#include <base/spinlock.h>
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <fakes/mmu.h>
#include <mm/page.h>
#include <stdlib.h>
#include <sys/mman.h>

enum {
    PRESENT = 1,
    WRITABLE = 2,
    USER = 4,
    EXECUTE = 8,
    ACCESSED = 32,
    DIRTY = 64,
    HUGE = 128,
    KEPT = 512,
    ENTRIES = 512,
    TLB_SIZE = 4096,
};
#define ADDRESS UINT64_C(0x000ffffffffff000)
struct translation {
    uint64_t root;
    uintptr_t page;
    pte_t pte; /* 0: none */
};
static struct translation tlbs[CPU_MAX][TLB_SIZE];
/* Held during an access: a flush by another CPU waits for it, as an interrupt waits for the instruction. */
static struct spinlock tlb_locks[CPU_MAX];
static uint8_t *arena;
unsigned fake_mmu_flushes, fake_mmu_tables;

void *fake_mmu_arena(size_t bytes)
{
    if (!arena)
        arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (arena == MAP_FAILED)
        abort();
    return arena;
}

void *physical_to_virtual(uint64_t physical)
{
    return arena + physical;
}

uint64_t virtual_to_physical(const void *address)
{
    return (uint64_t)((const uint8_t *)address - arena);
}

static uint64_t span(unsigned level)
{
    return UINT64_C(1) << (PAGE_SHIFT + 9 * level);
}

static pte_t *table_at(pte_t entry)
{
    return physical_to_virtual(entry & ADDRESS);
}

static bool is_table(pte_t entry)
{
    return (entry & (PRESENT | HUGE)) == PRESENT;
}

static pte_t *entry_in(pte_t *entries, uintptr_t address, unsigned level)
{
    return &entries[address / span(level) % ENTRIES];
}

static pte_t new_table(void)
{
    struct page *page = page_alloc(0, ALLOC_ZERO | ALLOC_ATOMIC);
    if (!page)
        return 0;
    add_relaxed(&fake_mmu_tables, 1);
    return page_physical(page) | PRESENT | WRITABLE | USER;
}

static void free_table(pte_t entry)
{
    add_relaxed(&fake_mmu_tables, -1);
    page_put(page_of_physical(entry & ADDRESS));
}

int arch_page_table_create(struct arch_page_table *table)
{
    table->root = new_table() & ADDRESS;
    return table->root ? 0 : -ENOMEM;
}

static void destroy(pte_t entry, unsigned level)
{
    for (unsigned i = 0; level && i < ENTRIES; i++)
        if (is_table(table_at(entry)[i]))
            destroy(table_at(entry)[i], level - 1);
    free_table(entry);
}

void arch_page_table_destroy(struct arch_page_table *table)
{
    destroy(table->root, 3);
    table->root = 0;
}

void arch_page_table_activate(struct arch_page_table *table)
{
    spin_lock(&tlb_locks[cpu_index()]);
    memset(tlbs[cpu_index()], 0, sizeof tlbs[0]);
    spin_unlock(&tlb_locks[cpu_index()]);
}

pte_t *arch_pte(struct arch_page_table *table, uintptr_t address, unsigned level, bool create, bool *is_huge)
{
    pte_t *entries = table_at(table->root);
    *is_huge = false;
    for (unsigned at = 3; at > level; at--) {
        pte_t *entry = entry_in(entries, address, at);
        pte_t now = load_acquire(entry);
        if (!now && create) {
            pte_t fresh = new_table();
            if (!fresh)
                return NULL;
            if (!atomic_compare_exchange(entry, &now, fresh))
                free_table(fresh);
            now = load_acquire(entry);
        }
        if (!now)
            return NULL;
        if (!is_table(now)) {
            *is_huge = true;
            return entry;
        }
        entries = table_at(now);
    }
    return entry_in(entries, address, level);
}

pte_t *arch_pte_next(struct arch_page_table *table, uintptr_t *at, uintptr_t end, unsigned *level)
{
    for (uintptr_t address = *at; address < end;) {
        unsigned depth = 3;
        pte_t *entry = entry_in(table_at(table->root), address, depth);
        while (depth && is_table(load_acquire(entry)))
            depth--, entry = entry_in(table_at(load_acquire(entry)), address, depth);
        if (load_acquire(entry)) {
            *at = align_down(address, span(depth));
            *level = depth;
            return entry;
        }
        address = align_down(address, span(depth)) + span(depth);
    }
    return NULL;
}

static bool is_empty(const pte_t *entries)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        if (load_relaxed(&entries[i]))
            return false;
    return true;
}

/* As the real one: CPUs that may be walking the tables are interrupted before they are freed. */
static void wait_for_walkers(void)
{
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++) {
        spin_lock(&tlb_locks[cpu]);
        spin_unlock(&tlb_locks[cpu]);
    }
}

void arch_page_table_trim(struct arch_page_table *table, uintptr_t start, uintptr_t end)
{
    for (unsigned level = 1; level <= 3; level++) {
        for (uintptr_t at = align_down(start, span(level)); at < end; at += span(level)) {
            bool is_huge;
            pte_t *entry = arch_pte(table, at, level, false, &is_huge);
            if (!entry) {
                at = align_down(at, span(level + 1)) + span(level + 1) - span(level);
                continue;
            }
            if (is_huge || !is_table(load_acquire(entry)) || !is_empty(table_at(load_acquire(entry))))
                continue;
            pte_t was = atomic_exchange(entry, 0);
            wait_for_walkers();
            free_table(was);
        }
    }
}

pte_t arch_pte_make(uint64_t physical, unsigned protection, unsigned level)
{
    pte_t pte = physical | (level ? HUGE : 0) | (protection & PAGE_READ ? PRESENT : KEPT);
    pte |= (protection & PAGE_USER ? USER : 0) | (protection & PAGE_EXECUTE ? EXECUTE : 0);
    return pte | (protection & PAGE_WRITE ? WRITABLE | DIRTY : 0);
}

uint64_t arch_pte_physical(pte_t pte)
{
    return pte & ADDRESS;
}

bool arch_pte_is_present(pte_t pte)
{
    return pte & PRESENT;
}

bool arch_pte_is_huge(pte_t pte)
{
    return pte & HUGE;
}

bool arch_pte_is_writable(pte_t pte)
{
    return pte & PRESENT && pte & WRITABLE;
}

bool arch_pte_is_dirty(pte_t pte)
{
    return pte & DIRTY;
}

bool arch_pte_is_accessed(pte_t pte)
{
    return pte & ACCESSED;
}

unsigned arch_pte_protection(pte_t pte)
{
    return (pte & PRESENT ? PAGE_READ : 0) | (pte & WRITABLE ? PAGE_WRITE : 0) | (pte & EXECUTE ? PAGE_EXECUTE : 0) |
           (pte & USER ? PAGE_USER : 0);
}

void arch_tlb_flush(struct arch_page_table *table, uint64_t cpus, uintptr_t start, uintptr_t end)
{
    add_relaxed(&fake_mmu_flushes, 1);
    for (; cpus; cpus &= cpus - 1) {
        unsigned cpu = (unsigned)__builtin_ctzll(cpus);
        struct translation *tlb = tlbs[cpu];
        spin_lock(&tlb_locks[cpu]);
        for (unsigned i = 0; i < TLB_SIZE; i++)
            if (tlb[i].pte && tlb[i].root == table->root && tlb[i].page >= start && tlb[i].page < end)
                tlb[i].pte = 0;
        spin_unlock(&tlb_locks[cpu]);
    }
}

/* The translation of a page as a walk finds it, accessed and dirty bits set; 0: a fault. */
static pte_t walk(struct arch_page_table *table, uintptr_t page, bool is_write)
{
    bool is_huge;
    pte_t *entry = arch_pte(table, page, 0, false, &is_huge);
    pte_t pte = entry ? load_acquire(entry) : 0, marked;
    do {
        if (!(pte & PRESENT) || !(pte & USER) || (is_write && !(pte & WRITABLE)))
            return 0;
        marked = pte | ACCESSED | (is_write ? DIRTY : 0);
    } while (!atomic_compare_exchange(entry, &pte, marked));
    return is_huge ? marked + (page & (span(1) - 1)) : marked;
}

static bool access_locked(struct arch_page_table *table, uintptr_t address, bool is_write, uint8_t *byte)
{
    uintptr_t page = address & PAGE_MASK;
    struct translation *slot = &tlbs[cpu_index()][(page >> PAGE_SHIFT) % TLB_SIZE];
    bool is_hit = slot->pte && slot->page == page && slot->root == table->root;
    if (!is_hit || (is_write && (slot->pte & (WRITABLE | DIRTY)) != (WRITABLE | DIRTY)))
        *slot = (struct translation){table->root, page, walk(table, page, is_write)};
    if (!slot->pte)
        return false;
    uint8_t *memory = (uint8_t *)physical_to_virtual(slot->pte & ADDRESS) + (address - page);
    if (is_write)
        store_relaxed(memory, *byte);
    else
        *byte = load_relaxed(memory);
    return true;
}

bool fake_mmu_access(struct arch_page_table *table, uintptr_t address, bool is_write, uint8_t *byte)
{
    spin_lock(&tlb_locks[cpu_index()]);
    bool is_done = access_locked(table, address, is_write, byte);
    spin_unlock(&tlb_locks[cpu_index()]);
    return is_done;
}
