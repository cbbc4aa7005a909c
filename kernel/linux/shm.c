/* System V shared memory: structures of the ABI. */
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <ipc/shm.h>
#include <linux/syscalls.h>
#include "ipc_permissions.h"

enum { SHM_LOCK = 11, SHM_UNLOCK, SHM_STAT, SHM_INFO, SHM_STAT_ANY };

struct linux_shmid {
    struct linux_ipc_permissions permissions;
    uint64_t size;
    int64_t attach_time, detach_time, change_time;
    int32_t creator, last;
    uint64_t attaches, unused[2];
};
static_assert(sizeof(struct linux_shmid) == 112, "struct shmid64_ds");
struct linux_shminfo {
    uint64_t max, min, count, segments, all, unused[4];
};
static_assert(sizeof(struct linux_shminfo) == 72, "struct shminfo64");
struct linux_shm_usage {
    int32_t count, padding;
    uint64_t total, resident, swapped, swap_attempts, swap_successes;
};
static_assert(sizeof(struct linux_shm_usage) == 48, "struct shm_info");

long sys_shmget(int key, size_t size, int flags)
{
    return shm_get(key, size, flags);
}

long sys_shmat(int id, struct user *address, int flags)
{
    return shm_attach(id, user_address(address), flags);
}

long sys_shmdt(struct user *address)
{
    return shm_detach(user_address(address));
}

static long stat(int id, enum ipc_by by, struct user *to)
{
    struct shm_status status;
    long result = shm_stat(id, by, &status);
    if (result < 0)
        return result;
    struct linux_shmid out = {
        .permissions = ipc_permissions_to_linux(&status.permissions),
        .size = status.size,
        .attach_time = status.attach_time,
        .detach_time = status.detach_time,
        .change_time = status.change_time,
        .creator = (int32_t)status.creator,
        .last = (int32_t)status.last,
        .attaches = status.attaches,
    };
    return copy_struct_to_user(to, &out) ? -EFAULT : result;
}

static long set(int id, const struct user *from)
{
    struct linux_shmid in;
    if (copy_struct_from_user(&in, from))
        return -EFAULT;
    struct ipc_change change = ipc_change_of_linux(&in.permissions);
    return shm_set(id, &change);
}

static long tell_limits(struct user *to)
{
    struct ipc_usage usage;
    shm_usage(&usage);
    struct linux_shminfo out = {
        .max = shm_limits.max_bytes,
        .min = 1,
        .count = shm_limits.count,
        .segments = shm_limits.count,
        .all = shm_limits.all_pages,
    };
    return copy_struct_to_user(to, &out) ? -EFAULT : usage.highest;
}

static long tell_usage(struct user *to)
{
    struct ipc_usage usage;
    shm_usage(&usage);
    struct linux_shm_usage out = {
        .count = (int32_t)usage.count,
        .total = usage.total,
        .resident = usage.resident,
    };
    return copy_struct_to_user(to, &out) ? -EFAULT : usage.highest;
}

long sys_shmctl(int id, int command, struct user *buf)
{
    if (command < 0 || id < 0)
        return -EINVAL;
    switch (command) {
    case IPC_REMOVE:
        return shm_remove(id);
    case IPC_SET:
        return set(id, buf);
    case IPC_STAT:
        return stat(id, IPC_BY_ID, buf);
    case SHM_STAT:
        return stat(id, IPC_BY_INDEX, buf);
    case SHM_STAT_ANY:
        return stat(id, IPC_BY_INDEX_ANY, buf);
    case IPC_INFO:
        return tell_limits(buf);
    case SHM_INFO:
        return tell_usage(buf);
    case SHM_LOCK:
    case SHM_UNLOCK:
        return shm_lock(id, command == SHM_LOCK);
    default:
        return -EINVAL;
    }
}
