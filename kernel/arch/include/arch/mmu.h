/*
 * Address translation: one page-table root per address space, the kernel's upper half shared by all. These functions
 * edit tables only; locking and TLB flushing are the caller's (mm). Virtual and physical addresses in bytes.
 */
#pragma once
#include <base/types.h>

#define USER_ADDRESS_MAX UINT64_C(0x00007ffffffff000) /* exclusive end of program space (4-level) */

struct arch_page_table {
    uint64_t root; /* physical */
};
enum page_protection { PAGE_READ = 1, PAGE_WRITE = 2, PAGE_EXECUTE = 4, PAGE_USER = 8, PAGE_UNCACHED = 16 };

/* An entry as its CPU holds it; 0 means not present. */
typedef uint64_t pte_t;

/*
 * arch/mmu_inline.h provides, inline on a real CPU:
 *   void *physical_to_virtual(uint64_t physical);   all memory is mapped, writable and never executable, from there
 *   uint64_t virtual_to_physical(const void *direct_mapped);
 *   pte_t arch_pte_make(uint64_t physical, unsigned protection, unsigned level);
 *       Protection without PAGE_READ (PROT_NONE) gives an entry that keeps its physical address and level but that the
 *       CPU takes as not present; it is never 0, and arch_pte_physical, arch_pte_is_huge and arch_pte_next know it.
 *   uint64_t arch_pte_physical(pte_t pte);
 *   bool arch_pte_is_present(pte_t pte), arch_pte_is_huge, arch_pte_is_writable, arch_pte_is_dirty, arch_pte_is_accessed
 *   unsigned arch_pte_protection(pte_t pte);
 */
#include <arch/mmu_inline.h>

int arch_page_table_create(struct arch_page_table *table); /* upper half filled in; -ENOMEM */
void arch_page_table_destroy(struct arch_page_table *table); /* frees table pages, not what they map */
void arch_page_table_activate(struct arch_page_table *table); /* loads it on this CPU */

/*
 * The address of the entry for `address` at level 0 (4 KiB) or 1 (2 MiB), NULL when a table above it is missing and
 * `create` is false or no page could be had (tables are allocated with ALLOC_ATOMIC: callers may hold spinlocks). The 512
 * entries of a table are an array: the pointer may be stepped within the same 2 MiB (level 1: 1 GiB). *is_huge tells that level 0 was asked for but a 2 MiB entry stands there
 * (the pointer is then to that entry). Thread-safe against other creators (tables are installed by compare-exchange).
 */
pte_t *arch_pte(struct arch_page_table *table, uintptr_t address, unsigned level, bool create, bool *is_huge);
/* After the last entry of the range has been cleared, frees the tables that serve nothing else. Exclusive access. */
void arch_page_table_trim(struct arch_page_table *table, uintptr_t start, uintptr_t end);
/* Lowest entry that is not 0 at or after *at, below `end`; for sparse walks. NULL: none. *at, *level tell where (*at is rounded
 * down to the start of a huge entry that begins below it). */
pte_t *arch_pte_next(struct arch_page_table *table, uintptr_t *at, uintptr_t end, unsigned *level);

/*
 * Flushes [start, end) of the table from the TLB of every CPU in `cpus` (bit n: cpu_index() n), waiting for the remote
 * ones; more than a few pages flush the whole TLB. Sends IPIs: call with interrupts on.
 */
void arch_tlb_flush(struct arch_page_table *table, uint64_t cpus, uintptr_t start, uintptr_t end);

/* Device memory, mapped uncached in kernel space; never unmapped. NULL when out of address space or tables. */
void *arch_map_device(uint64_t physical, size_t size);
