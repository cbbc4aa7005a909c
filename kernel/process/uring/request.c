/*
 * Requests from submission to completion. All under the ring's mutex. A chain is a list of requests of which only the
 * first is issued; the others follow as each completes, or are all cancelled when one fails. A link timeout stands in
 * the chain behind the request that it limits.
 */
#include "uring.h"

enum { OPCODE_TIMEOUT = 11, OPCODE_LINK_TIMEOUT = 15, KNOWN_FLAGS = 0x7f };

const struct uring_operation *(*uring_find_operation)(uint8_t opcode);

void request_put(struct uring_request *request)
{
    if (!refcount_put(&request->refs))
        return;
    uring_put(request->ring);
    kfree(request);
}

static bool is_link_timeout(const struct uring_request *request)
{
    return request->sqe.opcode == OPCODE_LINK_TIMEOUT;
}

bool uring_is_timeout(const struct uring_request *request)
{
    return request->sqe.opcode == OPCODE_TIMEOUT || is_link_timeout(request);
}

/* ---- completing ---- */

static bool has_failed(const struct uring_request *request, int64_t result)
{
    if (result < 0)
        return !(request->sqe.flags & URING_HARD_LINK);
    return request->operation && request->operation->breaks_link_when_short && result != request->sqe.len &&
           !(request->sqe.flags & URING_HARD_LINK);
}

/* Posts and frees; what follows it in the chain is the caller's business. */
static void finish(struct uring_request *request, int64_t result)
{
    struct uring *ring = request->ring;
    if (!(request->sqe.flags & URING_SKIP_SUCCESS && result >= 0))
        uring_post(ring, request->sqe.user_data, (int32_t)result, 0);
    if (request->file)
        file_put(request->file);
    request->file = NULL;
    spin_lock(&ring->work_lock);
    request->is_done = true;
    list_remove(&request->work_link);
    spin_unlock(&ring->work_lock);
    list_remove(&request->link);
    ring->request_count--;
    request_put(request);
}

static void cancel_chain(struct uring_request *request)
{
    while (request) {
        struct uring_request *next = request->next;
        finish(request, -ECANCELED);
        request = next;
    }
}

/* The link timeout of a request that has completed. */
static void end_timeout(struct uring_request *timeout)
{
    request_stop_waiting(timeout);
    finish(timeout, -ECANCELED);
}

/* What comes next is put on the work list: so a long chain does not go deep into the stack. */
static void queue_next(struct uring_request *next)
{
    struct uring *ring = next->ring;
    spin_lock(&ring->work_lock);
    list_add_last(&ring->work, &next->work_link);
    spin_unlock(&ring->work_lock);
}

void request_complete(struct uring_request *request, int64_t result)
{
    struct uring_request *next = request->next;
    bool is_broken = has_failed(request, result);
    finish(request, result);
    if (next && is_link_timeout(next)) {
        struct uring_request *timeout = next;
        next = timeout->next;
        end_timeout(timeout);
    }
    if (next && is_broken)
        cancel_chain(next);
    else if (next)
        queue_next(next);
}

/* ---- issuing ---- */

static int find_file(struct uring_request *request)
{
    struct uring *ring = request->ring;
    int32_t fd = request->sqe.fd;
    if (request->file || !request->operation->needs_file)
        return 0;
    if (request->sqe.flags & URING_FIXED_FILE) {
        request->file = (uint32_t)fd < ring->file_count ? ring->files[fd] : NULL;
        if (request->file)
            file_get(request->file);
    } else {
        request->file = descriptor_file(process_current()->descriptors, fd);
    }
    if (!request->file)
        return -EBADF;
    return uring_of_file(request->file) ? -EOPNOTSUPP : 0; /* a ring would keep itself open */
}

static long try(struct uring_request *request)
{
    const struct uring_operation *operation = request->operation;
    struct thread *thread = thread_current();
    int err = find_file(request);
    if (err)
        return err;
    thread->is_nonblocking = operation->retry_when;
    long result = operation->issue(request);
    thread->is_nonblocking = false;
    if (result != -EAGAIN || !operation->retry_when || request->is_impatient || !request->file->ops->poll)
        return result == -ERESTARTSYS ? -EINTR : result;
    return request_watch(request, operation->retry_when, &err) ? URING_LATER : err;
}

void request_issue(struct uring_request *request)
{
    long result = try(request);
    if (result != URING_LATER) {
        request_complete(request, result);
        return;
    }
    struct uring_request *timeout = request->next;
    if (timeout && is_link_timeout(timeout) && timeout->state == REQUEST_READY)
        request_arm_link_timeout(timeout);
}

/* ---- submitting ---- */

static struct uring_request *make_request(struct uring *ring, const struct uring_sqe *sqe)
{
    struct uring_request *request = kzalloc(sizeof *request, ALLOC_WAIT);
    if (!request)
        return NULL;
    request->sqe = *sqe;
    request->ring = ring;
    uring_get(ring);
    refcount_init(&request->refs, 1);
    list_init(&request->work_link);
    list_add_last(&ring->requests, &request->link);
    ring->request_count++;
    return request;
}

