/* Contexts: what context.c and poll.c share. */
#pragma once
#include <aio/aio.h>
#include <file/poll_watch.h>
#include <process/process.h>

struct aio_context {
    struct refcount refs; /* the process's, callers' and one for each request that waits */
    struct list link;     /* aio_lock */
    uintptr_t id;
    unsigned capacity;
    struct mutex take_lock; /* before lock; held while events are copied to the program */
    struct spinlock lock;   /* guards what follows; a leaf but for wait queues */
    unsigned used;          /* events completed or to be */
    unsigned first, count;  /* completed ones in `events`, a ring */
    bool is_dead;
    struct list waiting; /* struct aio_waiting */
    struct wait_queue queue;
    struct aio_event events[];
};
void aio_cancel_all(struct aio_context *context);
