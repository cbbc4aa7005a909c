/* The x86-64's page-table entries (SDM volume 3, 4.5) and its direct map; see arch/mmu.h. */
#pragma once
#include <arch/address_layout.h>

#define PTE_PRESENT  (UINT64_C(1) << 0)
#define PTE_WRITABLE (UINT64_C(1) << 1)
#define PTE_USER     (UINT64_C(1) << 2)
#define PTE_THROUGH  (UINT64_C(1) << 3)
#define PTE_UNCACHED (UINT64_C(1) << 4)
#define PTE_ACCESSED (UINT64_C(1) << 5)
#define PTE_DIRTY    (UINT64_C(1) << 6)
#define PTE_HUGE     (UINT64_C(1) << 7)
#define PTE_GLOBAL   (UINT64_C(1) << 8)
#define PTE_NONE     (UINT64_C(1) << 9) /* ours: a page is there, but no access is allowed (PROT_NONE) */
#define PTE_NX       (UINT64_C(1) << 63)
#define PTE_ADDRESS  UINT64_C(0x000ffffffffff000)

extern uint64_t arch_pte_no_execute; /* PTE_NX, or 0 on a CPU without it; const after boot */

static inline void *physical_to_virtual(uint64_t physical)
{
    return (void *)(DIRECT_MAP_BASE + physical);
}
/* Addresses within the image are taken too: its static objects go to devices and CPUs as well. */
static inline uint64_t virtual_to_physical(const void *direct_mapped)
{
    uintptr_t address = (uintptr_t)direct_mapped;
    return address >= KERNEL_BASE ? address - KERNEL_BASE : address - DIRECT_MAP_BASE;
}
static inline pte_t arch_pte_make(uint64_t physical, unsigned protection, unsigned level)
{
    pte_t pte = (physical & PTE_ADDRESS) | (level ? PTE_HUGE : 0);
    pte |= protection & PAGE_READ ? PTE_PRESENT : PTE_NONE;
    pte |= protection & PAGE_USER ? PTE_USER : PTE_GLOBAL | PTE_ACCESSED;
    if (protection & PAGE_WRITE)
        pte |= PTE_WRITABLE | PTE_DIRTY; /* it is made so because of a write; saves the CPU an update */
    if (protection & PAGE_UNCACHED)
        pte |= PTE_UNCACHED | PTE_THROUGH;
    return protection & PAGE_EXECUTE ? pte : pte | arch_pte_no_execute;
}
static inline uint64_t arch_pte_physical(pte_t pte)
{
    return pte & PTE_ADDRESS;
}
static inline bool arch_pte_is_present(pte_t pte)
{
    return pte & PTE_PRESENT;
}
static inline bool arch_pte_is_huge(pte_t pte)
{
    return pte & (PTE_PRESENT | PTE_NONE) && pte & PTE_HUGE;
}
static inline bool arch_pte_is_writable(pte_t pte)
{
    return (pte & (PTE_PRESENT | PTE_WRITABLE)) == (PTE_PRESENT | PTE_WRITABLE);
}
static inline bool arch_pte_is_dirty(pte_t pte)
{
    return pte & PTE_DIRTY;
}
static inline bool arch_pte_is_accessed(pte_t pte)
{
    return pte & PTE_ACCESSED;
}
static inline unsigned arch_pte_protection(pte_t pte)
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
