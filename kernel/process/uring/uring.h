/*
 * Rings: what the files of this module share.
 *
 * Lock order: ring->mutex (sleeping), then work_lock (a leaf but for wait queues). The mutex guards everything that is
 * not said to be under work_lock or fixed.
 */
#pragma once
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include <uring/uring.h>

struct uring {
    struct refcount refs;    /* the file's, one a mapping, one a request */
    struct list link;        /* of all rings; rings_lock */
    struct process *process; /* who made it; NULL once that has ended. rings_lock and mutex for changes */
    struct mutex mutex;
    unsigned sq_entries, cq_entries, flags; /* fixed but for URING_SETUP_DISABLED */
    unsigned ring_pages, sqe_pages;         /* fixed */
    struct page **pages;                    /* fixed: those of the ring, then those of the submissions */
    struct vm_object object;

    uint32_t sq_head, cq_tail; /* the copies that count */
    struct list overflow;      /* struct overflow: completions that had no room */
    struct list requests;      /* all that are not done */
    unsigned request_count;

    struct spinlock work_lock;
    struct list work;       /* work_lock: requests whose wait has ended */
    unsigned waiters;       /* work_lock: threads in uring_wait */
    struct wait_queue wait; /* completions and work: uring_wait and poll */

    struct file *eventfd;
    struct file **files;
    unsigned file_count;
    struct uring_buffer *buffers;
    unsigned buffer_count;
};
enum request_state { REQUEST_READY, REQUEST_WATCHING, REQUEST_TIMING };

/* ring.c */
void uring_get(struct uring *ring);
void uring_put(struct uring *ring);
/* A 32-bit word of the ring's memory. */
uint32_t *uring_word(struct uring *ring, uint32_t offset);
struct uring_sqe *uring_sqe_at(struct uring *ring, uint32_t index);
uint32_t uring_completions(struct uring *ring); /* that the program has not taken; any context */
void uring_post(struct uring *ring, uint64_t user_data, int32_t result, uint32_t flags);
void uring_raise(struct uring *ring); /* its process is to do the ring's work; any context but hard interrupts */
bool uring_flush_overflow(struct uring *ring); /* false: some are left */

/* request.c */
extern const struct uring_operation *(*uring_find_operation)(uint8_t opcode);
void request_put(struct uring_request *request); /* any context */
void request_issue(struct uring_request *request);
/* Posts the result and goes on with the chain. The request is not the caller's any more. */
void request_complete(struct uring_request *request, int64_t result);
void uring_cancel_all(struct uring *ring);

/* wait.c */
/* The request does not wait any more, and no wake-up of it will be acted on. False: its wait has already ended. */
bool request_stop_waiting(struct uring_request *request);
void request_arm_link_timeout(struct uring_request *timeout); /* its time begins */
bool request_watch(struct uring_request *request, uint32_t wanted, int *err);
void uring_do_work(struct uring *ring); /* under the mutex */
bool uring_has_work(struct uring *ring);
