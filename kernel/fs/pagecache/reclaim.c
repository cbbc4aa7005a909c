/*
 * Giving pages of files back. All pages that can be read again stand in one list in the order they came; the shrinker
 * takes them from the front and gives those used since a second chance at the back. A page that is mapped is taken out
 * of page tables and goes to the back too: if the program still needs it, it faults and is marked used.
 *
 * A page on the list is in its mapping's tree. While the shrinker looks at one (off the list), mapping->reclaimers
 * keeps the mapping alive. Lock order: mapping->lock, then lru.lock.
 */
#include "cache.h"
#include <sched/wait.h>

static struct {
    struct spinlock lock;
    struct list pages GUARDED_BY(&lock);
    uint64_t count GUARDED_BY(&lock); /* read relaxed */
    struct wait_queue idle;           /* mapping_destroy waits for shrinkers here */
} lru;

void lru_add(struct page *page)
{
    spin_lock(&lru.lock);
    list_add_last(&lru.pages, &page->link);
    store_relaxed(&lru.count, lru.count + 1);
    spin_unlock(&lru.lock);
}

static void remove_locked(struct page *page)
{
    if (list_is_empty(&page->link))
        return;
    list_remove(&page->link);
    store_relaxed(&lru.count, lru.count - 1);
}

void lru_remove(struct page *page)
{
    spin_lock(&lru.lock);
    remove_locked(page);
    spin_unlock(&lru.lock);
}

static bool is_idle(void *argument)
{
    const struct mapping *mapping = argument;
    spin_lock(&lru.lock);
    bool idle = !mapping->reclaimers;
    spin_unlock(&lru.lock);
    return idle;
}

void lru_wait_reclaimers(struct mapping *mapping)
{
    if (!is_idle(mapping))
        wait_until(&lru.idle, is_idle, mapping, WAIT_UNINTERRUPTIBLE, UINT64_MAX, false);
}

/* Takes the first page off the list, referenced, its mapping kept alive. NULL: the list is empty. */
static struct page *isolate(struct mapping **mapping)
{
    struct page *page = NULL;
    spin_lock(&lru.lock);
    if (!list_is_empty(&lru.pages)) {
        page = list_first(&lru.pages, struct page, link);
        remove_locked(page);
        page_get(page);
        *mapping = container_of(page->object, struct mapping, object);
        (*mapping)->reclaimers++;
    }
    spin_unlock(&lru.lock);
    return page;
}

static void release(struct mapping *mapping)
{
    spin_lock(&lru.lock);
    mapping->reclaimers--;
    spin_unlock(&lru.lock);
    wake_up_all(&lru.idle, 0);
}

/* True when the page was unused and may go now. */
static bool is_cold(struct mapping *mapping, struct page *page)
{
    if (!page_is_ready(page))
        return false;
    if (load_relaxed(&page->owner_data[0]) & STATE_REFERENCED) {
        atomic_fetch_and(&page->owner_data[0], ~(uint64_t)STATE_REFERENCED);
        return false;
    }
    if (load_relaxed(&page->map_count) > 0) {
        vm_object_unmap(&mapping->object, page->index, page->index + 1, false);
        return false;
    }
    return true;
}

/* Out of the tree when nobody but the cache and we hold it; else back to the list. True: the page is the caller's
 * alone. */
static bool evict(struct mapping *mapping, struct page *page, bool is_wanted)
{
    bool is_gone = false;
    spin_lock(&mapping->lock);
    if (page_tree_find(&mapping->pages, page->index) == page) {
        if (is_wanted && load_relaxed(&page->refs.count) == 2) {
            page_tree_remove(&mapping->pages, page->index);
            is_gone = true;
        } else {
            lru_add(page);
        }
    }
    spin_unlock(&mapping->lock);
    return is_gone;
}

static bool reclaim_one(struct mapping *mapping, struct page *page)
{
    bool is_gone = evict(mapping, page, is_cold(mapping, page));
    if (is_gone) {
        memory_account(MEMORY_CACHED, -1);
        page->object = NULL;
        page_put(page); /* the cache's */
    }
    page_put(page);
    release(mapping);
    return is_gone;
}

static size_t shrink(struct shrinker *shrinker, size_t pages)
{
    size_t freed = 0;
    struct mapping *mapping;
    /* Three rounds: clear the mark, unmap, free. */
    for (uint64_t left = 3 * pagecache_clean_pages(); left && freed < pages; left--) {
        struct page *page = isolate(&mapping);
        if (!page)
            break;
        freed += reclaim_one(mapping, page);
    }
    return freed;
}

uint64_t pagecache_clean_pages(void)
{
    return load_relaxed(&lru.count);
}

static struct shrinker shrinker = {.shrink = shrink};

void pagecache_init(void)
{
    spin_init(&lru.lock);
    list_init(&lru.pages);
    wait_queue_init(&lru.idle);
    waiting_init();
    struct memory_counters memory;
    memory_count(&memory);
    windows_init(memory.total_pages);
    shrinker_register(&shrinker);
}
