/* System V semaphores: semget(2), semop(2), semctl(2). */
#pragma once
#include <ipc/object.h>

enum { SEM_VALUE_MAX = 32767, SEM_UNDO_FLAG = 010000 };
struct sem_operation { /* struct sembuf */
    uint16_t index;
    int16_t by;
    int16_t flags;
};
struct sem_status {
    struct ipc_permissions permissions;
    int id;
    unsigned count;
    int64_t operation_time, change_time; /* s, wall clock */
};
/* /proc/sys/kernel/sem */
struct sem_limits {
    uint64_t per_set, total, operations, sets;
};
extern struct sem_limits sem_limits;
enum sem_query { SEM_QUERY_VALUE, SEM_QUERY_PID, SEM_QUERY_DECREASERS, SEM_QUERY_ZERO_WAITERS };

long sem_get(int32_t key, int count, int flags);
/* All of them or none, waiting until the deadline: -EAGAIN then or with IPC_NO_WAIT, -EIDRM, -EINTR, -ERANGE, -EFBIG.
 */
long sem_operate(int id, const struct sem_operation *operations, unsigned count, uint64_t deadline_ns);
long sem_stat(int id, enum ipc_by by, struct sem_status *out); /* 0; by place: the id */
long sem_set(int id, const struct ipc_change *change);
long sem_remove(int id);
long sem_query(int id, int index, enum sem_query query);
long sem_set_value(int id, int index, int value);
/* All values of a set: `values` has room for `count`, which must be the set's (-EAGAIN: look again). */
long sem_get_all(int id, uint16_t *values, unsigned count);
long sem_set_all(int id, const uint16_t *values, unsigned count);
/* How many semaphores, for those who may read it, or alter it. */
long sem_count(int id, bool may_alter);
void sem_usage(struct ipc_usage *out); /* total: semaphores */
