/* Semaphore sets: making, changing, removing, and the caller's side of an operation that waits. */
#include <base/errno.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include "sem.h"

enum { MODE_READ = 0400, MODE_ALTER = 0200 };
struct sem_limits sem_limits = {32000, 1024000000, 500, 32000}; /* Linux's defaults; words read relaxed */

static void free_set(struct ipc_object *object);
struct ipc_table sem_table = IPC_TABLE_INIT(sem_table, free_set);
static uint64_t total; /* semaphores of all sets; sem_table.lock */

static struct sem_set *set_of(struct ipc_object *object)
{
    return container_of(object, struct sem_set, base);
}

static void free_set(struct ipc_object *object)
{
    spin_lock(&sem_table.lock);
    total -= set_of(object)->count;
    spin_unlock(&sem_table.lock);
    kfree(set_of(object));
}

/* ---- semget ---- */

static int make_set(const struct ipc_get *get, struct ipc_object **out)
{
    if (!get->size)
        return -EINVAL;
    struct sem_set *set = kzalloc(sizeof *set + get->size * sizeof(struct sem), ALLOC_WAIT);
    if (!set)
        return -ENOMEM;
    set->count = (unsigned)get->size;
    set->change_time = ipc_now();
    list_init(&set->waiters);
    list_init(&set->undos);
    spin_lock(&sem_table.lock);
    bool fits = total + set->count <= load_relaxed(&sem_limits.total);
    if (fits)
        total += set->count;
    spin_unlock(&sem_table.lock);
    if (!fits) {
        kfree(set);
        return -ENOSPC;
    }
    *out = &set->base;
    return 0;
}

static int check_set(const struct ipc_get *get, const struct ipc_object *object)
{
    return get->size > container_of(object, struct sem_set, base)->count ? -EINVAL : 0;
}

long sem_get(int32_t key, int count, int flags)
{
    if (count < 0 || (uint64_t)count > load_relaxed(&sem_limits.per_set))
        return -EINVAL;
    struct ipc_get get = {
        .key = key,
        .flags = flags,
        .limit = (unsigned)MIN(load_relaxed(&sem_limits.sets), UINT64_C(32768)),
        .make = make_set,
        .check = check_set,
        .size = (size_t)count,
    };
    return ipc_get(&sem_table, &get);
}

/* ---- semop ---- */

/* The set, held, when the caller may do these operations on it. */
static int find_for(int id, const struct sem_operation *operations, unsigned count, struct sem_set **out)
{
    struct ipc_object *object;
    unsigned rights = MODE_READ, highest = 0;
    for (unsigned i = 0; i < count; i++) {
        rights = operations[i].by ? MODE_ALTER : rights;
        highest = MAX(highest, (unsigned)operations[i].index);
    }
    spin_lock(&sem_table.lock);
    int err = ipc_find_locked(&sem_table, id, IPC_BY_ID, 0, &object);
    if (!err && highest >= set_of(object)->count)
        err = -EFBIG;
    if (!err)
        err = ipc_find_locked(&sem_table, id, IPC_BY_ID, rights, &object);
    if (!err) {
        ipc_hold_locked(object);
        *out = set_of(object);
    }
    spin_unlock(&sem_table.lock);
    return err;
}

static bool needs_undo(const struct sem_operation *operations, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (operations[i].flags & SEM_UNDO_FLAG)
            return true;
    return false;
}

/* Waits until another has carried the request out, or gives up. Called with the lock, which it releases. */
static long wait_locked(struct sem_set *set, struct sem_waiter *waiter, uint64_t deadline_ns)
{
    wait_queue_init(&waiter->queue);
    list_add_last(&set->waiters, &waiter->link);
    spin_unlock(&sem_table.lock);
    int err = wait_event(&waiter->queue, load_acquire(&waiter->is_done), WAIT_INTERRUPTIBLE, deadline_ns);
    spin_lock(&sem_table.lock); /* also: whoever ended it has let go of the waiter */
    if (waiter->is_done)
        err = waiter->result;
    else
        list_remove(&waiter->link);
    spin_unlock(&sem_table.lock);
    return err == -ERESTARTSYS ? -EINTR : err == -ETIMEDOUT ? -EAGAIN : err;
}

static long operate(struct sem_set *set, const struct sem_operation *operations, unsigned count, uint64_t deadline_ns)
{
    struct sem_waiter waiter = {
        .request = {.operations = operations, .count = count, .pid = process_current()->id},
    };
    int err = needs_undo(operations, count) ? sem_undo_get(set, &waiter.request.undo) : 0;
    if (err)
        return err;
    spin_lock(&sem_table.lock);
    err = set->base.is_removed ? -EIDRM : sem_try_locked(set, &waiter.request, &waiter.blocking);
    if (!err)
        sem_update_locked(set);
    if (err > 0 && waiter.blocking->flags & IPC_NO_WAIT)
        err = -EAGAIN;
    if (err > 0)
        return wait_locked(set, &waiter, deadline_ns);
    spin_unlock(&sem_table.lock);
    return err;
}

long sem_operate(int id, const struct sem_operation *operations, unsigned count, uint64_t deadline_ns)
{
    struct sem_set *set;
    int err = find_for(id, operations, count, &set);
    if (err)
        return err;
    long result = operate(set, operations, count, deadline_ns);
    ipc_drop(&sem_table, &set->base);
    return result;
}

/* ---- semctl ---- */

