/*
 * Four-level page tables of address spaces (SDM volume 3, 4.5). Level 0 is the page table, 3 the root. A table is
 * installed by compare-exchange, so creators need no lock. A page that nobody may access (PROT_NONE) is kept as an
 * entry without the present bit but with one of ours.
 */
#include "cpu_local.h"
#include "memory_map.h"
#include "page_entry.h"
#include <arch/mmu.h>
#include <base/assert.h>
#include <base/errno.h>
#include <base/string.h>
#include <mm/page.h>

enum { ENTRIES = 512, USER_ENTRIES = 256, ROOT_LEVEL = 3 };

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
    pte_t *root = page_address(page);
    memcpy(root + USER_ENTRIES, kernel_pml4 + USER_ENTRIES, (ENTRIES - USER_ENTRIES) * sizeof(pte_t));
    table->root = page_physical(page);
    memory_account(MEMORY_TABLES, 1);
    return 0;
}

static void free_table(pte_t *table)
{
    page_put(page_of_address(table));
    memory_account(MEMORY_TABLES, -1);
}

static void free_tables_below(pte_t *pdpt)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        if (!is_table(pdpt[i]))
            continue;
        pte_t *pd = table_of(pdpt[i]);
        for (unsigned j = 0; j < ENTRIES; j++)
            if (is_table(pd[j]))
                free_table(table_of(pd[j]));
        free_table(pd);
    }
}

void arch_page_table_destroy(struct arch_page_table *table)
{
    pte_t *root = physical_to_virtual(table->root);
    for (unsigned i = 0; i < USER_ENTRIES; i++) {
        if (!is_table(root[i]))
            continue;
        pte_t *pdpt = table_of(root[i]);
        free_tables_below(pdpt);
        free_table(pdpt);
    }
    free_table(root);
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

pte_t *arch_pte_next(struct arch_page_table *table, uintptr_t *at, uintptr_t end, unsigned *level)
{
    uintptr_t address = *at;
    while (address < end) {
        pte_t *entries = physical_to_virtual(table->root);
        unsigned depth = ROOT_LEVEL;
        pte_t *entry = &entries[index_of(address, depth)];
        pte_t value = load_acquire(entry);
        while (depth && is_table(value)) {
            depth--;
            entry = &table_of(value)[index_of(address, depth)];
            value = load_acquire(entry);
        }
        if (value) {
            *at = depth ? address & ~(span(depth) - 1) : address;
            *level = depth;
            return entry;
        }
        address = (address & ~(span(depth) - 1)) + span(depth);
        if (!address)
            break;
    }
    return NULL;
}

/* The entry of that level for an address; NULL when the tables above are missing, *missing then says at which level. */
static pte_t *find_entry(struct arch_page_table *table, uintptr_t address, unsigned level, unsigned *missing)
{
    pte_t *entries = physical_to_virtual(table->root);
    for (unsigned at = ROOT_LEVEL; at > level; at--) {
        pte_t value = entries[index_of(address, at)];
        if (!is_table(value)) {
            *missing = at;
            return NULL;
        }
        entries = table_of(value);
    }
    return &entries[index_of(address, level)];
}

static bool is_empty(const pte_t *entries)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        if (entries[i])
            return false;
    return true;
}

/* Unlinks the empty tables right below entries of that level, chaining their pages through owner_data. */
static void unlink_empty(struct arch_page_table *table, uintptr_t start, uintptr_t end, unsigned level,
                         struct page **unlinked)
{
    uintptr_t address = start & ~(span(level) - 1);
    while (address < end) {
        unsigned missing = level;
        pte_t *entry = find_entry(table, address, level, &missing);
        if (entry && is_table(*entry) && is_empty(table_of(*entry))) {
            struct page *page = page_of_address(table_of(*entry));
            store_release(entry, UINT64_C(0));
            page->owner_data[0] = (uintptr_t)*unlinked;
            *unlinked = page;
        }
        address = (address & ~(span(missing) - 1)) + span(missing);
    }
}

/* CPUs cache upper entries too, so the tables are free only after a flush (SDM volume 3, 4.10.4). */
void arch_page_table_trim(struct arch_page_table *table, uintptr_t start, uintptr_t end)
{
    if (end > USER_ADDRESS_MAX)
        end = USER_ADDRESS_MAX;
    struct page *unlinked = NULL;
    for (unsigned level = 1; level <= ROOT_LEVEL; level++)
        unlink_empty(table, start, end, level, &unlinked);
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

pte_t arch_pte_make(uint64_t physical, unsigned protection, unsigned level)
{
    pte_t pte = (physical & PTE_ADDRESS) | (level ? PTE_HUGE : 0);
    pte |= protection & PAGE_READ ? PTE_PRESENT : PTE_NONE;
    pte |= protection & PAGE_USER ? PTE_USER : PTE_GLOBAL | PTE_ACCESSED;
    if (protection & PAGE_WRITE)
        pte |= PTE_WRITABLE | PTE_DIRTY; /* it is made so because of a write; saves the CPU an update */
    if (protection & PAGE_UNCACHED)
        pte |= PTE_UNCACHED | PTE_THROUGH;
    if (!(protection & PAGE_EXECUTE) && cpu_features.has_nx)
        pte |= PTE_NX;
    return pte;
}

uint64_t arch_pte_physical(pte_t pte)
{
    return pte & PTE_ADDRESS;
}

bool arch_pte_is_present(pte_t pte)
{
    return pte & PTE_PRESENT;
}

bool arch_pte_is_huge(pte_t pte)
{
    return pte & (PTE_PRESENT | PTE_NONE) && pte & PTE_HUGE;
}

bool arch_pte_is_writable(pte_t pte)
{
    return (pte & (PTE_PRESENT | PTE_WRITABLE)) == (PTE_PRESENT | PTE_WRITABLE);
}

bool arch_pte_is_dirty(pte_t pte)
{
    return pte & PTE_DIRTY;
}

bool arch_pte_is_accessed(pte_t pte)
{
    return pte & PTE_ACCESSED;
}

unsigned arch_pte_protection(pte_t pte)
{
    unsigned protection = pte & PTE_USER ? PAGE_USER : 0;
    if (!(pte & PTE_PRESENT))
        return protection;
    protection |= PAGE_READ;
    protection |= pte & PTE_WRITABLE ? PAGE_WRITE : 0;
    protection |= pte & PTE_NX ? 0 : PAGE_EXECUTE;
    protection |= pte & PTE_UNCACHED ? PAGE_UNCACHED : 0;
    return protection;
}
