/* /proc/PID/maps, smaps and smaps_rollup. */
#include <base/string.h>
#include <mm/alloc.h>
#include <sched/thread.h>
#include "tables.h"

enum { PROTECTION_READ = 1, PROTECTION_WRITE = 2, PROTECTION_EXECUTE = 4, MAP_IS_SHARED = 1, PATH_COLUMN = 73 };
#define LL(value) ((unsigned long long)(value))

static void print_line(struct text *out, const struct vma_info *vma)
{
    char line[128];
    unsigned major = (unsigned)(vma->device >> 8 & 0xfff);
    unsigned minor = (unsigned)((vma->device & 0xff) | (vma->device >> 12 & 0xffffff00));
    int len = snprintf(line, sizeof line, "%08llx-%08llx %c%c%c%c %08llx %02x:%02x %llu ", LL(vma->start), LL(vma->end),
                       vma->protection & PROTECTION_READ ? 'r' : '-', vma->protection & PROTECTION_WRITE ? 'w' : '-',
                       vma->protection & PROTECTION_EXECUTE ? 'x' : '-', vma->flags & MAP_IS_SHARED ? 's' : 'p',
                       LL(vma->offset), major, minor, LL(vma->inode));
    text_append(out, line, (size_t)len);
    if (vma->path[0])
        text_printf(out, "%*s%s", len < PATH_COLUMN ? PATH_COLUMN - len : 0, "", vma->path);
    text_append(out, "\n", 1);
}

static void print_usage(struct text *out, const struct vma_info *vma)
{
    uint64_t clean = vma->resident_bytes - vma->dirty_bytes;
    bool is_shared = vma->flags & MAP_IS_SHARED;
    text_printf(out, "Size:           %8llu kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n",
                LL(vma->end - vma->start) / 1024);
    text_printf(out, "Rss:            %8llu kB\nPss:            %8llu kB\n", LL(vma->resident_bytes) / 1024,
                LL(vma->resident_bytes) / 1024);
    text_printf(out, "Shared_Clean:   %8llu kB\nShared_Dirty:   %8llu kB\nPrivate_Clean:  %8llu kB\nPrivate_Dirty:  %8llu kB\n",
                is_shared ? LL(clean) / 1024 : 0, is_shared ? LL(vma->dirty_bytes) / 1024 : 0,
                is_shared ? 0 : LL(clean) / 1024, is_shared ? 0 : LL(vma->dirty_bytes) / 1024);
    text_printf(out, "Referenced:     %8llu kB\nAnonymous:      %8llu kB\nLazyFree:              0 kB\n",
                LL(vma->resident_bytes) / 1024, vma->inode ? 0 : LL(vma->resident_bytes) / 1024);
    text_printf(out, "AnonHugePages:  %8llu kB\nShmemPmdMapped:        0 kB\nSwap:                  0 kB\nSwapPss:               0 kB\n",
                LL(vma->huge_bytes) / 1024);
    text_printf(out, "Locked:                0 kB\n");
}

/* Calls `each` for every area of the key's process; the area lives on the heap, as it is large. */
static int for_each_area(const struct pseudo_key *key, bool with_usage, void (*each)(const struct vma_info *, void *),
                         void *context)
{
    struct process *process;
    int err = proc_get_process(key, &process);
    if (err)
        return err;
    struct address_space *space = proc_get_space(process);
    process_put(process);
    if (!space)
        return 0;
    struct vma_info *vma = kmalloc(sizeof *vma, ALLOC_WAIT);
    err = vma ? 0 : -ENOMEM;
    uintptr_t at = 0;
    while (vma && !address_space_next_vma(space, at, with_usage, vma)) {
        each(vma, context);
        at = vma->end;
        sched_safe_point();
    }
    kfree(vma);
    address_space_put(space);
    return err;
}

static void maps_area(const struct vma_info *vma, void *out)
{
    print_line(out, vma);
}

static void smaps_area(const struct vma_info *vma, void *out)
{
    print_line(out, vma);
    print_usage(out, vma);
    text_printf(out, "THPeligible:    1\nVmFlags: %s%s%s mr mw me\n", vma->protection & PROTECTION_READ ? "rd " : "",
                vma->protection & PROTECTION_WRITE ? "wr " : "", vma->protection & PROTECTION_EXECUTE ? "ex" : "");
}

static void sum_area(const struct vma_info *vma, void *context)
{
    struct vma_info *sum = context;
    if (!sum->end)
        sum->start = vma->start;
    sum->end = vma->end;
    sum->resident_bytes += vma->resident_bytes;
    sum->dirty_bytes += vma->dirty_bytes;
    sum->huge_bytes += vma->huge_bytes;
}

int proc_show_maps(const struct pseudo_key *key, struct text *out)
{
    return for_each_area(key, false, maps_area, out);
}

int proc_show_smaps(const struct pseudo_key *key, struct text *out)
{
    return for_each_area(key, true, smaps_area, out);
}

int proc_show_smaps_rollup(const struct pseudo_key *key, struct text *out)
{
    struct vma_info *sum = kzalloc(sizeof *sum, ALLOC_WAIT);
    if (!sum)
        return -ENOMEM;
    int err = for_each_area(key, true, sum_area, sum);
    if (!err) {
        snprintf(sum->path, sizeof sum->path, "[rollup]");
        print_line(out, sum);
        print_usage(out, sum);
    }
    kfree(sum);
    return err;
}
