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
 * Pages of a pipe given to, or taken from, another file: splice(2) by way of kernel memory. Both wait like reads and
 * writes of the pipe itself do (is_nonblocking: or -EAGAIN).
 */
/* Calls consume(argument, bytes, n) for the buffers at the front, up to `len` bytes in all, and removes what it took.
 * Bytes, 0 at the end of the pipe, or the first error. `consume` returns bytes taken or -errno and may sleep. */
ssize_t pipe_consume(struct file *file, size_t len, bool is_nonblocking,
                     ssize_t (*consume)(void *argument, const void *bytes, size_t n), void *argument);
/* Waits until something is in it: 0, -EAGAIN, -ERESTARTSYS; also 0 at its end. */
int pipe_wait_readable(struct file *file, bool is_nonblocking);
/* Waits until a page of room is in it: 0, -EPIPE, -EAGAIN, -ERESTARTSYS. */
int pipe_wait_writable(struct file *file, bool is_nonblocking);
/* tee(2): copies up to len bytes from one pipe to the other without removing them. Does not wait: -EAGAIN. */
ssize_t pipe_tee(struct file *in, struct file *out, size_t len);
