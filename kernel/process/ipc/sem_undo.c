/*
 * SEM_UNDO: for each set that a process has used it on, what its end adds to each semaphore. An entry hangs on the
 * process's list and on the set's, and goes with whichever ends first.
 */
#include <base/errno.h>
#include <base/string.h>
#include <mm/alloc.h>
#include "sem.h"

struct semaphore_undos {
    struct list entries; /* struct sem_undo.process_link; sem_table.lock */
};

static struct sem_undo *find_locked(struct process *process, struct sem_set *set)
{
    struct sem_undo *undo;
    if (!process->semaphore_undos)
        return NULL;
    list_for_each(undo, &process->semaphore_undos->entries, process_link) if (undo->set == set) return undo;
    return NULL;
}

int sem_undo_get(struct sem_set *set, struct sem_undo **out)
{
    struct process *process = process_current();
    struct semaphore_undos *head = kmalloc(sizeof *head, ALLOC_WAIT);
    struct sem_undo *made = kzalloc(sizeof *made + set->count * sizeof *made->adjust, ALLOC_WAIT);
    int err = head && made ? 0 : -ENOMEM;
    spin_lock(&sem_table.lock);
    if (!err && set->base.is_removed)
        err = -EIDRM;
    if (!err && !process->semaphore_undos) {
        list_init(&head->entries);
        process->semaphore_undos = head;
        head = NULL;
    }
    struct sem_undo *undo = err ? NULL : find_locked(process, set);
    if (!err && !undo) {
        undo = made;
        made = NULL;
        undo->set = set;
        list_add_last(&process->semaphore_undos->entries, &undo->process_link);
        list_add_last(&set->undos, &undo->set_link);
    }
    spin_unlock(&sem_table.lock);
    kfree(head);
    kfree(made);
    if (!err)
        *out = undo;
    return err;
}

void sem_undo_clear_locked(struct sem_set *set, unsigned first, unsigned count)
{
    struct sem_undo *undo;
    list_for_each(undo, &set->undos, set_link) memset(undo->adjust + first, 0, count * sizeof *undo->adjust);
}

void sem_undo_take_locked(struct sem_set *set, struct list *doomed)
{
    while (!list_is_empty(&set->undos)) {
        struct sem_undo *undo = list_first(&set->undos, struct sem_undo, set_link);
        list_remove(&undo->process_link);
        list_remove(&undo->set_link);
        list_add_last(doomed, &undo->set_link);
    }
}

void sem_undo_free(struct list *doomed)
{
    while (!list_is_empty(doomed)) {
        struct sem_undo *undo = list_first(doomed, struct sem_undo, set_link);
        list_remove(&undo->set_link);
        kfree(undo);
    }
}

static void apply_locked(struct sem_undo *undo, uint32_t pid)
{
    struct sem_set *set = undo->set;
    for (unsigned i = 0; i < set->count; i++) {
        if (!undo->adjust[i])
            continue;
        int value = set->sems[i].value + undo->adjust[i];
        set->sems[i].value = (uint16_t)(value < 0 ? 0 : value > SEM_VALUE_MAX ? SEM_VALUE_MAX : value);
        set->sems[i].pid = pid;
        set->operation_time = ipc_now();
    }
    sem_update_locked(set);
}

void sem_undo_process_end(struct process *process)
{
    struct semaphore_undos *head = process->semaphore_undos;
    while (head) {
        struct sem_undo *undo = NULL;
        spin_lock(&sem_table.lock);
        if (!list_is_empty(&head->entries)) {
            undo = list_first(&head->entries, struct sem_undo, process_link);
            list_remove(&undo->process_link);
            list_remove(&undo->set_link);
            apply_locked(undo, process->id);
        } else {
            process->semaphore_undos = NULL;
        }
        spin_unlock(&sem_table.lock);
        if (!undo)
            break;
        kfree(undo);
    }
    kfree(head);
}