long sem_stat(int id, enum ipc_by by, struct sem_status *out)
{
    struct ipc_object *object;
    spin_lock(&sem_table.lock);
    int err = ipc_find_locked(&sem_table, id, by, MODE_READ, &object);
    if (!err)
        *out = (struct sem_status){
            .permissions = object->permissions,
            .id = object->id,
            .count = set_of(object)->count,
            .operation_time = set_of(object)->operation_time,
            .change_time = set_of(object)->change_time,
        };
    spin_unlock(&sem_table.lock);
    return err ? err : by == IPC_BY_ID ? 0 : out->id;
}

long sem_set(int id, const struct ipc_change *change)
{
    struct ipc_object *object;
    spin_lock(&sem_table.lock);
    int err = ipc_find_owned_locked(&sem_table, id, &object);
    if (!err) {
        ipc_change_locked(object, change);
        set_of(object)->change_time = ipc_now();
    }
    spin_unlock(&sem_table.lock);
    return err;
}

long sem_remove(int id)
{
    struct list doomed = LIST_INIT(doomed);
    struct ipc_object *object;
    spin_lock(&sem_table.lock);
    int err = ipc_find_owned_locked(&sem_table, id, &object);
    if (!err) {
        ipc_hold_locked(object);
        ipc_remove_locked(&sem_table, object);
        sem_end_waiters_locked(set_of(object), -EIDRM);
        sem_undo_take_locked(set_of(object), &doomed);
    }
    spin_unlock(&sem_table.lock);
    if (err)
        return err;
    sem_undo_free(&doomed);
    ipc_drop(&sem_table, object);
    return 0;
}

static long answer_locked(struct sem_set *set, unsigned index, enum sem_query query)
{
    switch (query) {
    case SEM_QUERY_VALUE:
        return set->sems[index].value;
    case SEM_QUERY_PID:
        return set->sems[index].pid;
    default:
        return sem_count_waiters_locked(set, index, query == SEM_QUERY_ZERO_WAITERS);
    }
}

long sem_query(int id, int index, enum sem_query query)
{
    struct ipc_object *object;
    spin_lock(&sem_table.lock);
    long result = ipc_find_locked(&sem_table, id, IPC_BY_ID, MODE_READ, &object);
    if (!result)
        result = index < 0 || (unsigned)index >= set_of(object)->count
                     ? -EINVAL
                     : answer_locked(set_of(object), (unsigned)index, query);
    spin_unlock(&sem_table.lock);
    return result;
}

/* New values from `first` on, set from outside. */
static void store_values_locked(struct sem_set *set, unsigned first, const uint16_t *values, unsigned count)
{
    sem_undo_clear_locked(set, first, count);
    for (unsigned i = 0; i < count; i++) {
        set->sems[first + i].value = values[i];
        set->sems[first + i].pid = process_current()->id;
    }
    set->change_time = ipc_now();
    sem_update_locked(set);
}

long sem_set_value(int id, int index, int value)
{
    struct ipc_object *object;
    if (value < 0 || value > SEM_VALUE_MAX)
        return -ERANGE;
    uint16_t one = (uint16_t)value;
    spin_lock(&sem_table.lock);
    int err = ipc_find_locked(&sem_table, id, IPC_BY_ID, 0, &object);
    if (!err && (index < 0 || (unsigned)index >= set_of(object)->count))
        err = -EINVAL;
    if (!err)
        err = ipc_find_locked(&sem_table, id, IPC_BY_ID, MODE_ALTER, &object);
    if (!err)
        store_values_locked(set_of(object), (unsigned)index, &one, 1);
    spin_unlock(&sem_table.lock);
    return err;
}

long sem_count(int id, bool may_alter)
{
    struct ipc_object *object;
    spin_lock(&sem_table.lock);
    long result = ipc_find_locked(&sem_table, id, IPC_BY_ID, may_alter ? MODE_ALTER : MODE_READ, &object);
    if (!result)
        result = set_of(object)->count;
    spin_unlock(&sem_table.lock);
    return result;
}

long sem_get_all(int id, uint16_t *values, unsigned count)
{
    struct ipc_object *object;
    spin_lock(&sem_table.lock);
    int err = ipc_find_locked(&sem_table, id, IPC_BY_ID, MODE_READ, &object);
    if (!err && set_of(object)->count != count)
        err = -EAGAIN;
    for (unsigned i = 0; i < count && !err; i++)
        values[i] = set_of(object)->sems[i].value;
    spin_unlock(&sem_table.lock);
    return err;
}

long sem_set_all(int id, const uint16_t *values, unsigned count)
{
    struct ipc_object *object;
    for (unsigned i = 0; i < count; i++)
        if (values[i] > SEM_VALUE_MAX)
            return -ERANGE;
    spin_lock(&sem_table.lock);
    int err = ipc_find_locked(&sem_table, id, IPC_BY_ID, MODE_ALTER, &object);
    if (!err && set_of(object)->count != count)
        err = -EAGAIN;
    if (!err)
        store_values_locked(set_of(object), 0, values, count);
    spin_unlock(&sem_table.lock);
    return err;
}

void sem_usage(struct ipc_usage *out)
{
    spin_lock(&sem_table.lock);
    out->count = sem_table.count;
    out->highest = ipc_highest_locked(&sem_table);
    out->total = total;
    out->resident = 0;
    spin_unlock(&sem_table.lock);
}
