/*
 * The page cache of one file: pages by index, shared by read, write and mmap. It is the file's vm_object. The file
 * system gives it pages' contents; the vfs keeps `size` in step with the inode. Sleeps; thread context only, except
 * where said. Lock order: inode->lock, then a page that is being read (others wait for it), then mapping->lock, then
 * the LRU's lock.
 */
#pragma once
#include <base/errno.h>
#include <file/io.h>
#include <mm/vm_object.h>

/* The most pages one read_pages gets: 256 KiB. */
#define MAPPING_READ_MAX 64u

struct mapping;
struct mapping_ops {
    /* Reads `count` (at most MAPPING_READ_MAX) consecutive pages from `index` on, which nobody else sees yet. They are
     * new and not zeroed: all of each is filled, with zeroes beyond the end of the file. 0 or -errno. NULL: a page that
     * is not there is a hole and starts zeroed (tmpfs). */
    int (*read_pages)(struct mapping *mapping, uint64_t index, struct page **pages, unsigned count);
    /* tmpfs: accounts for pages that come (n > 0: 0 or -ENOSPC) or go (n < 0). May be NULL. Takes spinlocks at most. */
    int (*charge)(struct mapping *mapping, int64_t n);
    /* References on the owner (the inode), for mappings that live on in address spaces. */
    void (*get)(struct mapping *mapping);
    void (*put)(struct mapping *mapping);
    /* What /proc/PID/maps shows when no name was set (mapping_set_name). May be NULL. */
    void (*describe)(struct mapping *mapping, char *path, size_t size, uint64_t *device, uint64_t *inode);
};
struct page_tree {   /* radix tree of 16-way nodes, by page index */
    void *root;      /* height 0: the page of index 0 itself */
    unsigned height; /* levels of nodes */
    uint64_t count;
};
struct mapping_name;
struct mapping {
    struct vm_object object;
    const struct mapping_ops *ops;
    void *owner;
    uint64_t size; /* bytes; pages wholly beyond it do not exist; atomic, changed under the inode's lock */
    struct spinlock lock;
    bool is_memory; /* the only copy (tmpfs): never reclaimed */
    struct page_tree pages GUARDED_BY(&lock);
    struct mapping_name *name GUARDED_BY(&lock);
    /* Read-ahead: where the last run ended and how many pages it had. Hints, read and written relaxed. */
    uint64_t ahead_next;
    uint32_t ahead_pages;
    uint32_t reclaimers; /* shrinkers at work on a page of it; the LRU's lock. mapping_destroy waits for 0 */
};

void mapping_init(struct mapping *mapping, const struct mapping_ops *ops, void *owner, uint64_t size, bool is_memory);
/* Drops all pages; nobody maps or uses it any more. */
void mapping_destroy(struct mapping *mapping);

/* The page, referenced, up to date. create: a hole gets a page (else *out is NULL for a hole, 0). -ENXIO beyond the
 * end, -EIO, -ENOMEM, -ENOSPC. */
int mapping_get_page(struct mapping *mapping, uint64_t index, bool create, struct page **out);
/* read(2) at offset: bytes copied (0 at the end), short at a fault or error after something; -EFAULT, -EIO. Reads
 * ahead. */
ssize_t mapping_read(struct mapping *mapping, struct io_vector *to, uint64_t offset);
/* write(2) at offset into memory files, inode->lock held: bytes; grows mapping->size (the caller then sets
 * inode->size). -EFAULT, -ENOMEM, -ENOSPC, -EFBIG. */
ssize_t mapping_write(struct mapping *mapping, struct io_vector *from, uint64_t offset);
/* Truncation and hole punching (bytes): unmaps and drops whole pages, zeroes parts. mapping_resize sets the size. */
void mapping_resize(struct mapping *mapping, uint64_t size);
void mapping_punch(struct mapping *mapping, uint64_t start, uint64_t end);
/* Fills an empty memory file with the first `size` bytes of another file and sets its size: copy-up. */
int mapping_copy(struct mapping *to, struct mapping *from, uint64_t size);
/* First page at or after index that exists (data) or does not (hole), at most `end`. For SEEK_DATA and SEEK_HOLE. */
uint64_t mapping_seek(struct mapping *mapping, uint64_t index, uint64_t end, bool want_hole);
void mapping_read_ahead(struct mapping *mapping, uint64_t index, unsigned count); /* POSIX_FADV_WILLNEED */
uint64_t mapping_page_count(const struct mapping *mapping);

/* What /proc/PID/maps shows for it. Set by the vfs when a file is first mapped: an object does not know its names, and
 * an overlay's file is mapped through the lower file's mapping. -ENOMEM. */
bool mapping_has_name(struct mapping *mapping);
int mapping_set_name(struct mapping *mapping, const char *path, uint64_t device, uint64_t inode);

/* Boot: registers the shrinker that gives clean pages of files back under pressure. Before any mapping is made. */
void pagecache_init(void);
/* Pages of files that could be read again, in all mappings (not tmpfs). */
uint64_t pagecache_clean_pages(void);
