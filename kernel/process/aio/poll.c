/*
 * Requests that wait for a file. One is completed by whoever gets there first: its watch, or who cancels it. Both keep
 * it alive: `refs` counts the watch's and that of the list, which a canceller takes over.
 */
#include "aio.h"
#include <base/errno.h>
#include <mm/alloc.h>

struct aio_waiting {
    struct poll_watch watch;
    struct list link; /* context->waiting; context->lock */
    bool is_done;     /* context->lock */
    struct refcount refs;
    struct aio_context *context; /* referenced */
    struct aio_event event;
    struct file *signal; /* referenced, or NULL */
};

static void put(struct aio_waiting *waiting)
{
    if (!refcount_put(&waiting->refs))
        return;
    if (waiting->signal)
        file_put(waiting->signal);
    aio_context_put(waiting->context);
    kfree(waiting);
}

/* Off the list; true: its reference is the caller's now. */
static bool unlist_locked(struct aio_waiting *waiting)
{
    bool was_listed = !list_is_empty(&waiting->link);
    list_remove(&waiting->link);
    return was_listed;
}

static void ready(struct poll_watch *watch, uint32_t found)
{
    struct aio_waiting *waiting = container_of(watch, struct aio_waiting, watch);
    struct aio_context *context = waiting->context;
    spin_lock(&context->lock);
    waiting->is_done = true;
    bool was_listed = unlist_locked(waiting);
    spin_unlock(&context->lock);
    waiting->event.result = found;
    aio_complete(context, &waiting->event, waiting->signal);
    if (was_listed)
        put(waiting);
    put(waiting);
}

/* The caller has it off the list. */
static void cancel(struct aio_waiting *waiting)
{
    if (poll_watch_cancel(&waiting->watch)) {
        waiting->event.result = 0;
        aio_complete(waiting->context, &waiting->event, waiting->signal);
        put(waiting); /* the watch's */
    }
    put(waiting);
}

static struct aio_waiting *make(struct aio_context *context, const struct aio_event *event, struct file *signal)
{
    struct aio_waiting *waiting = kzalloc(sizeof *waiting, ALLOC_WAIT);
    if (!waiting)
        return NULL;
    list_init(&waiting->link);
    refcount_init(&waiting->refs, 2);
    refcount_get(&context->refs);
    waiting->context = context;
    waiting->event = *event;
    waiting->signal = signal;
    if (signal)
        file_get(signal);
    return waiting;
}

int aio_wait_for(struct aio_context *context, struct file *file, uint32_t wanted, const struct aio_event *event,
                 struct file *signal)
{
    struct aio_waiting *waiting = make(context, event, signal);
    if (!waiting)
        return -ENOMEM;
    int err = poll_watch_start(&waiting->watch, file, wanted, ready);
    if (err) {
        put(waiting);
        put(waiting);
        return err;
    }
    spin_lock(&context->lock);
    bool is_over = waiting->is_done, is_dead = context->is_dead;
    if (!is_over && !is_dead)
        list_add_last(&context->waiting, &waiting->link);
    spin_unlock(&context->lock);
    if (is_over)
        put(waiting); /* there is no list for it to be on */
    else if (is_dead)
        cancel(waiting);
    return 0;
}

static struct aio_waiting *take(struct aio_context *context, bool any, uint64_t request)
{
    struct aio_waiting *waiting, *found = NULL;
    spin_lock(&context->lock);
    list_for_each(waiting, &context->waiting, link)
    {
        if (!found && (any || waiting->event.request == request))
            found = waiting;
    }
    if (found)
        list_remove(&found->link);
    spin_unlock(&context->lock);
    return found;
}

int aio_cancel(struct aio_context *context, uint64_t request)
{
    struct aio_waiting *waiting = take(context, false, request);
    if (!waiting)
        return -EINVAL;
    cancel(waiting);
    return -EINPROGRESS;
}

void aio_cancel_all(struct aio_context *context)
{
    for (struct aio_waiting *waiting = take(context, true, 0); waiting; waiting = take(context, true, 0))
        cancel(waiting);
}
