/* Bits of a page-table entry: SDM volume 3, 4.5. */
#pragma once
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
