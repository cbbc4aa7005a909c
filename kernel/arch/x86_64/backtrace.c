/*
 * Backtraces by frame pointers, with names from the table that the second link puts in (mk/symbols.sh). The first link
 * and builds without it have the empty stand-ins here. A broken chain ends the trace; it is never followed blindly.
 */
#include "cpu_local.h"
#include "user_copy.h"
#include <base/log.h>

struct symbol { /* offsets from kernel_text_start and kernel_symbol_names; sorted by address */
    uint32_t address, name;
};
extern const struct symbol kernel_symbols[] __attribute__((weak));
extern const struct symbol kernel_symbols_end[] __attribute__((weak));
extern const char kernel_symbol_names[] __attribute__((weak));
enum { FRAMES_MAX = 32 };

/* The function that holds `address`, and the offset in it; NULL: unknown. */
static const char *find_symbol(uintptr_t address, uint32_t *offset)
{
    if (!kernel_symbols || address < (uintptr_t)kernel_text_start || address >= (uintptr_t)kernel_text_end)
        return NULL;
    uint32_t wanted = (uint32_t)(address - (uintptr_t)kernel_text_start);
    size_t low = 0, high = (size_t)(kernel_symbols_end - kernel_symbols);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (kernel_symbols[middle].address <= wanted)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low)
        return NULL;
    *offset = wanted - kernel_symbols[low - 1].address;
    return kernel_symbol_names + kernel_symbols[low - 1].name;
}

static void print_frame(unsigned n, uintptr_t address)
{
    uint32_t offset;
    const char *name = find_symbol(address, &offset);
    if (name)
        log_error("  #%u %s+%#x", n, name, offset);
    else
        log_error("  #%u %#llx", n, (unsigned long long)address);
}

/* Frames lie in the direct map or the image, ascending, eight-byte aligned. */
static bool is_frame(uintptr_t frame)
{
    return !(frame & 7) && ((frame >= DIRECT_MAP_BASE && frame < DIRECT_MAP_BASE + DIRECT_MAP_SIZE) ||
                            (frame >= (uintptr_t)kernel_image_start && frame < (uintptr_t)kernel_image_end));
}

void backtrace_print(const void *frame_pointer, uintptr_t first)
{
    unsigned n = 0;
    if (first)
        print_frame(n++, first);
    uintptr_t frame = (uintptr_t)frame_pointer, last = 0;
    while (n < FRAMES_MAX && is_frame(frame) && frame > last && frame - last < (last ? 65536 : UINTPTR_MAX)) {
        const uintptr_t *words = (const uintptr_t *)frame;
        if (!words[1])
            break;
        print_frame(n++, words[1]);
        last = frame;
        frame = words[0];
    }
}

void backtrace_print_here(void)
{
    backtrace_print(__builtin_frame_address(0), 0);
}
