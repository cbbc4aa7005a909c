/* Contexts of asynchronous requests and what has completed in them; see io_setup(2). Errors are Linux's. */
#pragma once
#include <base/types.h>
#include <base/user.h>

struct file;
struct aio_context;
struct aio_event { /* struct io_event */
    uint64_t data, request;
    int64_t result, result2;
};
static_assert(sizeof(struct aio_event) == 32, "struct io_event");
/* /proc/sys/fs/aio-max-nr and aio-nr; words read relaxed */
extern uint64_t aio_events_max, aio_events_now;

void aio_init(void);
int aio_context_create(unsigned events, uintptr_t *id); /* -EINVAL, -EAGAIN, -ENOMEM */
int aio_context_destroy(uintptr_t id);                  /* cancels what is waited for; -EINVAL */
struct aio_context *aio_context_get(uintptr_t id);      /* the caller's process's, referenced; NULL */
void aio_context_put(struct aio_context *context);
unsigned aio_capacity(const struct aio_context *context);

/* Room for one event more: each successful call is followed by one aio_complete, aio_unreserve or aio_wait_for. */
int aio_reserve(struct aio_context *context); /* -EAGAIN */
void aio_unreserve(struct aio_context *context);
/* `signal`: an eventfd that is told, or NULL; the caller keeps its reference. */
void aio_complete(struct aio_context *context, const struct aio_event *event, struct file *signal);
/* Completes `event` with the poll bits as its result once some hold; takes its own references. An error uses up
 * nothing. */
int aio_wait_for(struct aio_context *context, struct file *file, uint32_t wanted, const struct aio_event *event,
                 struct file *signal);
int aio_cancel(struct aio_context *context, uint64_t request); /* -EINPROGRESS: done; -EINVAL: there is none */

/* At least min and at most max events to the program: their number, fewer at the deadline. -EINTR only when none came.
 */
long aio_take_events(struct aio_context *context, long min, long max, struct user *events, uint64_t deadline_ns);
