/* Semaphore sets: what the sem_*.c files share. All guarded by sem_table.lock, unless said otherwise. */
#pragma once
#include <ipc/sem.h>
#include "table.h"

struct sem {
    uint16_t value;
    uint32_t pid; /* who changed it last */
};
struct sem_set {
    struct ipc_object base;
    unsigned count; /* const */
    int64_t operation_time, change_time;
    struct list waiters; /* struct sem_waiter, oldest first */
    struct list undos;   /* struct sem_undo.set_link */
    struct sem sems[];
};
/* What a process's end does to a set. */
struct sem_undo {
    struct list set_link, process_link;
    struct sem_set *set;
    int16_t adjust[];
};
struct sem_request {
    const struct sem_operation *operations;
    unsigned count;
    struct sem_undo *undo; /* NULL: no operation asks for it */
    uint32_t pid;
};
struct sem_waiter {
    struct list link;
    struct sem_request request;
    const struct sem_operation *blocking; /* the operation that cannot be done */
    struct wait_queue queue;
    int result;   /* once is_done */
    bool is_done; /* off the list; also read without the lock */
};
extern struct ipc_table sem_table;

/* sem_wait.c. Carries the request out: 0; 1: *blocking must wait; -ERANGE. */
int sem_try_locked(struct sem_set *set, const struct sem_request *request, const struct sem_operation **blocking);
/* After a change: carries out what waiters can do now. */
void sem_update_locked(struct sem_set *set);
/* All waiters end with `result`. */
void sem_end_waiters_locked(struct sem_set *set, int result);
unsigned sem_count_waiters_locked(const struct sem_set *set, unsigned index, bool for_zero);

/* sem_undo.c. The caller's entry for the set, made where it is missing; the set is held. -ENOMEM, -EIDRM. */
int sem_undo_get(struct sem_set *set, struct sem_undo **out);
/* Forgets what would be done to semaphores [first, first + count). */
void sem_undo_clear_locked(struct sem_set *set, unsigned first, unsigned count);
/* The set goes: its entries come on to `doomed`, to be freed by sem_undo_free. */
void sem_undo_take_locked(struct sem_set *set, struct list *doomed);
void sem_undo_free(struct list *doomed);
void sem_undo_process_end(struct process *process); /* watcher */
