/*
 * Waiting for a file without a thread that waits: when one of the wanted bits holds, `ready` is called once, in a kernel
 * thread, without locks; it may sleep, free the watch and start another one.
 */
#pragma once
#include <file/file.h>
#include <file/poll.h>

struct poll_watch;
struct poll_watch_listener {
    struct waiter waiter;
    struct wait_queue *queue;
    struct poll_watch *watch;
    struct poll_watch_listener *next;
};
struct poll_watch {
    struct file *file; /* referenced while it watches */
    uint32_t wanted;   /* POLL_ERR and POLL_HUP are added */
    void (*ready)(struct poll_watch *watch, uint32_t found);
    struct list link; /* of those to be looked at */
    unsigned state;
    bool is_out_of_memory;
    struct poll_watch_listener first, *listeners;
};
/* `ready` may be called before this returns. -ENOMEM, -EINVAL: the file cannot be polled. */
int poll_watch_start(struct poll_watch *watch, struct file *file, uint32_t wanted,
                     void (*ready)(struct poll_watch *watch, uint32_t found));
/* True: `ready` was not called and will not be. False: it was, or is about to be. May sleep. */
bool poll_watch_cancel(struct poll_watch *watch);
