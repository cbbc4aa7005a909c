/*
 * Address spaces: life and death, and which CPU has which one loaded.
 *
 * A CPU that goes to a kernel thread keeps the space's table loaded (lazily): the way back to the same program costs
 * nothing. It holds a reference of the table meanwhile. Whoever changes entries leaves such a CPU a note to flush
 * instead of interrupting it; only when tables were freed it is interrupted, as it may still walk them speculatively.
 */
#include <arch/cpu.h>
#include "space.h"

struct cpu_space {
    struct address_space *loaded; /* owner CPU only */
    uint32_t is_lazy;             /* written by the owner CPU; pairs with must_flush */
    uint32_t must_flush;
} __attribute__((aligned(64)));
static struct cpu_space cpu_spaces[CPU_MAX];
static struct object_cache *space_cache;

/* Linux leaves 128 MiB at least for the stack, moves the stack by up to 16 GiB and the areas by 28 bits of pages. */
void address_space_set_search_top(struct address_space *space, uint64_t random)
{
    space->search_top =
        USER_ADDRESS_MAX - (UINT64_C(16) << 30) - (UINT64_C(1) << 28) - ((random & ((1u << 28) - 1)) << PAGE_SHIFT);
}

struct address_space *address_space_create(void)
{
    if (!load_acquire(&space_cache))
        store_release(&space_cache, object_cache_create("address_space", sizeof(struct address_space), 64));
    struct address_space *space = space_cache ? object_cache_alloc(space_cache, ALLOC_ZERO) : NULL;
    if (!space)
        return NULL;
    if (arch_page_table_create(&space->table)) {
        object_cache_free(space_cache, space);
        return NULL;
    }
    rwlock_init(&space->lock);
    spin_init(&space->table_lock);
    refcount_init(&space->users, 1);
    refcount_init(&space->tables, 1);
    address_space_set_search_top(space, 0);
    space->limit_as = space->limit_data = space->limit_stack = UINT64_MAX;
    return space;
}

void address_space_get(struct address_space *space)
{
    refcount_get(&space->users);
}

static void tables_put(struct address_space *space)
{
    if (!refcount_put(&space->tables))
        return;
    arch_page_table_destroy(&space->table);
    object_cache_free(space_cache, space);
}

void address_space_put(struct address_space *space)
{
    if (!space || !refcount_put(&space->users))
        return;
    struct list doomed = LIST_INIT(doomed);
    rwlock_write_lock(&space->lock);
    unmap_all_locked(space, &doomed);
    rwlock_write_unlock(&space->lock);
    vmas_free(&doomed);
    tables_put(space);
}

static void load(struct cpu_space *self, struct address_space *space)
{
    struct address_space *old = self->loaded;
    uint64_t bit = UINT64_C(1) << cpu_index();
    refcount_get(&space->tables);
    atomic_fetch_or(&space->cpus, bit); /* before the table is loaded: changes from now on flush here */
    store_relaxed(&self->is_lazy, 0u);
    store_relaxed(&self->must_flush, 0u);
    memory_barrier();
    self->loaded = space;
    arch_page_table_activate(&space->table);
    if (!old)
        return;
    atomic_fetch_and(&old->cpus, ~bit);
    tables_put(old);
}

/*
 *   this CPU                          CPU that changed entries (space_flush)
 *   is_lazy = 0                       must_flush = 1
 *   barrier                           barrier
 *   must_flush? then flush            is_lazy? then no interrupt
 * One of the two sees the other's store.
 */
void address_space_activate(struct address_space *space)
{
    struct cpu_space *self = &cpu_spaces[cpu_index()];
    if (!space) {
        store_release(&self->is_lazy, 1u);
        return;
    }
    if (self->loaded != space) {
        load(self, space);
        return;
    }
    if (!self->is_lazy)
        return;
    store_relaxed(&self->is_lazy, 0u);
    memory_barrier();
    if (atomic_exchange(&self->must_flush, 0u))
        arch_page_table_activate(&space->table);
}

void space_flush(struct address_space *space, uintptr_t start, uintptr_t end)
{
    memory_barrier(); /* the entries are changed before the CPUs are looked up; pairs with load() */
    uint64_t cpus = load_relaxed(&space->cpus), self = UINT64_C(1) << cpu_index();
    for (uint64_t rest = cpus & ~self; rest; rest &= rest - 1) {
        struct cpu_space *other = &cpu_spaces[__builtin_ctzll(rest)];
        if (!load_relaxed(&other->is_lazy))
            continue;
        store_relaxed(&other->must_flush, 1u);
        memory_barrier();
        if (load_relaxed(&other->is_lazy))
            cpus &= ~(rest & -rest);
    }
    if (cpus)
        arch_tlb_flush(&space->table, cpus, start, end);
}

void address_space_set_limits(struct address_space *space, uint64_t as, uint64_t data, uint64_t stack)
{
    rwlock_write_lock(&space->lock);
    space->limit_as = as;
    space->limit_data = data;
    space->limit_stack = stack;
    rwlock_write_unlock(&space->lock);
}
