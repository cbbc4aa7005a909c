/* System V message queues: msgget(2), msgop(2), msgctl(2). */
#pragma once
#include <base/user.h>
#include <ipc/object.h>

enum msg_flags { MSG_NO_ERROR = 010000, MSG_EXCEPT = 020000, MSG_COPY = 040000 };
struct msg_status {
    struct ipc_permissions permissions;
    int id;
    int64_t send_time, receive_time, change_time; /* s, wall clock */
    uint64_t bytes, count, max_bytes;
    uint32_t last_sender, last_receiver;
};
/* /proc/sys/kernel/msg*; words read relaxed */
struct msg_limits {
    uint64_t max_size, queue_bytes, queues;
};
extern struct msg_limits msg_limits;

long msg_get(int32_t key, int flags);
/* -EAGAIN: full with IPC_NO_WAIT; -EIDRM; -EINTR. */
long msg_send(int id, long type, const struct user *text, size_t size, int flags);
/* The message's type goes to `to`, its text behind it: the text's length. type: 0 any, n that one (with MSG_EXCEPT: any
 * other), -n the lowest up to n. -ENOMSG, -E2BIG, -EIDRM, -EINTR. */
long msg_receive(int id, struct user *to, size_t size, long type, int flags);
long msg_stat(int id, enum ipc_by by, struct msg_status *out); /* 0; by place: the id */
long msg_set(int id, const struct ipc_change *change, uint64_t max_bytes);
long msg_remove(int id);
struct msg_usage {
    struct ipc_usage queues;
    uint64_t messages, bytes;
};
void msg_usage(struct msg_usage *out);
