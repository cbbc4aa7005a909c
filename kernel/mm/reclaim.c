/* Memory pressure: the shrinkers, one reclaiming thread at a time, and the counters that /proc/meminfo shows. */
#include <sched/mutex.h>
#include "mm.h"
#include "refill.h"
#include "zone.h"

static struct spinlock list_lock = SPINLOCK_INIT;
static struct list shrinkers GUARDED_BY(&list_lock) = LIST_INIT(shrinkers); /* only ever added to */
/* Sleeping; taken with no lock of mm's held but an address space's. Shrinkers run under it and must only try locks that
 * others hold while they allocate. */
static struct mutex reclaim_lock = MUTEX_INIT(reclaim_lock);
static struct thread *reclaimer; /* who holds reclaim_lock; a thread compares it with itself only */

void shrinker_register(struct shrinker *shrinker)
{
    spin_lock(&list_lock);
    list_add_last(&shrinkers, &shrinker->link);
    spin_unlock(&list_lock);
    refill_start();
}

/* Links are never removed, so the next one can be read again under the lock after the call. */
static struct shrinker *next_shrinker(struct shrinker *shrinker)
{
    spin_lock(&list_lock);
    struct list *next = shrinker ? shrinker->link.next : shrinkers.next;
    spin_unlock(&list_lock);
    return next == &shrinkers ? NULL : list_entry(next, struct shrinker, link);
}

bool memory_reclaim(size_t pages)
{
    struct thread *self = thread_current();
    if (!self || load_relaxed(&reclaimer) == self || !next_shrinker(NULL))
        return false;
    bool was_free = mutex_trylock(&reclaim_lock);
    if (!was_free)
        mutex_lock(&reclaim_lock);
    store_relaxed(&reclaimer, self);
    size_t freed = 0;
    /* Who had to wait finds what the other one freed; only if that is not enough does it go on itself. */
    if (was_free || load_relaxed(&zone.free_pages) < pages + zone.reserve_pages)
        for (struct shrinker *shrinker = next_shrinker(NULL); shrinker && freed < pages;
             shrinker = next_shrinker(shrinker))
            freed += shrinker->shrink(shrinker, pages - freed);
    store_relaxed(&reclaimer, NULL);
    mutex_unlock(&reclaim_lock);
    return freed || !was_free;
}

void memory_account(enum memory_kind kind, int64_t n)
{
    int64_t *pages = &zone.accounts[cpu_index()].pages[kind];
    store_relaxed(pages, *pages + n);
}

static uint64_t account_of(enum memory_kind kind)
{
    int64_t n = 0;
    for (unsigned cpu = 0; cpu < CPU_MAX; cpu++)
        n += load_relaxed(&zone.accounts[cpu].pages[kind]);
    return n > 0 ? (uint64_t)n : 0;
}

void memory_count(struct memory_counters *out)
{
    *out = (struct memory_counters){
        .total_pages = load_relaxed(&zone.total_pages),
        .free_pages = load_relaxed(&zone.free_pages),
        .cached_pages = account_of(MEMORY_CACHED),
        .anonymous_pages = account_of(MEMORY_ANONYMOUS),
        .slab_pages = account_of(MEMORY_SLAB),
        .table_pages = account_of(MEMORY_TABLES),
    };
}
