/*
 * The inside of a pipe: a ring of buffers, each a part of one page. Lock order: pipe->mutex, then the queues' locks.
 * Private to this module.
 */
#pragma once
#include <file/pipe.h>
#include <file/poll.h>
#include <mm/alloc.h>

enum {
    PIPE_BUF = 4096,
    PIPE_SLOTS_DEFAULT = 16,
    PIPE_SLOTS_MAX = 256, /* 1 MiB */
    PIPE_SPARE_PAGES = 2,
    O_WRONLY = 1,
    O_RDWR = 2,
    O_ACCESS_MODE = 3,
    O_NONBLOCK = 04000,
    O_DIRECT = 040000,
};
#define POLL_READABLE (POLL_IN | POLL_RDNORM)
#define POLL_WRITABLE (POLL_OUT | POLL_WRNORM)

struct pipe_buffer {
    struct page *page;
    uint32_t offset, len; /* len > 0 while it is in the ring */
};
struct pipe {
    struct refcount refs; /* one an open file, one of the inode of a FIFO */
    struct mutex mutex;
    struct pipe_buffer *ring GUARDED_BY(&mutex);
    /* Written under the mutex, read anywhere as hints: waiting conditions and poll. */
    uint32_t slots, head, used;          /* ring size, first used slot, number of used ones */
    uint32_t tail_room;                  /* bytes that still fit behind the last buffer's on its page */
    uint32_t readers, writers;           /* open files of each kind */
    uint32_t reader_opens, writer_opens; /* how often one was opened: FIFO opens wait for a change */
    struct page *spare[PIPE_SPARE_PAGES] GUARDED_BY(&mutex);
    struct wait_queue read_queue, write_queue; /* read_queue: something to read; write_queue: room, and FIFO opens */
    uint64_t number;
};

struct pipe *pipe_alloc(void);
void pipe_put(struct pipe *pipe);
bool pipe_can_read(void *pipe); /* something to read, or never again */
/* Room for n bytes in one piece (n at most PIPE_BUF), or nobody left to read them. */
bool pipe_has_room(const struct pipe *pipe, size_t n);

/* The mutex is held in all that follow. */
struct pipe_buffer *pipe_first(struct pipe *pipe);
struct pipe_buffer *pipe_last(struct pipe *pipe);
/* Drops n bytes of the first buffer, which has that many. */
void pipe_drop(struct pipe *pipe, uint32_t n);
/* Copies from `from` behind what is there, without waiting: bytes, 0 when there is no room, -EFAULT, -ENOMEM. */
ssize_t pipe_append(struct pipe *pipe, struct io_vector *from);
/* A page to fill, for pipe_append_page (there must be a free slot) or to be given back. NULL: no memory. */
struct page *pipe_take_page(struct pipe *pipe);
void pipe_give_back_page(struct pipe *pipe, struct page *page);
void pipe_append_page(struct pipe *pipe, struct page *page, uint32_t len);
int pipe_resize(struct pipe *pipe, uint32_t slots);

/* pipe.c */
extern const struct file_ops pipe_ops, fifo_ops;
/* Waits with the mutex held (it is released meanwhile) until pipe_can_read. */
int pipe_wait_to_read(struct pipe *pipe, bool is_nonblocking);
int pipe_wait_to_write(struct pipe *pipe, size_t n, bool is_nonblocking);
