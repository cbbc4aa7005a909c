/*
 * read(2) and write(2) on a mapping. Bytes are copied page by page without locks (program memory may fault); pages that
 * are there are looked up many at a time.
 */
#include "cache.h"
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include <sched/thread.h>

#define GATHER_MAX 16u

/* References up to `max` ready pages from `index` on; how many. */
static unsigned gather(struct mapping *mapping, uint64_t index, struct page **pages, unsigned max)
{
    unsigned found = 0, count = 0, run;
    spin_lock(&mapping->lock);
    do {
        run = page_tree_find_run(&mapping->pages, index + found, pages + found, max - found);
        found += run;
    } while (run && found < max);
    for (; count < found && page_is_ready(pages[count]); count++)
        page_get(pages[count]);
    spin_unlock(&mapping->lock);
    return count;
}

/* As gather, and when there is none gets the first; a hole is one NULL. Number of pages or -errno. */
static int find_pages(struct mapping *mapping, uint64_t index, uint64_t want, struct page **pages)
{
    unsigned count = gather(mapping, index, pages, (unsigned)MIN(want, GATHER_MAX));
    for (unsigned i = 0; i < count; i++)
        page_mark_used(pages[i]);
    if (count)
        return (int)count;
    int err = cache_get(mapping, index, want, false, false, pages);
    return err ? err : 1;
}

static size_t copy_page(struct page *page, struct io_vector *to, size_t at, size_t len)
{
    return page ? io_copy_to(to, (const char *)page_address(page) + at, len) : io_zero(to, len);
}

/* Copies from the pages, puts them; false when the program's memory ended the copy. */
static bool copy_pages(struct page **pages, unsigned count, struct io_vector *to, uint64_t *offset, uint64_t end)
{
    bool is_whole = true;
    for (unsigned i = 0; i < count; i++) {
        size_t at = *offset % PAGE_SIZE, len = MIN(PAGE_SIZE - at, MIN(to->left, end - *offset));
        if (is_whole && len) {
            size_t copied = copy_page(pages[i], to, at, len);
            *offset += copied;
            is_whole = copied == len;
        }
        if (pages[i])
            page_put(pages[i]);
    }
    return is_whole;
}

ssize_t mapping_read(struct mapping *mapping, struct io_vector *to, uint64_t offset)
{
    uint64_t start = offset;
    int err = 0;
    while (to->left) {
        uint64_t size = load_relaxed(&mapping->size);
        if (offset >= size)
            break;
        struct page *pages[GATHER_MAX];
        uint64_t want = pages_of(offset % PAGE_SIZE + MIN(to->left, size - offset));
        int count = find_pages(mapping, offset / PAGE_SIZE, want, pages);
        if (count < 0) {
            err = count == -ENXIO ? 0 : count; /* truncated meanwhile: the end */
            break;
        }
        if (!copy_pages(pages, (unsigned)count, to, &offset, size)) {
            err = -EFAULT;
            break;
        }
        sched_safe_point();
    }
    return offset > start ? (ssize_t)(offset - start) : err;
}

/* Writes into a page that nobody sees yet, then puts it in; another may have been quicker: then it gets the bytes. */
static ssize_t write_new_page(struct mapping *mapping, struct io_vector *from, uint64_t index, size_t at, size_t len)
{
    struct page *page = page_alloc(0, ALLOC_WAIT);
    if (!page)
        return -ENOMEM;
    char *bytes = page_address(page);
    memset(bytes, 0, at);
    size_t copied = io_copy_from(from, bytes + at, len);
    memset(bytes + at + copied, 0, PAGE_SIZE - at - copied);
    ssize_t result = copied ? (ssize_t)copied : -EFAULT;
    int err = copied ? cache_insert(mapping, index, page, STATE_READY, true) : 0;
    if (err == -EEXIST) {
        struct page *other = cache_find(mapping, index); /* stays: only truncation takes it, and inode->lock is held */
        memcpy((char *)page_address(other) + at, bytes + at, copied);
        page_put(other);
    } else if (err) {
        result = err;
    }
    page_put(page);
    return result;
}

static ssize_t write_page(struct mapping *mapping, struct io_vector *from, uint64_t index, size_t at, size_t len)
{
    struct page *page = cache_find(mapping, index);
    if (!page)
        return write_new_page(mapping, from, index, at, len);
    size_t copied = io_copy_from(from, (char *)page_address(page) + at, len);
    page_put(page);
    return copied ? (ssize_t)copied : -EFAULT;
}

ssize_t mapping_write(struct mapping *mapping, struct io_vector *from, uint64_t offset)
{
    uint64_t start = offset, end;
    if (add_overflows(offset, (uint64_t)from->left, &end) || end > INT64_MAX)
        return -EFBIG;
    ssize_t done = 0;
    while (from->left) {
        size_t at = offset % PAGE_SIZE, len = MIN(PAGE_SIZE - at, from->left);
        done = write_page(mapping, from, offset / PAGE_SIZE, at, len);
        if (done <= 0)
            break;
        offset += (size_t)done;
        if (offset > load_relaxed(&mapping->size))
            store_relaxed(&mapping->size, offset);
        if ((size_t)done < len)
            break;
        sched_safe_point();
    }
    return offset > start ? (ssize_t)(offset - start) : done;
}
