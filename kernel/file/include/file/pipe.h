/*
 * Pipes and FIFOs: a ring of pages, 64 KiB unless changed. Writes of up to PIPE_BUF (4096) bytes are never mixed with
 * others. A write that nobody can read returns -EPIPE; the signal is the caller's to send.
 */
#pragma once
#include <file/file.h>

/* flags: O_NONBLOCK (O_CLOEXEC is the descriptor's; O_DIRECT, packet mode: -EINVAL). files[0] reads, files[1] writes. */
int pipe_create(uint32_t flags, struct file *files[2]);
bool file_is_pipe(const struct file *file);
/* F_SETPIPE_SZ and F_GETPIPE_SZ: the size in bytes; -EBADF: not a pipe; -EBUSY: more than that is in it; -EPERM: > 1 MiB. */
long pipe_set_size(struct file *file, uint64_t size);
long pipe_get_size(struct file *file);

/* For vfs (struct vfs_fifo_hooks): *pipe is the inode's field, NULL at first. Opening waits for the other side as Linux
 * does, so call it without locks; it replaces file->ops and file->data. */
int pipe_fifo_open(void **pipe, struct file *file);
void pipe_fifo_free(void *pipe);

/*
 * splice(2) and tee(2), by way of kernel memory. All wait until there is something to take and room to put it, as reads
 * and writes of the pipes do; is_nonblocking (or O_NONBLOCK of the pipe): -EAGAIN instead. Results: bytes, 0 at the end of
 * the source, -EPIPE when nobody reads the target, -ERESTARTSYS. A pipe's lock is held around `consume` and `produce`,
 * which may sleep.
 */
/* Gives up to `len` bytes of the pipe to consume(argument, bytes, n), which returns how many it took or -errno. */
ssize_t pipe_consume(struct file *pipe, size_t len, bool is_nonblocking,
                     ssize_t (*consume)(void *argument, const void *bytes, size_t n), void *argument);
/* Fills the pipe with up to `len` bytes from produce(argument, to, n), which returns how many it gave or -errno. */
ssize_t pipe_produce(struct file *pipe, size_t len, bool is_nonblocking,
                     ssize_t (*produce)(void *argument, void *to, size_t n), void *argument);
/* Copies between two pipes, with `is_move` taking the bytes out of the first. -EINVAL: they are the same. */
ssize_t pipe_transfer(struct file *in, struct file *out, size_t len, bool is_move, bool is_nonblocking);
