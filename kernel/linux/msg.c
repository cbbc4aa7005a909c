/* System V message queues: structures of the ABI. */
#include <base/errno.h>
#include <common/checked.h>
#include <ipc/msg.h>
#include <linux/syscalls.h>
#include "ipc_permissions.h"

enum { MSG_STAT = 11, MSG_INFO, MSG_STAT_ANY };
enum { SEGMENT_SIZE = 16, SEGMENTS = 0xffff };

struct linux_msqid {
    struct linux_ipc_permissions permissions;
    int64_t send_time, receive_time, change_time;
    uint64_t bytes, count, max_bytes;
    int32_t last_sender, last_receiver;
    uint64_t unused[2];
};
static_assert(sizeof(struct linux_msqid) == 120, "struct msqid64_ds");
struct linux_msginfo {
    int32_t pool, map, max, queue_bytes, queues, segment_size, messages;
    uint16_t segments, padding;
};
static_assert(sizeof(struct linux_msginfo) == 32, "struct msginfo");

long sys_msgget(int key, int flags)
{
    return msg_get(key, flags);
}

long sys_msgsnd(int id, struct user *message, size_t size, int flags)
{
    long type;
    if (copy_struct_from_user(&type, message))
        return -EFAULT;
    return msg_send(id, type, user_offset(message, sizeof type), size, flags);
}

long sys_msgrcv(int id, struct user *message, size_t size, long type, int flags)
{
    return msg_receive(id, message, size, type, flags);
}

static long stat(int id, enum ipc_by by, struct user *to)
{
    struct msg_status status;
    long result = msg_stat(id, by, &status);
    if (result < 0)
        return result;
    struct linux_msqid out = {
        .permissions = ipc_permissions_to_linux(&status.permissions),
        .send_time = status.send_time,
        .receive_time = status.receive_time,
        .change_time = status.change_time,
        .bytes = status.bytes,
        .count = status.count,
        .max_bytes = status.max_bytes,
        .last_sender = (int32_t)status.last_sender,
        .last_receiver = (int32_t)status.last_receiver,
    };
    return copy_struct_to_user(to, &out) ? -EFAULT : result;
}

static long set(int id, const struct user *from)
{
    struct linux_msqid in;
    if (copy_struct_from_user(&in, from))
        return -EFAULT;
    struct ipc_change change = ipc_change_of_linux(&in.permissions);
    return msg_set(id, &change, in.max_bytes);
}

static long tell(struct user *to, bool is_usage)
{
    struct msg_usage usage;
    msg_usage(&usage);
    int32_t queue_bytes = (int32_t)MIN(msg_limits.queue_bytes, UINT64_C(INT32_MAX));
    int32_t queues = (int32_t)msg_limits.queues;
    int64_t pool = (int64_t)queues * queue_bytes / 1024;
    struct linux_msginfo out = {
        .pool = is_usage ? (int32_t)usage.queues.count : (int32_t)MIN(pool, INT32_MAX),
        .map = is_usage ? (int32_t)usage.messages : queue_bytes,
        .max = (int32_t)MIN(msg_limits.max_size, UINT64_C(INT32_MAX)),
        .queue_bytes = queue_bytes,
        .queues = queues,
        .segment_size = SEGMENT_SIZE,
        .messages = is_usage ? (int32_t)usage.bytes : queue_bytes,
        .segments = SEGMENTS,
    };
    return copy_struct_to_user(to, &out) ? -EFAULT : usage.queues.highest;
}

long sys_msgctl(int id, int command, struct user *buf)
{
    if (command < 0 || id < 0)
        return -EINVAL;
    switch (command) {
    case IPC_REMOVE:
        return msg_remove(id);
    case IPC_SET:
        return set(id, buf);
    case IPC_STAT:
        return stat(id, IPC_BY_ID, buf);
    case MSG_STAT:
        return stat(id, IPC_BY_INDEX, buf);
    case MSG_STAT_ANY:
        return stat(id, IPC_BY_INDEX_ANY, buf);
    case IPC_INFO:
    case MSG_INFO:
        return tell(buf, command == MSG_INFO);
    default:
        return -EINVAL;
    }
}
