/*
 * Four-level page tables of address spaces (SDM volume 3, 4.5). Level 0 is the page table, 3 the root. A table is
 * installed by compare-exchange, so creators need no lock. A page that nobody may access (PROT_NONE) is kept as an
 * entry without the present bit but with one of ours.
 */
#include "cpu_local.h"
#include "memory_map.h"
#include <arch/mmu.h>
#include <base/assert.h>
#include <base/errno.h>
#include <base/string.h>
#include <mm/page.h>

enum { ENTRIES = 512, USER_ENTRIES = 256, ROOT_LEVEL = 3, ENTRIES_A_BIT = ENTRIES / 64 };
uint64_t arch_pte_no_execute;

static uint64_t span(unsigned level)
{
    return UINT64_C(1) << (PAGE_SHIFT + 9 * level);
}

static unsigned index_of(uintptr_t address, unsigned level)
{
    return address >> (PAGE_SHIFT + 9 * level) & (ENTRIES - 1);
}

static pte_t *table_of(pte_t entry)
{
    return physical_to_virtual(entry & PTE_ADDRESS);
}

static bool is_table(pte_t entry)
{
    return (entry & (PTE_PRESENT | PTE_HUGE)) == PTE_PRESENT;
}

int arch_page_table_create(struct arch_page_table *table)
{
    struct page *page = page_alloc(0, ALLOC_ZERO);
    if (!page)
        return -ENOMEM;
    page->index = 0;
    pte_t *root = page_address(page);
    memcpy(root + USER_ENTRIES, kernel_pml4 + USER_ENTRIES, (ENTRIES - USER_ENTRIES) * sizeof(pte_t));
    table->root = page_physical(page);
    memory_account(MEMORY_TABLES, 1);
    return 0;
}

/*
 * A table's page->index has a bit for each eight of its entries: set once a table was put into one of them, so that
 * taking a space down looks only there.
 */
static void note_table_below(const pte_t *entry)
{
    uint64_t offset = (uintptr_t)entry & (PAGE_SIZE - 1);
    atomic_fetch_or(&page_of_address(entry)->index, UINT64_C(1) << offset / sizeof(pte_t) / ENTRIES_A_BIT);
}

/* The table and all below it; the depth of the recursion is the level's. */
static void free_tables(pte_t *entries, unsigned level)
{
    struct page *page = page_of_address(entries);
    for (uint64_t bits = level ? page->index : 0; bits; bits &= bits - 1) {
        pte_t *entry = &entries[(unsigned)__builtin_ctzll(bits) * ENTRIES_A_BIT];
        for (unsigned i = 0; i < ENTRIES_A_BIT; i++)
            if (is_table(entry[i]))
                free_tables(table_of(entry[i]), level - 1);
    }
    page_put(page);
    memory_account(MEMORY_TABLES, -1);
}

void arch_page_table_destroy(struct arch_page_table *table)
{
    free_tables(physical_to_virtual(table->root), ROOT_LEVEL);
    table->root = 0;
}

/*
 * Loads CR3 also when it holds that root already: callers use it as a flush. Another CPU that unlinks tables reads
 * page_table_root to learn whom to interrupt: 0 means "ask me".
 */
void arch_page_table_activate(struct arch_page_table *table)
{
    struct cpu *cpu = cpu_this();
    uint64_t root = table ? table->root : virtual_to_physical(kernel_pml4);
    uint64_t state = arch_irq_save();
    atomic_exchange(&cpu->page_table_root, UINT64_C(0));
    cr3_write(root);
    store_release(&cpu->page_table_root, root);
    arch_irq_restore(state);
}

/* A new table for *entry; what another CPU put there meanwhile is as good. False: no memory. */
static bool install_table(pte_t *entry, bool is_user)
{
    struct page *page = page_alloc(0, ALLOC_ZERO | ALLOC_ATOMIC);
    if (!page)
        return false;
    page->index = 0;
    if (is_user)
        note_table_below(entry);
    pte_t expected = 0;
    pte_t wanted = page_physical(page) | PTE_PRESENT | PTE_WRITABLE | PTE_ACCESSED | (is_user ? PTE_USER : 0);
    if (atomic_compare_exchange(entry, &expected, wanted))
        memory_account(MEMORY_TABLES, 1);
    else
        page_put(page);
    return true;
}

