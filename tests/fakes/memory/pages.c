/*
 * Page blocks over the host's allocator. Each block is a header, the struct pages of its pages and, apart, its memory;
 * a page's `flags` is its number within the block, which leads to the header. A hash table leads from addresses to
 * pages.
 */
#include <arch/mmu.h>
#include <base/string.h>
#include <common/checked.h>
#include <pthread.h>
#include <stdlib.h>
#include "memory.h"

enum { BUCKETS = 4096 };
struct block {
    struct block *next;
    uint8_t *memory;
    uint64_t pad[6]; /* pages stay cache-line aligned */
    struct page pages[];
};
struct entry { /* one a page */
    struct entry *next;
    uint64_t number;
    struct page *page;
};
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
static struct entry *buckets[BUCKETS];
static size_t live_pages;
static struct list shrinkers = LIST_INIT(shrinkers);

static struct block *block_of(const struct page *page)
{
    return (struct block *)((char *)(page - page->flags) - offsetof(struct block, pages));
}

static void table_add(struct page *page, uint64_t number)
{
    struct entry *entry = malloc(sizeof *entry);
    if (!entry)
        abort();
    *entry = (struct entry){.number = number, .page = page};
    pthread_mutex_lock(&table_lock);
    entry->next = buckets[number % BUCKETS];
    buckets[number % BUCKETS] = entry;
    pthread_mutex_unlock(&table_lock);
}

static void table_remove(uint64_t number)
{
    pthread_mutex_lock(&table_lock);
    struct entry **link = &buckets[number % BUCKETS];
    while ((*link)->number != number)
        link = &(*link)->next;
    struct entry *entry = *link;
    *link = entry->next;
    pthread_mutex_unlock(&table_lock);
    free(entry);
}

struct page *page_alloc(unsigned order, unsigned flags)
{
    if (order > 10 || !fake_memory_may_allocate())
        return NULL;
    size_t n = (size_t)1 << order;
    struct block *block = aligned_alloc(64, sizeof *block + n * sizeof(struct page));
    uint8_t *memory = aligned_alloc(PAGE_SIZE << order, PAGE_SIZE << order);
    if (!block || !memory)
        abort();
    memset(block, 0, sizeof *block + n * sizeof(struct page));
    memset(memory, flags & ALLOC_ZERO ? 0 : 0xa5, PAGE_SIZE << order);
    block->memory = memory;
    for (size_t i = 0; i < n; i++) {
        block->pages[i].flags = (uint32_t)i;
        list_init(&block->pages[i].link);
        table_add(&block->pages[i], ((uintptr_t)memory >> PAGE_SHIFT) + i);
    }
    block->pages[0].order = order;
    refcount_init(&block->pages[0].refs, 1);
    atomic_fetch_add(&live_pages, n);
    return &block->pages[0];
}

void page_get(struct page *page)
{
    refcount_get(&page->refs);
}

void page_put(struct page *page)
{
    if (!refcount_put(&page->refs))
        return;
    assert(page->flags == 0);
    struct block *block = block_of(page);
    size_t n = (size_t)1 << page->order;
    for (size_t i = 0; i < n; i++)
        table_remove(((uintptr_t)block->memory >> PAGE_SHIFT) + i);
    atomic_fetch_sub(&live_pages, n);
    free(block->memory);
    free(block);
}

void *page_address(const struct page *page)
{
    return block_of(page)->memory + (size_t)page->flags * PAGE_SIZE;
}

struct page *page_of_address(const void *address)
{
    uint64_t number = (uintptr_t)address >> PAGE_SHIFT;
    pthread_mutex_lock(&table_lock);
    struct entry *entry = buckets[number % BUCKETS];
    while (entry && entry->number != number)
        entry = entry->next;
    pthread_mutex_unlock(&table_lock);
    assert(entry);
    return entry->page;
}

uint64_t page_physical(const struct page *page)
{
    return (uintptr_t)page_address(page);
}

struct page *page_of_physical(uint64_t physical)
{
    return page_of_address((const void *)(uintptr_t)physical);
}

/* Weak: kernel/arch/host has its own. */
__attribute__((weak)) void *physical_to_virtual(uint64_t physical)
{
    return (void *)(uintptr_t)physical;
}

__attribute__((weak)) uint64_t virtual_to_physical(const void *address)
{
    return (uintptr_t)address;
}

void memory_count(struct memory_counters *out)
{
    *out = (struct memory_counters){.total_pages = 1 << 16, .free_pages = 1 << 15};
}

void shrinker_register(struct shrinker *shrinker)
{
    list_add_last(&shrinkers, &shrinker->link);
}

size_t fake_memory_shrink(size_t pages)
{
    size_t freed = 0;
    struct shrinker *shrinker;
    list_for_each(shrinker, &shrinkers, link) freed += shrinker->shrink(shrinker, pages);
    return freed;
}

size_t fake_memory_live_pages(void)
{
    return load_relaxed(&live_pages);
}

void memory_account(enum memory_kind kind, int64_t n)
{
}
