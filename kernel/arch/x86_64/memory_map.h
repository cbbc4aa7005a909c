/* The machine's memory as the loader describes it, and its direct map. */
#pragma once
#include <base/types.h>

/* Reads struct hvm_start_info (Xen's public/arch-x86/hvm/start_info.h) at that physical address. Panics when it is none. */
void memory_map_read(uint64_t start_info);
/* Physical end of what the direct map covers: all memory, at least 4 GiB. */
uint64_t memory_map_end(void);
/* A page that is taken off the map for good, below 1 GiB; before memory_map_hand_over only. Physical, zeroed. */
uint64_t memory_map_take_page(void);
/* A free page below 1 MiB, for the trampoline; 0: none. */
uint64_t memory_map_low_page(void);
/* Gives the free ranges to the memory module. */
void memory_map_hand_over(void);

/* paging.c: the kernel's own tables, W^X, direct map; leaves the boot tables to the trampoline. Then per CPU: */
void paging_init(void);
void paging_activate_kernel(void);
/* tlb.c: flushes all of the table on every CPU that may have it loaded, before its table pages are freed. */
void tlb_flush_tables(uint64_t root);
/* mmu.c: the kernel's root entries, which every table shares. */
extern uint64_t kernel_pml4[512];
