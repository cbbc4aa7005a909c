/* io_uring(7): rings and requests, for the calls in kernel/linux. Numbers are Linux's. */
#pragma once
#include <file/poll_watch.h>
#include <mm/vm_object.h>
#include <process/process.h>
#include <sched/work.h>

enum uring_setup_flags {
    URING_SETUP_CQ_SIZE = 1 << 3,
    URING_SETUP_CLAMP = 1 << 4,
    URING_SETUP_DISABLED = 1 << 6,
    URING_SETUP_SUBMIT_ALL = 1 << 7,
};
enum uring_sqe_flags {
    URING_FIXED_FILE = 1 << 0,
    URING_DRAIN = 1 << 1,
    URING_LINK = 1 << 2,
    URING_HARD_LINK = 1 << 3,
    URING_ASYNC = 1 << 4,
    URING_BUFFER_SELECT = 1 << 5,
    URING_SKIP_SUCCESS = 1 << 6,
};
enum { URING_ENTRIES_MAX = 4096, URING_FILES_MAX = 1024, URING_BUFFERS_MAX = 1024 };
enum uring_layout { /* of the ring's memory, and the offsets at which it is mapped */
                    URING_SQ_HEAD = 0,
                    URING_SQ_TAIL = 64,
                    URING_CQ_HEAD = 128,
                    URING_CQ_TAIL = 192,
                    URING_SQ_MASK = 256,
                    URING_CQ_MASK = 260,
                    URING_SQ_ENTRIES = 264,
                    URING_CQ_ENTRIES = 268,
                    URING_SQ_DROPPED = 272,
                    URING_SQ_FLAGS = 276,
                    URING_CQ_FLAGS = 280,
                    URING_CQ_OVERFLOW = 284,
                    URING_CQES = 320,
                    URING_MAP_RING = 0,
                    URING_MAP_CQ_RING = 0x8000000,
                    URING_MAP_SQES = 0x10000000,
};

struct uring_sqe { /* struct io_uring_sqe; the unions by the names of reads and writes */
    uint8_t opcode, flags;
    uint16_t priority;
    int32_t fd;
    uint64_t offset, address;
    uint32_t len, operation_flags;
    uint64_t user_data;
    uint16_t buffer_index, personality;
    uint32_t file_index;
    uint64_t address3, padding;
};
static_assert(sizeof(struct uring_sqe) == 64, "struct io_uring_sqe");

struct uring;
struct uring_request;
struct uring_operation {
    /* The result of the completion, or URING_LATER: it waits, and will be completed. Under the ring's mutex. */
    long (*issue)(struct uring_request *request);
    /* The fields are right: 0 or -EINVAL; NULL: nothing to check. */
    int (*check)(const struct uring_sqe *sqe);
    bool needs_file;
    uint32_t retry_when; /* POLL bits: issue is called without waiting, and after -EAGAIN again when these hold */
    bool breaks_link_when_short; /* a result other than sqe.len ends the chain */
};
#define URING_LATER INT64_MIN

struct uring_request {
    struct uring_sqe sqe; /* the copy that counts */
    const struct uring_operation *operation;
    struct uring *ring;  /* referenced */
    struct file *file;   /* referenced, or NULL */
    bool is_impatient;   /* the operation's own: -EAGAIN is its result */
    uint32_t progress;   /* the operation's own: what an earlier try has begun */
    int64_t wait_result; /* what the wait ended with: poll bits or -ETIME */
    /* The module's own. */
    struct list link, work_link;
    struct refcount refs;
    struct uring_request *next; /* of the chain */
    unsigned state;
    bool is_done, is_waiting_for_result;
    struct poll_watch watch;
    struct timer timer;
    uint64_t time_ns; /* of a link timeout: from when it is armed on, or absolute */
};

void uring_init(const struct uring_operation *(*find)(uint8_t opcode));
/* entries: powers of two. -ENOMEM. */
int uring_create(unsigned sq_entries, unsigned cq_entries, unsigned flags, struct file **out);
struct uring *uring_of_file(struct file *file); /* NULL: not a ring; valid while the file is referenced */
bool uring_is_mine(struct uring *ring);         /* of the calling process */
uint32_t uring_array_offset(const struct uring *ring);
/* Takes up to `count` submissions: how many, or -errno for none. */
long uring_submit(struct uring *ring, unsigned count);
/* Until `count` completions are there: 0, -EINTR, -ETIME. */
long uring_wait(struct uring *ring, unsigned count, uint64_t deadline_ns);

/* Registering; each takes the mutex. Files and eventfd are taken over on success. */
int uring_enable(struct uring *ring);
int uring_set_eventfd(struct uring *ring, struct file *file);                 /* NULL: none any more */
int uring_set_files(struct uring *ring, struct file **files, unsigned count); /* NULL: none any more; takes the array */
int uring_update_file(struct uring *ring, unsigned index, struct file *file); /* file NULL: emptied */
struct uring_buffer {
    uint64_t base, len;
};
int uring_set_buffers(struct uring *ring, struct uring_buffer *buffers, unsigned count); /* the same */

/* For operations, under the mutex. */
int uring_fixed_buffer(const struct uring_request *request); /* the range lies in its registered buffer: 0, -EFAULT */
long uring_wait_for_file(struct uring_request *request,
                         uint32_t wanted); /* URING_LATER or -errno; completes with bits */
long uring_wait_until(struct uring_request *request, uint64_t deadline_ns); /* completes with -ETIME */
/* Requests that wait, by what `matches` says: -ECANCELED for them; how many. Timers only, or all. */
unsigned uring_cancel(struct uring *ring, bool (*matches)(const struct uring_request *request, const void *argument),
                      const void *argument, bool all);
bool uring_is_timeout(const struct uring_request *request);
