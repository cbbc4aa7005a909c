/* Limits and counters of a file system in memory. */
#include <base/errno.h>
#include <common/checked.h>
#include <mm/page.h>
#include <tmpfs/store.h>

void memory_store_init(struct memory_store *store, uint64_t size_limit, uint64_t first_number)
{
    struct memory_counters memory;
    memory_count(&memory);
    uint64_t limit = size_limit == UINT64_MAX ? UINT64_MAX : size_limit / PAGE_SIZE + !!(size_limit % PAGE_SIZE);
    *store = (struct memory_store){
        .limit_pages = size_limit ? limit : memory.total_pages / 2,
        .limit_inodes = UINT64_MAX,
        .next_number = first_number,
    };
}

/* Adds one by one so that the sum never passes the limit, even for a moment. */
static int charge(uint64_t *used, uint64_t limit, uint64_t n)
{
    uint64_t was = load_relaxed(used);
    do
        if (was > limit || n > limit - was)
            return -ENOSPC;
    while (!atomic_compare_exchange(used, &was, was + n));
    return 0;
}

int memory_store_charge(struct memory_store *store, int64_t n)
{
    if (n > 0)
        return charge(&store->used_pages, store->limit_pages, (uint64_t)n);
    atomic_fetch_sub(&store->used_pages, (uint64_t)-n);
    return 0;
}

int memory_store_add_inode(struct memory_store *store)
{
    return charge(&store->used_inodes, store->limit_inodes, 1);
}

void memory_store_remove_inode(struct memory_store *store)
{
    atomic_fetch_sub(&store->used_inodes, UINT64_C(1));
}

uint64_t memory_store_next_number(struct memory_store *store)
{
    return atomic_fetch_add(&store->next_number, UINT64_C(1));
}

void memory_store_statfs(const struct memory_store *store, uint64_t magic, struct vfs_statfs *out)
{
    uint64_t pages = store->limit_pages, used = load_relaxed(&store->used_pages),
             inodes = load_relaxed(&store->used_inodes);
    *out = (struct vfs_statfs){.type = magic, .block_size = PAGE_SIZE};
    if (pages != UINT64_MAX) {
        out->blocks = pages;
        out->free_blocks = pages > used ? pages - used : 0;
        /* There is no table of inodes that could be full: as many as there are pages, as tmpfs on Linux says. */
        out->files = MAX(pages, inodes);
        out->free_files = out->files - inodes;
    }
}