pte_t *arch_pte(struct arch_page_table *table, uintptr_t address, unsigned level, bool create, bool *is_huge)
{
    *is_huge = false;
    bool is_user = address < USER_ADDRESS_MAX;
    pte_t *entries = physical_to_virtual(table->root);
    for (unsigned at = ROOT_LEVEL;; at--) {
        pte_t *entry = &entries[index_of(address, at)];
        if (at == level)
            return entry;
        pte_t value = load_acquire(entry);
        if (!value) {
            if (!create || !install_table(entry, is_user))
                return NULL;
            value = load_acquire(entry);
        }
        if (!is_table(value)) {
            *is_huge = true;
            return entry;
        }
        entries = table_of(value);
    }
}

/* The next entry of the same table that is not 0, below `end`; NULL: none in this table, *address is where it ends. */
static pte_t *skip_empty(pte_t *entry, unsigned level, uintptr_t *address, uintptr_t end)
{
    uintptr_t step = span(level), at = *address & ~(step - 1);
    uintptr_t limit = (at & ~(span(level + 1) - 1)) + span(level + 1);
    if (limit > end)
        limit = end;
    do {
        entry++;
        at += step;
    } while (at < limit && !load_relaxed(entry));
    *address = at;
    return at < limit ? entry : NULL;
}

pte_t *arch_pte_next(struct arch_page_table *table, uintptr_t *at, uintptr_t end, unsigned *level)
{
    uintptr_t address = *at;
    while (address < end) {
        unsigned depth = ROOT_LEVEL;
        pte_t *entry = &table_of(table->root)[index_of(address, depth)];
        pte_t value = load_acquire(entry);
        for (;;) {
            if (depth && is_table(value)) {
                depth--;
                entry = &table_of(value)[index_of(address, depth)];
            } else if (value) {
                *at = address & ~(span(depth) - 1);
                *level = depth;
                return entry;
            } else {
                entry = skip_empty(entry, depth, &address, end);
                if (!entry)
                    break;
            }
            value = load_acquire(entry);
        }
    }
    return NULL;
}

static bool is_empty(const pte_t *entries)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        if (entries[i])
            return false;
    return true;
}

/*
 * Unlinks the tables below `entries` (which maps from `base` on) that serve only [start, end), chaining their pages
 * through owner_data. A table that lies wholly inside holds nothing any more; one at an edge may. The depth of the
 * recursion is the level's.
 */
static void unlink_unused(pte_t *entries, uintptr_t base, unsigned level, uintptr_t start, uintptr_t end,
                          struct page **unlinked)
{
    uintptr_t first = start > base ? start : base, last = base + span(level) * ENTRIES - 1;
    if (last > end - 1)
        last = end - 1;
    for (unsigned i = index_of(first, level); i <= index_of(last, level); i++) {
        if (!is_table(entries[i]))
            continue;
        pte_t *below = table_of(entries[i]);
        uintptr_t at = base + i * span(level);
        if (level > 1)
            unlink_unused(below, at, level - 1, start, end, unlinked);
        bool is_inside = at >= start && at + span(level) <= end;
        debug_assert(!is_inside || is_empty(below));
        if (!is_inside && !is_empty(below))
            continue;
        struct page *page = page_of_address(below);
        store_release(&entries[i], UINT64_C(0));
        page->owner_data[0] = (uintptr_t)*unlinked;
        *unlinked = page;
    }
}

/* CPUs cache upper entries too, so the tables are free only after a flush (SDM volume 3, 4.10.4). */
void arch_page_table_trim(struct arch_page_table *table, uintptr_t start, uintptr_t end)
{
    if (end > USER_ADDRESS_MAX)
        end = USER_ADDRESS_MAX;
    struct page *unlinked = NULL;
    if (start < end)
        unlink_unused(table_of(table->root), 0, ROOT_LEVEL, start, end, &unlinked);
    if (!unlinked)
        return;
    tlb_flush_tables(table->root);
    while (unlinked) {
        struct page *page = unlinked;
        unlinked = (struct page *)page->owner_data[0];
        page_put(page);
        memory_account(MEMORY_TABLES, -1);
    }
}
