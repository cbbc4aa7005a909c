/*
 * Putting pages into a mapping and taking them out, and waiting for one that somebody else reads. A page is in the tree
 * with one reference of the cache's; it is found and referenced under mapping->lock, so one that is taken out under the
 * lock cannot be found any more. Whoever inserts a page that is not ready finishes it (cache_finish).
 */
#include "cache.h"
#include <mm/alloc.h>
#include <sched/wait.h>

#define QUEUE_COUNT 16u
static struct wait_queue queues[QUEUE_COUNT]; /* hashed by page */

void waiting_init(void)
{
    for (unsigned i = 0; i < QUEUE_COUNT; i++)
        wait_queue_init(&queues[i]);
}

static struct wait_queue *queue_of(const struct page *page)
{
    return &queues[((uintptr_t)page / sizeof *page) % QUEUE_COUNT];
}

struct page *cache_find(struct mapping *mapping, uint64_t index)
{
    spin_lock(&mapping->lock);
    struct page *page = page_tree_find(&mapping->pages, index);
    if (page)
        page_get(page);
    spin_unlock(&mapping->lock);
    return page;
}

static int insert_locked(struct mapping *mapping, uint64_t index, struct page *page, bool may_extend,
                         struct tree_node **spare)
{
    if (!may_extend && index >= mapping_pages(mapping))
        return -ENXIO;
    int err = page_tree_insert(&mapping->pages, index, page, spare);
    if (err)
        return err;
    page_get(page);
    memory_account(MEMORY_CACHED, 1);
    if (!mapping->is_memory)
        lru_add(page);
    return 0;
}

static int insert_page(struct mapping *mapping, uint64_t index, struct page *page, bool may_extend)
{
    struct tree_node *spare = NULL;
    int err;
    for (;;) {
        spin_lock(&mapping->lock);
        err = insert_locked(mapping, index, page, may_extend, &spare);
        spin_unlock(&mapping->lock);
        if (err != -EAGAIN)
            break;
        spare = kzalloc(sizeof *spare, ALLOC_WAIT);
        if (!spare)
            return -ENOMEM;
    }
    kfree(spare);
    return err;
}

int cache_insert(struct mapping *mapping, uint64_t index, struct page *page, uint64_t state, bool may_extend)
{
    page->object = &mapping->object;
    page->index = index;
    list_init(&page->link);
    store_release(&page->owner_data[0], state);
    int err = mapping->ops->charge ? mapping->ops->charge(mapping, 1) : 0;
    if (err)
        goto disown;
    err = insert_page(mapping, index, page, may_extend);
    if (!err)
        return 0;
    if (mapping->ops->charge)
        mapping->ops->charge(mapping, -1);
disown:
    page->object = NULL;
    return err;
}

void cache_remove(struct mapping *mapping, struct page *page)
{
    spin_lock(&mapping->lock);
    bool is_there = page_tree_find(&mapping->pages, page->index) == page;
    if (is_there) {
        page_tree_remove(&mapping->pages, page->index);
        lru_remove(page);
    }
    spin_unlock(&mapping->lock);
    if (!is_there)
        return;
    memory_account(MEMORY_CACHED, -1);
    if (mapping->ops->charge)
        mapping->ops->charge(mapping, -1);
    page_put(page);
}

void cache_finish(struct mapping *mapping, struct page *page, bool is_ready)
{
    if (!is_ready)
        cache_remove(mapping, page);
    page_set_state(page, is_ready ? STATE_READY : STATE_FAILED);
    struct wait_queue *queue = queue_of(page);
    if (wait_queue_has_waiters(queue))
        wake_up_all(queue, 0);
}

static bool is_finished(void *page)
{
    return load_acquire(&((struct page *)page)->owner_data[0]) & (STATE_READY | STATE_FAILED);
}

void cache_wait(struct page *page)
{
    if (!is_finished(page))
        wait_until(queue_of(page), is_finished, page, WAIT_UNINTERRUPTIBLE, UINT64_MAX, false);
}

/* Moves up to a batch of pages from *index on to `doomed`; true when there may be more. */
static bool take_batch(struct mapping *mapping, uint64_t *index, uint64_t end, struct list *doomed, uint64_t *count)
{
    unsigned batch = 0;
    struct page *page;
    spin_lock(&mapping->lock);
    while (batch < 64 && *index < end && (page = page_tree_next(&mapping->pages, index)) && *index < end) {
        page_tree_remove(&mapping->pages, *index);
        lru_remove(page);
        list_add_last(doomed, &page->link);
        batch++;
        ++*index;
    }
    spin_unlock(&mapping->lock);
    *count += batch;
    return batch == 64;
}

/* Out of the tree first, then out of page tables: a fault that found the page before sees that it must look again. */
void cache_drop(struct mapping *mapping, uint64_t first, uint64_t end, bool even_private)
{
    struct list doomed = LIST_INIT(doomed);
    uint64_t count = 0, index = first;
    while (take_batch(mapping, &index, end, &doomed, &count))
        ;
    vm_object_unmap(&mapping->object, first, end, even_private);
    while (!list_is_empty(&doomed)) {
        struct page *page = list_first(&doomed, struct page, link);
        list_remove(&page->link);
        page->object = NULL;
        page_put(page);
    }
    memory_account(MEMORY_CACHED, -(int64_t)count);
    if (count && mapping->ops->charge)
        mapping->ops->charge(mapping, -(int64_t)count);
}
