/*
 * Which physical memory there is. The loader's map is cut to whole pages above 1 MiB; the kernel's image and what the
 * loader left in memory (start info, command line, map, modules) is cut out. Nothing in the ranges is touched.
 */
#include "memory_map.h"
#include "cpu_local.h"
#include "user_copy.h"
#include <arch/boot.h>
#include <arch/mmu.h>
#include <base/assert.h>
#include <base/string.h>
#include <common/bytes.h>
#include <mm/page.h>

enum { RANGES_MAX = 64, ENTRIES_MAX = 256, ENTRY_SIZE = 24, TYPE_RAM = 1, MODULES_MAX = 8, COMMAND_LINE_MAX = 65536 };
#define START_INFO_MAGIC UINT32_C(0x336ec578)
#define LOW_END          UINT64_C(0x100000)
#define EARLY_END        (UINT64_C(1) << 30) /* what the boot tables map */
#define FOUR_GIB         (UINT64_C(4) << 30)

struct range {
    uint64_t start, end;
};
static struct range ranges[RANGES_MAX]; /* free, page-aligned, above 1 MiB, ascending */
static unsigned range_count;
static struct range low_ranges[4]; /* free below 1 MiB */
static unsigned low_count;
static uint64_t map_end = FOUR_GIB;
static const char *command_line = "";
static uint64_t rsdp;

const char *boot_command_line(void)
{
    return command_line;
}

uint64_t boot_acpi_rsdp(void)
{
    return rsdp;
}

uint64_t memory_map_end(void)
{
    return map_end;
}

/* Sorted by insertion; overlaps with earlier ones are not expected from a loader and are cut off. */
static void add_range(struct range r)
{
    r.start = (r.start + PAGE_SIZE - 1) & PAGE_MASK;
    r.end &= PAGE_MASK;
    if (r.start < LOW_END) {
        struct range low = {r.start ? r.start : PAGE_SIZE, r.end < LOW_END ? r.end : LOW_END};
        if (low.start < low.end && low_count < 4)
            low_ranges[low_count++] = low;
        r.start = LOW_END;
    }
    if (r.start >= r.end || range_count == RANGES_MAX)
        return;
    unsigned i = range_count++;
    for (; i && ranges[i - 1].start > r.start; i--)
        ranges[i] = ranges[i - 1];
    ranges[i] = r;
    if (r.end > map_end)
        map_end = r.end;
}

static void cut_from(struct range *list, unsigned *count, unsigned max, struct range cut)
{
    for (unsigned i = 0; i < *count; i++) {
        struct range *r = &list[i];
        if (cut.end <= r->start || cut.start >= r->end)
            continue;
        struct range after = {cut.end, r->end};
        r->end = cut.start > r->start ? cut.start : r->start;
        if (after.start >= after.end || *count == max)
            continue;
        for (unsigned j = (*count)++; j > i + 1; j--)
            list[j] = list[j - 1];
        list[++i] = after;
    }
}

/* Whole pages around [start, start + len). */
static void reserve(uint64_t start, uint64_t len)
{
    struct range cut = {start & PAGE_MASK, (start + len + PAGE_SIZE - 1) & PAGE_MASK};
    cut_from(ranges, &range_count, RANGES_MAX, cut);
    cut_from(low_ranges, &low_count, 4, cut);
}

static void read_entries(const uint8_t *map, uint32_t count)
{
    uint64_t limit = UINT64_C(1) << cpu_features.physical_bits;
    if (limit > DIRECT_MAP_SIZE)
        limit = DIRECT_MAP_SIZE;
    for (uint32_t i = 0; i < count && i < ENTRIES_MAX; i++, map += ENTRY_SIZE) {
        uint64_t start = load_le64(map), size = load_le64(map + 8);
        if (load_le32(map + 16) != TYPE_RAM || start >= limit)
            continue;
        add_range((struct range){start, size < limit - start ? start + size : limit});
    }
}

static void reserve_modules(uint64_t list, uint32_t count)
{
    if (!count || count > MODULES_MAX || list + count * 32 > EARLY_END)
        return;
    const uint8_t *module = physical_to_virtual(list);
    reserve(list, count * 32);
    for (uint32_t i = 0; i < count; i++, module += 32)
        reserve(load_le64(module), load_le64(module + 8));
}

static void read_command_line(uint64_t at)
{
    if (!at || at >= EARLY_END)
        return;
    const char *text = physical_to_virtual(at);
    size_t len = strnlen(text, COMMAND_LINE_MAX);
    if (len == COMMAND_LINE_MAX)
        return;
    reserve(at, len + 1);
    command_line = text;
}

void memory_map_read(uint64_t start_info)
{
    const uint8_t *info = physical_to_virtual(start_info);
    if (start_info >= EARLY_END || load_le32(info) != START_INFO_MAGIC)
        panic("not started by a PVH loader (start info at %#llx)", (unsigned long long)start_info);
    if (load_le32(info + 4) < 1)
        panic("the loader gave no memory map (PVH version 0)");
    uint64_t map = load_le64(info + 40);
    uint32_t entries = load_le32(info + 48);
    if (map >= EARLY_END)
        panic("the loader left its memory map at %#llx, out of reach", (unsigned long long)map);
    rsdp = load_le64(info + 32);
    read_entries(physical_to_virtual(map), entries);
    uint64_t image = (uintptr_t)kernel_image_start - KERNEL_BASE;
    reserve(image, (uintptr_t)kernel_image_end - KERNEL_BASE - image);
    reserve(start_info, 56);
    reserve(map, (uint64_t)entries * ENTRY_SIZE);
    reserve_modules(load_le64(info + 16), load_le32(info + 12));
    read_command_line(load_le64(info + 24));
}

uint64_t memory_map_take_page(void)
{
    for (unsigned i = 0; i < range_count; i++) {
        struct range *r = &ranges[i];
        if (r->start >= r->end || r->start >= EARLY_END)
            continue;
        uint64_t page = r->start;
        r->start += PAGE_SIZE;
        memset(physical_to_virtual(page), 0, PAGE_SIZE);
        return page;
    }
    panic("no memory below 1 GiB for page tables");
}

uint64_t memory_map_low_page(void)
{
    for (unsigned i = 0; i < low_count; i++)
        if (low_ranges[i].start < low_ranges[i].end)
            return low_ranges[i].start;
    return 0;
}

void memory_map_hand_over(void)
{
    for (unsigned i = 0; i < range_count; i++)
        if (ranges[i].start < ranges[i].end)
            memory_add_range(ranges[i].start, ranges[i].end);
}
