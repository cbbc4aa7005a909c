/*
 * Requests that wait. A wake-up comes in another context; it puts the request on the work list, unless it is done, and
 * sees to it that somebody looks: who waits in the ring, else a thread of the process. The watch and the timer each
 * hold a reference until they have told, or will not.
 */
#include "uring.h"

enum { OPCODE_LINK_TIMEOUT = 15, WORK_MAX = 256, TIMEOUT_ABSOLUTE = 1 };

bool uring_has_work(struct uring *ring)
{
    spin_lock(&ring->work_lock);
    bool is_any = !list_is_empty(&ring->work);
    spin_unlock(&ring->work_lock);
    return is_any;
}

/* Any context but hard interrupts. */
static void wake(struct uring_request *request, int64_t result)
{
    struct uring *ring = request->ring;
    spin_lock(&ring->work_lock);
    bool is_wanted = !request->is_done && request->is_waiting_for_result;
    if (is_wanted) {
        request->is_waiting_for_result = false;
        request->wait_result = result;
        list_add_last(&ring->work, &request->work_link);
    }
    bool has_waiter = ring->waiters;
    spin_unlock(&ring->work_lock);
    if (is_wanted && has_waiter)
        wake_up_all(&ring->wait, 0);
    else if (is_wanted)
        uring_raise(ring);
}

static void file_is_ready(struct poll_watch *watch, uint32_t found)
{
    struct uring_request *request = container_of(watch, struct uring_request, watch);
    wake(request, found);
    request_put(request);
}

static void time_is_up(struct timer *timer)
{
    struct uring_request *request = container_of(timer, struct uring_request, timer);
    wake(request, -ETIME);
    request_put(request);
}

static void begin_wait(struct uring_request *request, unsigned state)
{
    refcount_get(&request->refs);
    request->state = state;
    spin_lock(&request->ring->work_lock);
    request->is_waiting_for_result = true;
    spin_unlock(&request->ring->work_lock);
}

bool request_watch(struct uring_request *request, uint32_t wanted, int *err)
{
    begin_wait(request, REQUEST_WATCHING);
    *err = poll_watch_start(&request->watch, request->file, wanted, file_is_ready);
    if (!*err)
        return true;
    request->state = REQUEST_READY;
    request->is_waiting_for_result = false;
    request_put(request);
    return false;
}

static void arm_timer(struct uring_request *request, uint64_t deadline_ns)
{
    begin_wait(request, REQUEST_TIMING);
    timer_init(&request->timer, time_is_up);
    timer_arm(&request->timer, deadline_ns);
}

long uring_wait_for_file(struct uring_request *request, uint32_t wanted)
{
    int err;
    return request_watch(request, wanted, &err) ? URING_LATER : err;
}

long uring_wait_until(struct uring_request *request, uint64_t deadline_ns)
{
    arm_timer(request, deadline_ns);
    return URING_LATER;
}

void request_arm_link_timeout(struct uring_request *timeout)
{
    uint64_t deadline_ns = timeout->time_ns;
    bool is_relative = !(timeout->sqe.operation_flags & TIMEOUT_ABSOLUTE);
    if (is_relative && add_overflows(clock_monotonic_ns(), timeout->time_ns, &deadline_ns))
        deadline_ns = UINT64_MAX - 1;
    arm_timer(timeout, deadline_ns);
}

bool request_stop_waiting(struct uring_request *request)
{
    struct uring *ring = request->ring;
    unsigned state = request->state;
    request->state = REQUEST_READY;
    spin_lock(&ring->work_lock);
    bool was_waiting = request->is_waiting_for_result;
    request->is_waiting_for_result = false;
    list_remove(&request->work_link);
    spin_unlock(&ring->work_lock);
    bool is_mine = (state == REQUEST_WATCHING && was_waiting && poll_watch_cancel(&request->watch)) ||
                   (state == REQUEST_TIMING && was_waiting && timer_cancel(&request->timer));
    if (is_mine)
        request_put(request); /* the watch's or the timer's */
    return was_waiting;
}

/* ---- work ---- */

static struct uring_request *take_work(struct uring *ring)
{
    struct uring_request *request = NULL;
    spin_lock(&ring->work_lock);
    if (!list_is_empty(&ring->work)) {
        request = list_first(&ring->work, struct uring_request, work_link);
        list_remove(&request->work_link);
    }
    spin_unlock(&ring->work_lock);
    return request;
}

/* The request that the link timeout limits; NULL: it is not the first of the two. */
static struct uring_request *limited_by(const struct uring_request *timeout)
{
    struct uring_request *request;
    list_for_each(request, &timeout->ring->requests, link)
    {
        if (request->next == timeout)
            return request;
    }
    return NULL;
}

/* Out of the chain; what it limited is cancelled, and so is the rest of the chain. */
static void time_out_link(struct uring_request *timeout)
{
    struct uring_request *limited = limited_by(timeout);
    if (limited)
        limited->next = timeout->next;
    timeout->next = NULL;
    request_complete(timeout, limited ? -ETIME : -EINVAL);
    if (!limited)
        return;
    request_stop_waiting(limited);
    request_complete(limited, -ECANCELED);
}

static void work_on(struct uring_request *request)
{
    unsigned state = request->state;
    request->state = REQUEST_READY;
    if (request->sqe.opcode == OPCODE_LINK_TIMEOUT)
        time_out_link(request);
    else if (state == REQUEST_TIMING || (state == REQUEST_WATCHING && !request->operation->retry_when))
        request_complete(request, request->wait_result);
    else
        request_issue(request);
}

/* So many at a time: the caller looks for signals, and comes again. */
void uring_do_work(struct uring *ring)
{
    if (!uring_is_mine(ring))
        return;
    for (unsigned i = 0; i < WORK_MAX; i++) {
        struct uring_request *request = take_work(ring);
        if (!request)
            return;
        work_on(request);
    }
    uring_raise(ring);
}

/* ---- waiting for completions ---- */

struct waiting {
    struct uring *ring;
    uint32_t count;
};

static bool has_enough(void *argument)
{
    const struct waiting *waiting = argument;
    return uring_completions(waiting->ring) >= waiting->count || uring_has_work(waiting->ring);
}

/* True: the wake-ups that counted on this waiter have been seen. */
static bool count_waiter(struct uring *ring, int by)
{
    spin_lock(&ring->work_lock);
    ring->waiters += (unsigned)by;
    bool has_work = !list_is_empty(&ring->work);
    spin_unlock(&ring->work_lock);
    return !has_work;
}

static void work_and_flush(struct uring *ring)
{
    mutex_lock(&ring->mutex);
    uring_do_work(ring);
    uring_flush_overflow(ring);
    mutex_unlock(&ring->mutex);
}

long uring_wait(struct uring *ring, unsigned count, uint64_t deadline_ns)
{
    struct waiting waiting = {ring, MIN(count, ring->cq_entries)};
    for (;;) {
        work_and_flush(ring);
        if (uring_completions(ring) >= waiting.count)
            return 0;
        count_waiter(ring, 1);
        int err = wait_until(&ring->wait, has_enough, &waiting, WAIT_INTERRUPTIBLE, deadline_ns, false);
        if (!count_waiter(ring, -1))
            work_and_flush(ring);
        if (uring_completions(ring) >= waiting.count)
            return 0;
        if (err)
            return err == -ETIMEDOUT ? -ETIME : -EINTR;
    }
}
