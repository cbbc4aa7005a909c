/*
 * Mapping a program into a new, empty address space: stack, segments of program and interpreter, vDSO, place of the
 * heap. Addresses are Linux's habits: position-independent programs around 0x555555554000, the rest below the stack,
 * all moved by a random amount.
 */
#include <arch/vdso.h>
#include <base/errno.h>
#include <device/entropy.h>
#include <file/file.h>
#include "exec.h"
#include "private.h"

enum { PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4 };
enum {
    MAP_PRIVATE = 2,
    MAP_FIXED = 0x10,
    MAP_ANONYMOUS = 0x20,
    MAP_GROWSDOWN = 0x100,
    MAP_NORESERVE = 0x4000,
    MAP_STACK = 0x20000
};
#define PIE_BASE      UINT64_C(0x555555554000)
#define PIE_RANDOM    (UINT64_C(1) << 28) /* pages */
#define STACK_RANDOM  (UINT64_C(1) << 22) /* pages */
#define HEAP_RANDOM   (UINT64_C(1) << 13) /* pages */
#define STACK_FIRST   (UINT64_C(132) * 1024)
#define ADDRESS_FIRST UINT64_C(0x10000) /* mmap_min_addr */

static uintptr_t random_pages(uint64_t pages)
{
    return (random_u64() & (pages - 1)) * PAGE_SIZE;
}

/* The stack's first pages. It grows as it is touched, to what RLIMIT_STACK says then: a program may change that. */
static int map_stack(struct address_space *space, bool is_executable, struct exec_layout *layout)
{
    uintptr_t top = USER_ADDRESS_MAX - PAGE_SIZE - random_pages(STACK_RANDOM);
    struct map_request request = {
        .address = top - STACK_FIRST,
        .len = STACK_FIRST,
        .protection = PROT_READ | PROT_WRITE | (is_executable ? PROT_EXEC : 0),
        .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_STACK | MAP_GROWSDOWN,
        .name = "[stack]",
    };
    uintptr_t at;
    layout->stack_top = top;
    return address_space_map(space, &request, &at);
}

/* ---- segments ---- */

static int zero_bytes(struct address_space *space, uintptr_t at, size_t n)
{
    static const char zeros[256];
    while (n) {
        ssize_t done = address_space_access(space, at, (void *)zeros, MIN(n, sizeof zeros), true);
        if (done <= 0)
            return -EFAULT;
        at += (uintptr_t)done;
        n -= (size_t)done;
    }
    return 0;
}

static unsigned protection_of(const struct elf_segment *segment)
{
    return (segment->is_readable ? PROT_READ : 0) | (segment->is_writable ? PROT_WRITE : 0) |
           (segment->is_executable ? PROT_EXEC : 0);
}

static int map_file_part(struct address_space *space, struct vm_object *object, const struct elf_segment *segment,
                         uintptr_t bias, bool is_pure)
{
    uintptr_t start = align_down(segment->address, PAGE_SIZE) + bias, at;
    size_t into = segment->address % PAGE_SIZE;
    struct map_request request = {
        .address = start,
        .len = align_up(into + segment->file_size, PAGE_SIZE),
        .protection = protection_of(segment),
        .flags = MAP_PRIVATE | MAP_FIXED,
        .object = object,
        .offset = segment->offset - into,
        .may_write = true,
    };
    int err = address_space_map(space, &request, &at);
    if (err || is_pure)
        return err;
    /* The rest of the last page is the start of the bss. */
    uintptr_t end = segment->address + segment->file_size + bias;
    size_t rest = align_up(end, PAGE_SIZE) - end;
    err = rest ? zero_bytes(space, end, rest) : 0;
    return segment->is_writable ? err : 0;
}

static int map_segment(struct address_space *space, struct vm_object *object, const struct elf_segment *segment,
                       uintptr_t bias)
{
    int err = 0;
    if (segment->file_size)
        err = map_file_part(space, object, segment, bias, segment->file_size == segment->memory_size);
    uintptr_t start = segment->file_size ? align_up(segment->address + segment->file_size, PAGE_SIZE)
                                         : align_down(segment->address, PAGE_SIZE);
    uintptr_t end = align_up(segment->address + segment->memory_size, PAGE_SIZE), at;
    if (err || start >= end)
        return err;
    struct map_request request = {
        .address = start + bias,
        .len = end - start,
        .protection = protection_of(segment),
        .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
    };
    return address_space_map(space, &request, &at);
}

