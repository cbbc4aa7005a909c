/*
 * Private to the address-space part of mm: the structures and what the files share.
 *
 * Lock order: space->lock (sleeping; parent's before child's in fork), object->vma_lock, space->table_lock, a
 * page-table lock, then the leaves that an object's mark_dirty takes. Page-table entries change only under their
 * page-table lock. Tables are freed only with space->lock held for writing and table_lock; who walks without
 * space->lock (through an object's list of vmas) holds table_lock. So a pointer to a level 0 entry stays good while
 * either is held.
 */
#pragma once
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <common/rbtree.h>
#include <mm/address_space.h>
#include <mm/alloc.h>
#include <sched/mutex.h>
#include "mm.h"
#include "page_flags.h"
#include "zone.h"

/* Linux's numbers, include/uapi/asm-generic/mman*.h and mman.h. */
enum { PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, PROT_SEM = 8, PROT_ANY = 7 };
#define PROT_GROWSDOWN 0x01000000u
#define PROT_GROWSUP   0x02000000u
enum {
    MAP_SHARED = 1,
    MAP_PRIVATE = 2,
    MAP_TYPE = 15,
    MAP_FIXED = 0x10,
    MAP_ANONYMOUS = 0x20,
    MAP_32BIT = 0x40,
    MAP_GROWSDOWN = 0x100,
    MAP_LOCKED = 0x2000,
    MAP_NORESERVE = 0x4000,
    MAP_POPULATE = 0x8000,
    MAP_NONBLOCK = 0x10000,
    MAP_STACK = 0x20000,
    MAP_HUGETLB = 0x40000,
    MAP_FIXED_NOREPLACE = 0x100000,
};

/* vma->flags */
#define VMA_SHARED       (1u << 0)
#define VMA_MAY_WRITE    (1u << 1) /* mprotect may add PROT_WRITE */
#define VMA_GROWS_DOWN   (1u << 2)
#define VMA_STACK        (1u << 3) /* MAP_STACK: no huge pages */
#define VMA_NO_RESERVE   (1u << 4)
#define VMA_LOCKED       (1u << 5)
#define VMA_HUGE         (1u << 6)
#define VMA_NO_HUGE      (1u << 7)
#define VMA_DONT_FORK    (1u << 8)
#define VMA_WIPE_ON_FORK (1u << 9)
#define VMA_DONT_DUMP    (1u << 10)
#define VMA_RANDOM       (1u << 11)
#define VMA_SEQUENTIAL   (1u << 12)

#define HUGE_SIZE        (2UL << 20)
#define USER_ADDRESS_MIN 65536UL /* as vm.mmap_min_addr: a null pointer with an offset stays a fault */
#define STACK_GUARD      (1UL << 20)
enum { VMA_COUNT_MAX = 65530, HUGE_PAGES = 512 };

/* Guarded by space->lock; start, end and offset of one that maps an object change under object->vma_lock too. */
struct vma {
    struct rb_node node;
    uintptr_t start, end;
    uintptr_t gap;         /* bytes below it where something may be put, see vma.c */
    uintptr_t largest_gap; /* in its subtree */
    struct address_space *space;
    unsigned protection;      /* PROT_READ | PROT_WRITE | PROT_EXEC */
    unsigned flags;           /* VMA_ */
    struct vm_object *object; /* referenced; NULL: anonymous */
    uint64_t offset;          /* bytes into object */
    struct list link;         /* object->vmas; or a list of those on their way out */
    const char *name;
};

struct address_space {
    struct rwlock lock;
    struct rb_tree vmas;
    uint64_t vma_count, mapped_pages, peak_mapped_pages;
    uintptr_t search_top; /* areas are searched downward from here; const once a program runs in it */
    uintptr_t brk_start, brk_end;
    uint64_t limit_as, limit_data, limit_stack; /* bytes */

    struct arch_page_table table;
    struct spinlock table_lock;
    uint64_t cpus;          /* atomic; bit n: CPU n may hold translations */
    struct refcount users;  /* processes and borrowers: the last one unmaps everything */
    struct refcount tables; /* CPUs that have the table loaded, and one for all users together */

    /* Atomic, relaxed. */
    int64_t anonymous_pages, file_pages, huge_pages, peak_resident_pages;
    uint64_t minor_faults, major_faults;
};

