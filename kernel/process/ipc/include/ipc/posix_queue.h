/* POSIX message queues, mq_overview(7): open files with a name in a table of their own. */
#pragma once
#include <base/types.h>
#include <base/user.h>

struct file;

struct posix_queue_attributes { /* struct mq_attr */
    int64_t flags, max_messages, message_size, messages;
    int64_t reserved[4];
};
static_assert(sizeof(struct posix_queue_attributes) == 64, "struct mq_attr");
enum { POSIX_QUEUE_PRIORITIES = 32768 };
/* /proc/sys/fs/mqueue; words read relaxed */
struct posix_queue_limits {
    uint64_t queues, messages, message_size, default_messages, default_message_size;
};
extern struct posix_queue_limits posix_queue_limits;

/* mq_open(3)'s flags, mode (after umask) and errors; attributes NULL: the defaults. */
int posix_queue_open(const char *name, unsigned flags, uint32_t mode, const struct posix_queue_attributes *attributes,
                     struct file **out);
int posix_queue_unlink(const char *name);
/* -EBADF: not a queue, or not open for it; -EMSGSIZE, -EAGAIN, -ETIMEDOUT. */
long posix_queue_send(struct file *file, const struct user *text, size_t size, unsigned priority, uint64_t deadline_ns);
long posix_queue_receive(struct file *file, struct user *to, size_t size, unsigned *priority, uint64_t deadline_ns);
struct posix_queue_notice {
    int notify; /* SIGEV_SIGNAL 0, SIGEV_NONE 1 */
    int number;
    uint64_t value;
};
/* Tells the caller when a message comes to the empty queue, once; NULL: no more. -EBUSY. */
int posix_queue_notify(struct file *file, const struct posix_queue_notice *notice);
/* Either may be NULL; of `set` only O_NONBLOCK counts. */
int posix_queue_attributes(struct file *file, const struct posix_queue_attributes *set,
                           struct posix_queue_attributes *old);