static int check_request(struct uring_request *request)
{
    const struct uring_sqe *sqe = &request->sqe;
    request->operation = uring_find_operation(sqe->opcode);
    if (!request->operation || sqe->flags & ~KNOWN_FLAGS)
        return -EINVAL;
    if (sqe->flags & URING_BUFFER_SELECT)
        return -EOPNOTSUPP;
    if (sqe->flags & URING_DRAIN || sqe->personality)
        return -EINVAL;
    return request->operation->check ? request->operation->check(sqe) : 0;
}

/* The chain that is being put together. */
struct chain {
    struct uring_request *first, *last;
    bool is_broken; /* one of it cannot be: none is done */
};

static void end_chain(struct chain *chain)
{
    struct uring_request *first = chain->first;
    bool is_broken = chain->is_broken;
    *chain = (struct chain){0};
    if (first && is_broken)
        cancel_chain(first);
    else if (first && is_link_timeout(first))
        request_complete(first, -EINVAL); /* there is nothing that it limits */
    else if (first)
        request_issue(first);
}

static void add_to_chain(struct chain *chain, struct uring_request *request)
{
    if (chain->last)
        chain->last->next = request;
    else
        chain->first = request;
    chain->last = request;
}

/* 0, or the error that the request completes with. */
static int submit_one(struct uring *ring, const struct uring_sqe *sqe, struct chain *chain)
{
    struct uring_request *request = make_request(ring, sqe);
    if (!request)
        return -ENOMEM;
    bool is_linked = sqe->flags & (URING_LINK | URING_HARD_LINK);
    int err = check_request(request);
    if (!err && is_link_timeout(request)) {
        long result = request->operation->issue(request); /* reads the time only */
        err = (int)result;
    }
    if (err) {
        finish(request, err);
        chain->is_broken = true;
    } else {
        add_to_chain(chain, request);
    }
    if (!is_linked)
        end_chain(chain);
    return err;
}

static bool next_submission(struct uring *ring, struct uring_sqe *sqe, bool *is_valid)
{
    uint32_t head = ring->sq_head;
    if (load_acquire(uring_word(ring, URING_SQ_TAIL)) == head)
        return false;
    uint32_t slot = head & (ring->sq_entries - 1);
    uint32_t index = load_relaxed(uring_word(ring, uring_array_offset(ring) + slot * (uint32_t)sizeof(uint32_t)));
    *is_valid = index < ring->sq_entries;
    if (*is_valid)
        memcpy(sqe, uring_sqe_at(ring, index), sizeof *sqe);
    compiler_barrier(); /* what is used from here on is the copy */
    ring->sq_head = head + 1;
    store_release(uring_word(ring, URING_SQ_HEAD), ring->sq_head);
    return true;
}

static long submit_locked(struct uring *ring, unsigned count)
{
    struct chain chain = {0};
    struct uring_sqe sqe;
    bool is_valid;
    long done = 0;
    if (ring->flags & URING_SETUP_DISABLED)
        return -EBADFD;
    if (!uring_flush_overflow(ring) || ring->request_count >= ring->cq_entries * 4)
        return -EBUSY;
    while (done < (long)MIN(count, ring->sq_entries) && next_submission(ring, &sqe, &is_valid)) {
        if (!is_valid) {
            atomic_fetch_add(uring_word(ring, URING_SQ_DROPPED), 1u);
            continue;
        }
        done++;
        int err = submit_one(ring, &sqe, &chain);
        if (err && !(ring->flags & URING_SETUP_SUBMIT_ALL))
            break;
    }
    end_chain(&chain);
    return done;
}

long uring_submit(struct uring *ring, unsigned count)
{
    mutex_lock(&ring->mutex);
    long done = uring_is_mine(ring) ? submit_locked(ring, count) : -EPERM;
    uring_do_work(ring);
    mutex_unlock(&ring->mutex);
    return done;
}

/* ---- cancelling ---- */

unsigned uring_cancel(struct uring *ring, bool (*matches)(const struct uring_request *request, const void *argument),
                      const void *argument, bool all)
{
    struct uring_request *request, *found;
    unsigned count = 0;
    do {
        found = NULL;
        list_for_each(request, &ring->requests, link)
        {
            if (request->state == REQUEST_READY || is_link_timeout(request) || !matches(request, argument))
                continue;
            found = request;
            break;
        }
        if (found) {
            request_stop_waiting(found);
            request_complete(found, -ECANCELED);
            count++;
        }
    } while (found && all);
    return count;
}

/* The end of the ring or of its process: what waits is cancelled, and what follows it is not begun. */
void uring_cancel_all(struct uring *ring)
{
    while (!list_is_empty(&ring->requests)) {
        struct uring_request *request = list_first(&ring->requests, struct uring_request, link);
        request_stop_waiting(request);
        request->next = NULL;
        finish(request, -ECANCELED);
    }
}
