/*
 * The stack that a program starts on (psABI x86-64, 3.4.1), from the top down: a null word, the file's name,
 * environment and argument strings, platform name and random bytes; then, 16-aligned, argc, argv, envp, auxv upwards.
 */
#include <arch/user_state.h>
#include <base/errno.h>
#include <device/entropy.h>
#include "exec.h"
#include "private.h"

enum auxiliary {
    AUX_NULL = 0,
    AUX_PHDR = 3,
    AUX_PHENT = 4,
    AUX_PHNUM = 5,
    AUX_PAGESZ = 6,
    AUX_BASE = 7,
    AUX_FLAGS = 8,
    AUX_ENTRY = 9,
    AUX_UID = 11,
    AUX_EUID = 12,
    AUX_GID = 13,
    AUX_EGID = 14,
    AUX_PLATFORM = 15,
    AUX_HWCAP = 16,
    AUX_CLKTCK = 17,
    AUX_SECURE = 23,
    AUX_RANDOM = 25,
    AUX_HWCAP2 = 26,
    AUX_RSEQ_FEATURE_SIZE = 27,
    AUX_RSEQ_ALIGN = 28,
    AUX_EXECFN = 31,
    AUX_SYSINFO_EHDR = 33,
    AUX_MINSIGSTKSZ = 51,
};
enum { CLOCK_TICKS = 100, RSEQ_SIZE = 28, RSEQ_ALIGN = 32, SIGNAL_FRAME_SIZE = 440 + 128 + 64 + 16 };
static const char platform[] = "x86_64";

static int put(struct address_space *space, uintptr_t at, const void *bytes, size_t n)
{
    while (n) {
        ssize_t done = address_space_access(space, at, (void *)bytes, n, true);
        if (done <= 0)
            return -EFAULT;
        at += (uintptr_t)done;
        bytes = (const char *)bytes + done;
        n -= (size_t)done;
    }
    return 0;
}

static int put_strings(struct address_space *space, uintptr_t at, const struct exec_strings *strings)
{
    int err = 0;
    for (size_t done = 0; done < strings->len && !err; done += PAGE_SIZE)
        err = put(space, at + done, strings->pages[done / PAGE_SIZE], MIN(strings->len - done, PAGE_SIZE));
    return err;
}

/* The NULL-terminated vector of the strings that begin at `first`: each begins behind the NUL of the one before. */
static int put_pointers(struct address_space *space, uintptr_t at, const struct exec_strings *strings, uintptr_t first)
{
    enum { BATCH = 64 };
    uint64_t batch[BATCH];
    unsigned n = 0;
    int err = 0;
    bool is_start = true;
    for (size_t i = 0; i < strings->len && !err; i++) {
        if (is_start)
            batch[n++] = first + i;
        is_start = !strings->pages[i / PAGE_SIZE][i % PAGE_SIZE];
        if (n < BATCH)
            continue;
        err = put(space, at, batch, sizeof batch);
        at += sizeof batch;
        n = 0;
    }
    batch[n++] = 0;
    return err ? err : put(space, at, batch, n * sizeof *batch);
}

static void add_auxiliary(struct exec_layout *layout, uint64_t type, uint64_t value)
{
    uint64_t pair[2] = {type, value};
    assert(layout->auxv_len + sizeof pair <= sizeof layout->auxv);
    memcpy(layout->auxv + layout->auxv_len, pair, sizeof pair);
    layout->auxv_len += sizeof pair;
}

struct stack_places {
    uintptr_t name, platform, random;
};

static void make_auxv(const struct exec_image *image, const struct credentials *c, const struct stack_places *places,
                      struct exec_layout *layout)
{
    if (layout->vdso)
        add_auxiliary(layout, AUX_SYSINFO_EHDR, layout->vdso);
    add_auxiliary(layout, AUX_MINSIGSTKSZ, arch_fpu_frame_size() + SIGNAL_FRAME_SIZE);
    add_auxiliary(layout, AUX_HWCAP, arch_hwcap());
    add_auxiliary(layout, AUX_PAGESZ, PAGE_SIZE);
    add_auxiliary(layout, AUX_CLKTCK, CLOCK_TICKS);
    add_auxiliary(layout, AUX_PHDR, layout->table_address);
    add_auxiliary(layout, AUX_PHENT, ELF_PROGRAM_HEADER_SIZE);
    add_auxiliary(layout, AUX_PHNUM, image->header.table_count);
    add_auxiliary(layout, AUX_BASE, layout->interpreter_base);
    add_auxiliary(layout, AUX_FLAGS, 0);
    add_auxiliary(layout, AUX_ENTRY, layout->entry);
    add_auxiliary(layout, AUX_UID, c->uid);
    add_auxiliary(layout, AUX_EUID, c->euid);
    add_auxiliary(layout, AUX_GID, c->gid);
    add_auxiliary(layout, AUX_EGID, c->egid);
    add_auxiliary(layout, AUX_SECURE, 0);
    add_auxiliary(layout, AUX_RANDOM, places->random);
    add_auxiliary(layout, AUX_HWCAP2, arch_hwcap2());
    add_auxiliary(layout, AUX_EXECFN, places->name);
    add_auxiliary(layout, AUX_PLATFORM, places->platform);
    add_auxiliary(layout, AUX_RSEQ_FEATURE_SIZE, RSEQ_SIZE);
    add_auxiliary(layout, AUX_RSEQ_ALIGN, RSEQ_ALIGN);
    add_auxiliary(layout, AUX_NULL, 0);
}

static int put_tables(struct address_space *space, const struct exec_image *image, struct exec_layout *layout)
{
    uintptr_t at = layout->stack_pointer;
    uint64_t count = image->arguments->count;
    int err = put(space, at, &count, sizeof count);
    at += sizeof count;
    if (!err)
        err = put_pointers(space, at, image->arguments, layout->arguments_start);
    at += (count + 1) * sizeof(uint64_t);
    if (!err)
        err = put_pointers(space, at, image->environment, layout->environment_start);
    at += ((size_t)image->environment->count + 1) * sizeof(uint64_t);
    return err ? err : put(space, at, layout->auxv, layout->auxv_len);
}

int exec_fill_stack(struct address_space *space, const struct exec_image *image, const struct credentials *credentials,
                    struct exec_layout *layout)
{
    struct stack_places places;
    uint8_t random[16];
    size_t name_len = strlen(image->path) + 1;
    uintptr_t at = layout->stack_top - sizeof(uint64_t);
    places.name = at -= name_len;
    layout->environment_end = at;
    layout->environment_start = at -= image->environment->len;
    layout->arguments_end = at;
    layout->arguments_start = at -= image->arguments->len;
    places.platform = at = align_down(at - sizeof platform, 16) - (random_u64() & 0x1ff0);
    places.random = at -= sizeof random;
    random_bytes(random, sizeof random);
    make_auxv(image, credentials, &places, layout);
    size_t words = 1 + image->arguments->count + 1 + (size_t)image->environment->count + 1;
    layout->stack_pointer = align_down(at - words * sizeof(uint64_t) - layout->auxv_len, 16);

    int err = put(space, places.name, image->path, name_len);
    if (!err)
        err = put_strings(space, layout->environment_start, image->environment);
    if (!err)
        err = put_strings(space, layout->arguments_start, image->arguments);
    if (!err)
        err = put(space, places.platform, platform, sizeof platform);
    if (!err)
        err = put(space, places.random, random, sizeof random);
    return err ? err : put_tables(space, image, layout);
}
