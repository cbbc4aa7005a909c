/*
 * Operations on a set, and those that wait. A request is carried out as a whole under the table's lock, by its caller
 * or, when it had to wait, by whoever makes it possible: so nobody overtakes an older request that could be done.
 */
#include <base/errno.h>
#include "sem.h"

static void take_back(struct sem_set *set, const struct sem_operation *first, const struct sem_operation *end)
{
    for (const struct sem_operation *operation = first; operation < end; operation++)
        set->sems[operation->index].value = (uint16_t)(set->sems[operation->index].value - operation->by);
}

static bool undo_overflows(const struct sem_undo *undo, const struct sem_operation *operation)
{
    int adjusted = undo->adjust[operation->index] - operation->by;
    return adjusted > SEM_VALUE_MAX || adjusted < -SEM_VALUE_MAX - 1;
}

/* Undo amounts, also those of several operations on one semaphore. -ERANGE changes nothing. */
static int add_undos(const struct sem_request *request)
{
    if (!request->undo)
        return 0;
    const struct sem_operation *end = request->operations + request->count;
    for (const struct sem_operation *operation = request->operations; operation < end; operation++) {
        if (!(operation->flags & SEM_UNDO_FLAG))
            continue;
        if (!undo_overflows(request->undo, operation)) {
            request->undo->adjust[operation->index] =
                (int16_t)(request->undo->adjust[operation->index] - operation->by);
            continue;
        }
        while (operation-- > request->operations)
            if (operation->flags & SEM_UNDO_FLAG)
                request->undo->adjust[operation->index] =
                    (int16_t)(request->undo->adjust[operation->index] + operation->by);
        return -ERANGE;
    }
    return 0;
}

int sem_try_locked(struct sem_set *set, const struct sem_request *request, const struct sem_operation **blocking)
{
    const struct sem_operation *operation = request->operations, *end = operation + request->count;
    int err = 0;
    for (; operation < end && !err; operation++) {
        int value = set->sems[operation->index].value + operation->by;
        if (value < 0 || (!operation->by && value))
            err = 1;
        else if (value > SEM_VALUE_MAX)
            err = -ERANGE;
        else
            set->sems[operation->index].value = (uint16_t)value;
    }
    if (err)
        operation--; /* the one that failed */
    else
        err = add_undos(request);
    if (err) {
        take_back(set, request->operations, operation);
        *blocking = operation;
        return err;
    }
    for (operation = request->operations; operation < end; operation++)
        set->sems[operation->index].pid = request->pid;
    set->operation_time = ipc_now();
    return 0;
}

static void end_waiter(struct sem_waiter *waiter, int result)
{
    list_remove(&waiter->link);
    waiter->result = result;
    store_release(&waiter->is_done, true);
    wake_up_all(&waiter->queue, 0);
}

static bool alters(const struct sem_request *request)
{
    for (unsigned i = 0; i < request->count; i++)
        if (request->operations[i].by)
            return true;
    return false;
}

/* Each request that changes values may make an older one possible: begin again then. Each round ends one waiter. */
void sem_update_locked(struct sem_set *set)
{
    struct sem_waiter *waiter, *after;
    bool again = true;
    while (again) {
        again = false;
        list_for_each_safe(waiter, after, &set->waiters, link)
        {
            int err = sem_try_locked(set, &waiter->request, &waiter->blocking);
            if (err > 0)
                continue;
            again = !err && alters(&waiter->request);
            end_waiter(waiter, err);
            if (again)
                break;
        }
    }
}

void sem_end_waiters_locked(struct sem_set *set, int result)
{
    struct sem_waiter *waiter, *after;
    list_for_each_safe(waiter, after, &set->waiters, link) end_waiter(waiter, result);
}

unsigned sem_count_waiters_locked(const struct sem_set *set, unsigned index, bool for_zero)
{
    unsigned n = 0;
    const struct sem_waiter *waiter;
    list_for_each(waiter, &set->waiters, link)
    {
        const struct sem_operation *operation = waiter->blocking;
        n += operation->index == index && (for_zero ? operation->by == 0 : operation->by < 0);
    }
    return n;
}
