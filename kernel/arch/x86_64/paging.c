/*
 * The kernel's own translation. Upper root entries are filled here once and never change, so every program's root
 * copies them: direct map, device map, image. Text is read-only and executable, read-only data neither, all else
 * writable and not executable; the direct map's view of the image shares the image's tables, so it grants no more. (The
 * upper levels of the direct map say no-execute, and rights only get less on the way down.)
 */
#include "cpu_local.h"
#include "memory_map.h"
#include "user_copy.h"
#include <arch/mmu.h>
#include <base/spinlock.h>
#include <base/string.h>

extern uint64_t boot_pml4[512], direct_pdpt[512], direct_pd[512], kernel_pdpt[512], kernel_pd[512], device_pdpt[512],
    image_tables[];
enum { IMAGE_TABLES = KERNEL_IMAGE_MAX >> 21, ENTRIES = 512 };
#define GIB  (UINT64_C(1) << 30)
#define MIB2 (UINT64_C(1) << 21)

static uint64_t image_physical(const void *in_image)
{
    return (uintptr_t)in_image - KERNEL_BASE;
}

static unsigned root_index(uint64_t address)
{
    return address >> 39 & 511;
}

/* The first 8 MiB by small pages: rights by what the linker put there. */
static void fill_image_tables(void)
{
    uint64_t text = image_physical(kernel_text_start), text_end = image_physical(kernel_text_end),
             rodata_end = image_physical(kernel_rodata_end);
    for (uint64_t i = 0; i < IMAGE_TABLES * ENTRIES; i++) {
        uint64_t at = i << PAGE_SHIFT;
        uint64_t rights = PTE_WRITABLE | arch_pte_no_execute;
        if (at >= text && at < text_end)
            rights = 0;
        else if (at >= text_end && at < rodata_end)
            rights = arch_pte_no_execute;
        image_tables[i] = at | rights | PTE_PRESENT | PTE_GLOBAL | PTE_ACCESSED | PTE_DIRTY;
    }
}

static void fill_direct_pd(uint64_t *pd, uint64_t physical)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        pd[i] = (physical + i * MIB2) | PTE_PRESENT | PTE_WRITABLE | PTE_HUGE | PTE_GLOBAL | PTE_ACCESSED | PTE_DIRTY |
                arch_pte_no_execute;
}

/* One GiB of the direct map after the first: one entry where the CPU has such pages, else a table of 512. */
static uint64_t direct_gib_entry(uint64_t physical)
{
    uint64_t flags = PTE_PRESENT | PTE_WRITABLE | arch_pte_no_execute;
    if (cpu_features.has_huge_1g)
        return physical | flags | PTE_HUGE | PTE_GLOBAL | PTE_ACCESSED | PTE_DIRTY;
    uint64_t pd = memory_map_take_page();
    fill_direct_pd(physical_to_virtual(pd), physical);
    return pd | flags;
}

static void fill_direct_map(void)
{
    fill_direct_pd(direct_pd, 0);
    for (unsigned i = 0; i < IMAGE_TABLES; i++)
        direct_pd[i] = image_physical(image_tables + i * ENTRIES) | PTE_PRESENT | PTE_WRITABLE | arch_pte_no_execute;
    uint64_t *pdpt = direct_pdpt;
    uint64_t pdpt_physical = image_physical(direct_pdpt);
    for (uint64_t at = 0; at < memory_map_end(); at += GIB) {
        unsigned slot = root_index(DIRECT_MAP_BASE + at);
        if (at && !(at & ((GIB << 9) - 1))) {
            pdpt_physical = memory_map_take_page();
            pdpt = physical_to_virtual(pdpt_physical);
        }
        kernel_pml4[slot] = pdpt_physical | PTE_PRESENT | PTE_WRITABLE | arch_pte_no_execute;
        pdpt[at / GIB & 511] =
            at ? direct_gib_entry(at) : image_physical(direct_pd) | PTE_PRESENT | PTE_WRITABLE | arch_pte_no_execute;
    }
}

void paging_init(void)
{
    fill_image_tables();
    fill_direct_map();
    for (unsigned i = 0; i < IMAGE_TABLES; i++)
        kernel_pd[i] = image_physical(image_tables + i * ENTRIES) | PTE_PRESENT | PTE_WRITABLE;
    kernel_pml4[root_index(KERNEL_BASE)] = image_physical(kernel_pdpt) | PTE_PRESENT | PTE_WRITABLE;
    kernel_pml4[root_index(DEVICE_MAP_BASE)] =
        image_physical(device_pdpt) | PTE_PRESENT | PTE_WRITABLE | arch_pte_no_execute;
    memcpy(boot_pml4 + 256, kernel_pml4 + 256, 256 * sizeof(uint64_t)); /* for the trampoline */
    paging_activate_kernel();
}

void paging_activate_kernel(void)
{
    arch_page_table_activate(NULL);
}

/* Guards device_next; a leaf. */
static struct spinlock device_lock = SPINLOCK_INIT;
static uint64_t device_next GUARDED_BY(&device_lock) = DEVICE_MAP_BASE;

void *arch_map_device(uint64_t physical, size_t size)
{
    uint64_t first = physical & PAGE_MASK, offset = physical - first, end;
    if (!size || __builtin_add_overflow(physical, size, &end) || end > UINT64_C(1) << cpu_features.physical_bits)
        return NULL;
    uint64_t len = (end - first + PAGE_SIZE - 1) & PAGE_MASK;
    uint64_t state = spin_lock_irq(&device_lock);
    uint64_t at = device_next;
    bool has_room = len <= DEVICE_MAP_BASE + DEVICE_MAP_SIZE - at;
    if (has_room)
        device_next = at + len;
    spin_unlock_irq(&device_lock, state);
    if (!has_room)
        return NULL;
    struct arch_page_table kernel = {image_physical(kernel_pml4)};
    for (uint64_t done = 0; done < len; done += PAGE_SIZE) {
        bool is_huge;
        pte_t *pte = arch_pte(&kernel, at + done, 0, true, &is_huge);
        if (!pte)
            return NULL;
        *pte = arch_pte_make(first + done, PAGE_READ | PAGE_WRITE | PAGE_UNCACHED, 0);
    }
    return (void *)(at + offset);
}
