/*
 * Address spaces: VMAs in a balanced tree, pages on demand, copy-on-write, transparent huge pages. Each function locks
 * the space itself (a sleeping reader-writer lock: faults and look-ups read, changes write). Values and errors are
 * Linux's (mmap(2) and friends); addresses and lengths in bytes, checked here. A space may be shared by processes (vfork).
 */
#pragma once
#include <arch/mmu.h>
#include <mm/vm_object.h>

struct address_space;

struct address_space *address_space_create(void); /* NULL: no memory */
/* Before anything is mapped: lets `random` decide below which address areas are placed (a fork keeps its parent's). */
void address_space_set_search_top(struct address_space *space, uint64_t random);
/* A copy-on-write copy, as fork makes it. */
int address_space_fork(struct address_space *from, struct address_space **out);
void address_space_get(struct address_space *space);
void address_space_put(struct address_space *space); /* the last one unmaps everything */
/* Makes it this CPU's (NULL: the kernel's own); by the scheduler at a switch. */
void address_space_activate(struct address_space *space);

struct map_request {
    uintptr_t address; /* hint, or the place with MAP_FIXED; 0: anywhere (top-down below the stack, randomised) */
    size_t len;
    unsigned protection; /* PROT_ bits of Linux */
    unsigned flags;      /* MAP_ bits of Linux */
    struct vm_object *object; /* NULL: anonymous; map takes its own reference */
    uint64_t offset;     /* bytes into object, page-aligned */
    bool may_write;      /* the descriptor allows shared writing (else mprotect to PROT_WRITE fails with EACCES) */
    const char *name;    /* shown in maps, e.g. "[stack]", "[vdso]"; static; NULL none */
};
int address_space_map(struct address_space *space, const struct map_request *request, uintptr_t *out);
int address_space_unmap(struct address_space *space, uintptr_t start, size_t len);
/* Unmaps what is left of the mapping of an object that began, with the object's first byte, at `start`; is_wanted says which
 * objects count. -EINVAL: there is none. */
int address_space_unmap_object(struct address_space *space, uintptr_t start, bool (*is_wanted)(const struct vm_object *object));
int address_space_protect(struct address_space *space, uintptr_t start, size_t len, unsigned protection);
int address_space_remap(struct address_space *space, uintptr_t old, size_t old_len, size_t new_len, unsigned flags,
                        uintptr_t new_address, uintptr_t *out);
int address_space_advise(struct address_space *space, uintptr_t start, size_t len, int advice);
int address_space_sync(struct address_space *space, uintptr_t start, size_t len, int flags);
/* One byte a page into `vector` (kernel memory, pages of the range), bit 0: resident. */
int address_space_mincore(struct address_space *space, uintptr_t start, size_t len, uint8_t *vector);
int address_space_lock_pages(struct address_space *space, uintptr_t start, size_t len, bool lock); /* mlock: faults in */
/* brk: set where the heap begins; then move its end (0 asks). Returns the end in force. */
void address_space_set_brk(struct address_space *space, uintptr_t start);
uintptr_t address_space_brk(struct address_space *space, uintptr_t end);
/* RLIMIT_AS, RLIMIT_DATA, RLIMIT_STACK in bytes, UINT64_MAX none. */
void address_space_set_limits(struct address_space *space, uint64_t as, uint64_t data, uint64_t stack);

enum fault_access { FAULT_READ, FAULT_WRITE, FAULT_EXECUTE };
enum fault_result {
    FAULT_OK,
    FAULT_NOT_MAPPED,     /* SIGSEGV SEGV_MAPERR */
    FAULT_NOT_ALLOWED,    /* SIGSEGV SEGV_ACCERR */
    FAULT_BEYOND_END,     /* SIGBUS BUS_ADRERR */
    FAULT_OUT_OF_MEMORY,
};
/* Resolves a page fault at a program address (from ring 3 or from a copy to or from program memory). May sleep. */
enum fault_result address_space_fault(struct address_space *space, uintptr_t address, enum fault_access access);

/* Pins the page behind a program address for as long as the reference is held (futex keys, zero-copy); -EFAULT. */
int address_space_pin_page(struct address_space *space, uintptr_t address, bool for_write, struct page **out);
/* What a futex on shared memory is keyed by: object (not referenced: it lives while it is mapped) and byte offset within
 * it; false for private memory. */
bool address_space_shared_key(struct address_space *space, uintptr_t address, struct vm_object **object, uint64_t *offset);
/* Kernel access to another space's memory (ptrace-like, /proc/PID/mem, exec's stack); bytes copied or -EFAULT. */
ssize_t address_space_access(struct address_space *space, uintptr_t address, void *buffer, size_t n, bool is_write);

struct vma_info {
    uintptr_t start, end;
    unsigned protection, flags; /* PROT_, MAP_ */
    uint64_t offset, device, inode;
    uint64_t resident_bytes, huge_bytes, dirty_bytes;
    char path[256]; /* or the name, or "" */
};
/* The first VMA that ends above `address` (iterate with info.end); -ENOENT past the last. with_usage counts pages. */
int address_space_next_vma(struct address_space *space, uintptr_t address, bool with_usage, struct vma_info *out);

struct address_space_counters {
    uint64_t size_bytes, peak_size_bytes, resident_bytes, peak_resident_bytes, anonymous_bytes, file_bytes, shared_bytes, data_bytes,
        stack_bytes, text_bytes, minor_faults, major_faults, vma_count;
};
void address_space_count(struct address_space *space, struct address_space_counters *out);
