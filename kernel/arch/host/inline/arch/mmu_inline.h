/* See arch/mmu.h: in unit tests tests/fakes/mmu or tests/fakes/memory has these. */
#pragma once
void *physical_to_virtual(uint64_t physical);
uint64_t virtual_to_physical(const void *direct_mapped);
pte_t arch_pte_make(uint64_t physical, unsigned protection, unsigned level);
uint64_t arch_pte_physical(pte_t pte);
bool arch_pte_is_present(pte_t pte);
bool arch_pte_is_huge(pte_t pte);
bool arch_pte_is_writable(pte_t pte);
bool arch_pte_is_dirty(pte_t pte);
bool arch_pte_is_accessed(pte_t pte);
unsigned arch_pte_protection(pte_t pte);
