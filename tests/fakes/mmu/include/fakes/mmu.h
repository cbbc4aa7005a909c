/*
 * Address translation in unit tests: four-level tables in an arena that plays physical memory, and a TLB per CPU that
 * keeps translations until arch_tlb_flush takes them out, so that a missing flush shows as a wrong access. Needs the
 * real kernel/mm for its pages.
 */
#pragma once
#include <arch/mmu.h>

/* Reserves the arena once (it is never given back); returns its first byte, which is physical address 0. */
void *fake_mmu_arena(size_t bytes);
/* One byte, as a program on this CPU reads or writes it; false: a page fault. */
bool fake_mmu_access(struct arch_page_table *table, uintptr_t address, bool is_write, uint8_t *byte);
/* Calls of arch_tlb_flush. */
extern unsigned fake_mmu_flushes;
extern unsigned fake_mmu_tables; /* live table pages */
