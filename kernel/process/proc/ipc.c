/* /proc/sysvipc, and the limits of IPC and asynchronous I/O in /proc/sys. */
#include <aio/aio.h>
#include <base/errno.h>
#include <base/string.h>
#include <ipc/msg.h>
#include <ipc/posix_queue.h>
#include <ipc/sem.h>
#include <ipc/shm.h>
#include "tables.h"

typedef unsigned long long number;

static int show_shm(const struct pseudo_key *key, struct text *out)
{
    struct ipc_usage usage;
    struct shm_status s;
    text_printf(
        out, "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime"
             "      dtime      ctime                   rss                  swap\n");
    shm_usage(&usage);
    for (int i = 0; i <= usage.highest; i++) {
        if (shm_stat(i, IPC_BY_INDEX, &s) < 0)
            continue;
        text_printf(out, "%10d %10d  %4o %21llu %5u %5u  %5llu %5u %5u %5u %5u %10llu %10llu %10llu %21llu %21u\n",
                    s.permissions.key, s.id, s.permissions.mode, (number)s.size, s.creator, s.last, (number)s.attaches,
                    s.permissions.uid, s.permissions.gid, s.permissions.cuid, s.permissions.cgid, (number)s.attach_time,
                    (number)s.detach_time, (number)s.change_time, (number)s.resident, 0);
    }
    return 0;
}

static int show_sem(const struct pseudo_key *key, struct text *out)
{
    struct ipc_usage usage;
    struct sem_status s;
    text_printf(out, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
    sem_usage(&usage);
    for (int i = 0; i <= usage.highest; i++) {
        if (sem_stat(i, IPC_BY_INDEX, &s) < 0)
            continue;
        text_printf(out, "%10d %10d  %4o %10u %5u %5u %5u %5u %10llu %10llu\n", s.permissions.key, s.id,
                    s.permissions.mode, s.count, s.permissions.uid, s.permissions.gid, s.permissions.cuid,
                    s.permissions.cgid, (number)s.operation_time, (number)s.change_time);
    }
    return 0;
}

static int show_msg(const struct pseudo_key *key, struct text *out)
{
    struct msg_usage usage;
    struct msg_status s;
    text_printf(out, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      stime"
                     "      rtime      ctime\n");
    msg_usage(&usage);
    for (int i = 0; i <= usage.queues.highest; i++) {
        if (msg_stat(i, IPC_BY_INDEX, &s) < 0)
            continue;
        text_printf(out, "%10d %10d  %4o  %10llu %10llu %5u %5u %5u %5u %5u %5u %10llu %10llu %10llu\n",
                    s.permissions.key, s.id, s.permissions.mode, (number)s.bytes, (number)s.count, s.last_sender,
                    s.last_receiver, s.permissions.uid, s.permissions.gid, s.permissions.cuid, s.permissions.cgid,
                    (number)s.send_time, (number)s.receive_time, (number)s.change_time);
    }
    return 0;
}

const struct pseudo_node proc_sysvipc_nodes[] = {
    {.name = "shm", .mode = 0444, .show = show_shm},
    {.name = "sem", .mode = 0444, .show = show_sem},
    {.name = "msg", .mode = 0444, .show = show_msg},
    {.name = NULL},
};

/* ---- limits ---- */

/* The next decimal number of the text, after blanks; false: none, or too large. */
static bool next_number(const char **at, const char *end, uint64_t *out)
{
    const char *p = *at;
    uint64_t value = 0;
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n'))
        p++;
    const char *first = p;
    for (; p < end && *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
            return false;
    *at = p;
    *out = value;
    return p > first;
}

static ssize_t store_limit(const char *bytes, size_t len, uint64_t *limit, uint64_t max)
{
    const char *at = bytes;
    uint64_t value;
    if (!next_number(&at, bytes + len, &value) || value > max)
        return -EINVAL;
    store_relaxed(limit, value);
    return (ssize_t)len;
}

#define LIMIT(id, field, max)                                                                                          \
    int proc_show_##id(const struct pseudo_key *key, struct text *out)                                                 \
    {                                                                                                                  \
        text_printf(out, "%llu\n", (number)load_relaxed(&field));                                                      \
        return 0;                                                                                                      \
    }                                                                                                                  \
    ssize_t proc_store_##id(const struct pseudo_key *key, const char *bytes, size_t len)                               \
    {                                                                                                                  \
        return store_limit(bytes, len, &field, max);                                                                   \
    }
LIMIT(shmmax, shm_limits.max_bytes, UINT64_MAX)
LIMIT(shmall, shm_limits.all_pages, UINT64_MAX)
LIMIT(shmmni, shm_limits.count, 32768)
LIMIT(msgmax, msg_limits.max_size, INT32_MAX)
LIMIT(msgmnb, msg_limits.queue_bytes, INT32_MAX)
LIMIT(msgmni, msg_limits.queues, 32768)
LIMIT(mq_queues, posix_queue_limits.queues, INT32_MAX)
LIMIT(mq_messages, posix_queue_limits.messages, 65536)
LIMIT(mq_size, posix_queue_limits.message_size, 16 << 20)
LIMIT(mq_default, posix_queue_limits.default_messages, 65536)
LIMIT(mq_default_size, posix_queue_limits.default_message_size, 16 << 20)
LIMIT(aio_max, aio_events_max, UINT64_MAX / 2)

int proc_show_sem(const struct pseudo_key *key, struct text *out)
{
    text_printf(out, "%llu\t%llu\t%llu\t%llu\n", (number)sem_limits.per_set, (number)sem_limits.total,
                (number)sem_limits.operations, (number)sem_limits.sets);
    return 0;
}

ssize_t proc_store_sem(const struct pseudo_key *key, const char *bytes, size_t len)
{
    static const uint64_t max[] = {65536, INT32_MAX, 65536, 32768};
    uint64_t *const fields[] = {&sem_limits.per_set, &sem_limits.total, &sem_limits.operations, &sem_limits.sets};
    uint64_t values[4];
    const char *at = bytes;
    unsigned n = 0;
    while (n < 4 && next_number(&at, bytes + len, &values[n]))
        n++;
    for (unsigned i = 0; i < n; i++)
        if (values[i] > max[i])
            return -EINVAL;
    for (unsigned i = 0; i < n; i++)
        store_relaxed(fields[i], values[i]);
    return n ? (ssize_t)len : -EINVAL;
}