/* ---- vma.c: the tree (write side of space->lock where they change it) ---- */
struct vma *vma_find(struct address_space *space, uintptr_t address); /* the first that ends above address */
struct vma *vma_next(struct vma *vma);
struct vma *vma_previous(struct vma *vma);
struct vma *vma_create(struct address_space *space);
void vma_free(struct vma *vma);   /* puts the object: not under locks */
void vma_insert(struct vma *vma); /* also into the object's list */
void vma_remove(struct vma *vma); /* from tree and object's list */
void vma_forget(struct vma *vma); /* from the object's list only, when the tree goes as a whole */
/* Splits so that one begins at `at`, which lies within; *upper (may be NULL) is it. -ENOMEM. */
int vma_split(struct vma *vma, uintptr_t at, struct vma **upper);
/* Joins with neighbours that continue it; the one that remains. */
struct vma *vma_merge(struct vma *vma, struct list *doomed);
void vma_set_range(struct vma *vma, uintptr_t start, uintptr_t end);
/* The highest place in [low, high) for len bytes, aligned; -ENOMEM. */
int vma_search(struct address_space *space, size_t len, uintptr_t low, uintptr_t high, uintptr_t align, uintptr_t *out);
static inline bool vma_is_private(const struct vma *vma)
{
    return !(vma->flags & VMA_SHARED);
}
static inline uint64_t vma_index(const struct vma *vma, uintptr_t address)
{
    return (address - vma->start + vma->offset) >> PAGE_SHIFT;
}

/* ---- tables.c: page-table entries ---- */
struct spinlock *table_lock_of(struct address_space *space, uintptr_t address);
/* Collects pages whose entries were cleared, so that they are accounted and the TLBs flushed once before they are
 * freed. */
enum { GATHER_MAX = 128 };
struct gather {
    struct address_space *space;
    bool is_unused;       /* no program will run in the space any more: its translations need no flush */
    uintptr_t start, end; /* to be flushed; empty when start >= end */
    int64_t anonymous_pages, file_pages, huge_pages; /* that went */
    unsigned count;
    struct page *pages[GATHER_MAX];
};
void gather_init(struct gather *gather, struct address_space *space);
void gather_add(struct gather *gather, uintptr_t start, size_t size, struct page *page); /* page may be NULL */
void gather_flush(struct gather *gather);
/* Clears the entries of [start, end) within vma. only_shared: private copies stay. -ENOMEM: a huge page had to be
 * split. */
int tables_clear(struct vma *vma, uintptr_t start, uintptr_t end, bool only_shared, struct gather *gather);
/* Makes sure that no huge entry reaches across `address`. -ENOMEM. */
int tables_split(struct address_space *space, uintptr_t address);
int tables_split_locked(struct address_space *space, uintptr_t base, pte_t *huge);
/* Whether nobody but one entry refers to the page of a program: it may be written in place. */
bool page_has_sole_user(struct page *page);
/* What an entry of the vma allows. */
unsigned vma_page_protection(const struct vma *vma, bool is_writable);
pte_t vma_entry(const struct vma *vma, const struct page *page, bool is_writable, unsigned level);
/* Pages of that kind came (pages > 0) or went. */
void space_account(struct address_space *space, const struct page *page, int64_t pages);
void space_account_anonymous(struct address_space *space, int64_t pages);
static inline struct page *page_of_entry(pte_t entry)
{
    return zone_page_of(arch_pte_physical(entry));
}
/* Entries that map a page of an object came or went; nobody asks how often a program's own page is mapped. */
static inline void page_count_map(struct page *page, int32_t n)
{
    if (!(page->flags & (PAGE_FLAG_ANON | PAGE_FLAG_ZERO)))
        add_relaxed(&page->map_count, n);
}

/* ---- space.c ---- */
/* Flushes where the space is active. CPUs that only linger on it (kernel threads) are told to flush later. May be
 * called under spinlocks, with interrupts on. */
void space_flush(struct address_space *space, uintptr_t start, uintptr_t end);

/* ---- map.c ---- */
int map_check_limits(struct address_space *space, size_t len, size_t replaced, unsigned protection, unsigned vma_flags);
int unmap_locked(struct address_space *space, uintptr_t start, uintptr_t end, struct list *doomed);
/* Takes out everything, when the last user has gone. */
void unmap_all_locked(struct address_space *space, struct list *doomed);
void vmas_free(struct list *doomed); /* not under locks */
int map_find_area(struct address_space *space, uintptr_t hint, size_t len, unsigned map_flags, bool is_anonymous,
                  uintptr_t *out);
/* Faults [start, end) in. access FAULT_READ or FAULT_WRITE; stops at the first result that is not FAULT_OK. */
enum fault_result populate(struct address_space *space, uintptr_t start, uintptr_t end, enum fault_access access);
/* As mlock and MAP_POPULATE do: for writing where that copies a private page, for reading else. */
int populate_as_mapped(struct address_space *space, uintptr_t start, uintptr_t end);
/* ---- protect.c ---- */
/* Gives the entries of [start, end) vma->protection; huge ones that lose all access are split: -ENOMEM. */
int tables_protect(struct vma *vma, uintptr_t start, uintptr_t end, struct gather *gather);
