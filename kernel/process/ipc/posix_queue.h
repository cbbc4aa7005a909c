/* POSIX queues: what posix_queue.c (messages) and posix_queue_names.c (names, opening) share. */
#pragma once
#include <file/file.h>
#include <ipc/posix_queue.h>
#include "table.h"

enum { QUEUE_NAME_MAX = 255 };
struct posix_message {
    struct list link;
    size_t size;
    unsigned priority;
    uint8_t text[];
};
/* Guarded by posix_queue_lock, which is taken before queues of waiters and nothing else. */
struct posix_queue {
    struct list link;     /* of the table; empty once unlinked */
    struct list messages; /* the next to be received first */
    struct ipc_permissions permissions;
    unsigned refs; /* open files, and the name */
    int64_t max_messages, message_size, count;
    uint64_t charge; /* bytes against RLIMIT_MSGQUEUE */
    unsigned receivers_waiting;
    struct wait_queue senders, receivers; /* poll listens on both */
    struct process *notified;             /* referenced; NULL: nobody */
    struct posix_queue_notice notice;
    char name[QUEUE_NAME_MAX + 1];
};
extern struct spinlock posix_queue_lock;
extern const struct file_ops posix_queue_ops;
void posix_queue_put(struct posix_queue *queue); /* the last one frees it */
