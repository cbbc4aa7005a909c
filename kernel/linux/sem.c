/* System V semaphores: structures of the ABI. */
#include <base/errno.h>
#include <common/checked.h>
#include <ipc/sem.h>
#include <linux/syscalls.h>
#include <mm/alloc.h>
#include "ipc_permissions.h"
#include "timespec.h"

enum {
    SEM_GETPID = 11,
    SEM_GETVAL,
    SEM_GETALL,
    SEM_GETNCNT,
    SEM_GETZCNT,
    SEM_SETVAL,
    SEM_SETALL,
    SEM_STAT,
    SEM_INFO,
    SEM_STAT_ANY,
};
enum { OPERATIONS_SHORT = 8, UNDO_SIZE = 20 };

struct linux_semid {
    struct linux_ipc_permissions permissions;
    int64_t operation_time, unused1, change_time, unused2;
    uint64_t count, unused3[2];
};
static_assert(sizeof(struct linux_semid) == 104, "struct semid64_ds");
struct linux_seminfo {
    int32_t map, sets, total, undos, per_set, operations, undo_entries, undo_size, value_max, adjust_max;
};
static_assert(sizeof(struct linux_seminfo) == 40, "struct seminfo");

long sys_semget(int key, int count, int flags)
{
    return sem_get(key, count, flags);
}

static long operate(int id, const struct user *from, size_t count, uint64_t deadline_ns)
{
    struct sem_operation few[OPERATIONS_SHORT], *operations = few;
    if (count > load_relaxed(&sem_limits.operations))
        return -E2BIG;
    if (!count || id < 0)
        return -EINVAL;
    if (count > OPERATIONS_SHORT)
        operations = kmalloc_array(count, sizeof *operations, ALLOC_WAIT);
    if (!operations)
        return -ENOMEM;
    long result = copy_from_user(operations, from, count * sizeof *operations);
    if (!result)
        result = sem_operate(id, operations, (unsigned)count, deadline_ns);
    if (operations != few)
        kfree(operations);
    return result;
}

long sys_semop(int id, struct user *operations, size_t count)
{
    return operate(id, operations, count, UINT64_MAX);
}

long sys_semtimedop(int id, struct user *operations, size_t count, struct user *timeout)
{
    uint64_t ns = TIME_FOREVER;
    int err = timeout ? timespec_read(timeout, &ns) : 0;
    return err ? err : operate(id, operations, count, deadline_after(ns));
}

/* ---- semctl ---- */

static long stat(int id, enum ipc_by by, struct user *to)
{
    struct sem_status status;
    long result = sem_stat(id, by, &status);
    if (result < 0)
        return result;
    struct linux_semid out = {
        .permissions = ipc_permissions_to_linux(&status.permissions),
        .operation_time = status.operation_time,
        .change_time = status.change_time,
        .count = status.count,
    };
    return copy_struct_to_user(to, &out) ? -EFAULT : result;
}

static long set(int id, const struct user *from)
{
    struct linux_semid in;
    if (copy_struct_from_user(&in, from))
        return -EFAULT;
    struct ipc_change change = ipc_change_of_linux(&in.permissions);
    return sem_set(id, &change);
}

static int32_t clamp(uint64_t value)
{
    return value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

static long tell(struct user *to, bool is_usage)
{
    struct ipc_usage usage;
    sem_usage(&usage);
    int32_t total = clamp(sem_limits.total), operations = clamp(sem_limits.operations);
    struct linux_seminfo out = {
        .map = total,
        .sets = clamp(sem_limits.sets),
        .total = total,
        .undos = total,
        .per_set = clamp(sem_limits.per_set),
        .operations = operations,
        .undo_entries = operations,
        .undo_size = is_usage ? clamp(usage.count) : UNDO_SIZE,
        .value_max = SEM_VALUE_MAX,
        .adjust_max = is_usage ? clamp(usage.total) : SEM_VALUE_MAX,
    };
    return copy_struct_to_user(to, &out) ? -EFAULT : usage.highest;
}

/* GETALL and SETALL. The set may be another one, of another size, by the time of the second look. */
static long all_values(int id, struct user *array, bool is_set)
{
    long count = sem_count(id, is_set);
    if (count < 0)
        return count;
    size_t bytes = (size_t)count * sizeof(uint16_t);
    uint16_t *values = kmalloc(bytes, ALLOC_WAIT);
    if (!values)
        return -ENOMEM;
    long err = is_set ? copy_from_user(values, array, bytes) : sem_get_all(id, values, (unsigned)count);
    if (!err)
        err = is_set ? sem_set_all(id, values, (unsigned)count) : copy_to_user(array, values, bytes);
    kfree(values);
    return err == -EAGAIN ? -EIDRM : err;
}

long sys_semctl(int id, int index, int command, unsigned long argument)
{
    struct user *buf = user_pointer(argument);
    if (id < 0)
        return -EINVAL;
    switch (command) {
    case IPC_REMOVE:
        return sem_remove(id);
    case IPC_SET:
        return set(id, buf);
    case IPC_STAT:
        return stat(id, IPC_BY_ID, buf);
    case SEM_STAT:
        return stat(id, IPC_BY_INDEX, buf);
    case SEM_STAT_ANY:
        return stat(id, IPC_BY_INDEX_ANY, buf);
    case IPC_INFO:
    case SEM_INFO:
        return tell(buf, command == SEM_INFO);
    case SEM_GETPID:
        return sem_query(id, index, SEM_QUERY_PID);
    case SEM_GETVAL:
        return sem_query(id, index, SEM_QUERY_VALUE);
    case SEM_GETNCNT:
        return sem_query(id, index, SEM_QUERY_DECREASERS);
    case SEM_GETZCNT:
        return sem_query(id, index, SEM_QUERY_ZERO_WAITERS);
    case SEM_GETALL:
    case SEM_SETALL:
        return all_values(id, buf, command == SEM_SETALL);
    case SEM_SETVAL:
        return sem_set_value(id, index, (int)argument);
    default:
        return -EINVAL;
    }
}