/* A free range for the whole program: asked for, then given back, as nobody else maps into this space meanwhile. */
static int find_place(struct address_space *space, uintptr_t hint, const struct elf_program *program, uintptr_t *out)
{
    size_t size = program->highest - program->lowest, slack = program->alignment - PAGE_SIZE;
    struct map_request request = {
        .address = hint ? align_down(hint, program->alignment) : 0,
        .len = size + slack,
        .protection = 0,
        .flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
    };
    uintptr_t at;
    int err = address_space_map(space, &request, &at);
    if (err)
        return err;
    *out = align_up(at, program->alignment);
    return address_space_unmap(space, at, request.len);
}

static int map_image(struct address_space *space, struct file *file, const struct elf_header *header,
                     const uint8_t *table, const struct elf_program *program, uintptr_t hint, uintptr_t *bias)
{
    struct vm_object *object;
    if (!file->ops->get_vm_object)
        return -ENODEV;
    int err = 0;
    uintptr_t place = program->lowest;
    if (header->is_position_independent)
        err = find_place(space, hint, program, &place);
    else if (program->lowest < ADDRESS_FIRST)
        err = -EPERM;
    if (err)
        return err;
    err = file->ops->get_vm_object(file, false, &object);
    if (err)
        return err;
    *bias = place - program->lowest;
    struct elf_segment segment;
    for (uint32_t i = 0; !err && elf_next_segment(header, table, &i, &segment);)
        err = map_segment(space, object, &segment, *bias);
    object->ops->put(object);
    return err;
}

/* ---- the vDSO ---- */

static int map_vdso(struct address_space *space, struct exec_layout *layout)
{
    struct vm_object *object = arch_vdso_object();
    if (!object)
        return 0;
    struct map_request data = {
        .len = arch_vdso_size(),
        .protection = PROT_READ,
        .flags = MAP_PRIVATE,
        .object = object,
        .name = "[vvar]",
    };
    uintptr_t at;
    int err = address_space_map(space, &data, &at);
    if (err)
        return err;
    struct map_request code = {
        .address = at + PAGE_SIZE,
        .len = arch_vdso_size() - PAGE_SIZE,
        .protection = PROT_READ | PROT_EXEC,
        .flags = MAP_PRIVATE | MAP_FIXED,
        .object = object,
        .offset = PAGE_SIZE,
        .name = "[vdso]",
    };
    uintptr_t code_at;
    err = address_space_map(space, &code, &code_at);
    layout->vdso = err ? 0 : code_at;
    return err;
}

int exec_map(struct address_space *space, struct exec_image *image, struct exec_layout *layout)
{
    uintptr_t interpreter_bias = 0;
    address_space_set_search_top(space, random_u64());
    int err = map_stack(space, image->program.wants_executable_stack, layout);
    if (!err)
        err = map_image(space, image->file, &image->header, image->table, &image->program,
                        PIE_BASE + random_pages(PIE_RANDOM), &layout->load_bias);
    if (!err && image->interpreter)
        err = map_image(space, image->interpreter, &image->interpreter_header, image->interpreter_table,
                        &image->interpreter_program, 0, &interpreter_bias);
    if (!err)
        err = map_vdso(space, layout);
    if (err)
        return err;
    layout->entry = layout->start = image->header.entry + layout->load_bias;
    if (image->interpreter) {
        layout->interpreter_base = image->interpreter_program.lowest + interpreter_bias;
        layout->start = image->interpreter_header.entry + interpreter_bias;
    }
    layout->table_address = image->program.table_address ? image->program.table_address + layout->load_bias : 0;
    layout->brk = image->program.highest + layout->load_bias + random_pages(HEAP_RANDOM);
    address_space_set_brk(space, layout->brk);
    return 0;
}
