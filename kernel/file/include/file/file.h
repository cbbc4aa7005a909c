/*
 * Open files: what descriptors point to and what fs and net share. A struct file is made by whoever opens (vfs, pipe,
 * socket, …), counted, and closed by ops->release when the last reference goes.
 */
#pragma once
#include <base/types.h>
#include <base/atomic.h>
#include <base/errno.h>
#include <base/user.h>
#include <file/io.h>
#include <sched/mutex.h>

struct file;
struct poll_table;
struct vm_object;

struct file_ops {
    /* At *offset for seekable files (moved by what was done), else offset is NULL. Bytes done or -errno. */
    ssize_t (*read)(struct file *file, struct io_vector *to, int64_t *offset);
    ssize_t (*write)(struct file *file, struct io_vector *from, int64_t *offset);
    int64_t (*seek)(struct file *file, int64_t offset, int whence); /* NULL: -ESPIPE */
    /* Which POLL bits hold now; registers on the queues first when `table` is not NULL (file/poll.h). NULL: always
     * readable and writable, and epoll refuses it with EPERM. */
    uint32_t (*poll)(struct file *file, struct poll_table *table);
    long (*ioctl)(struct file *file, unsigned command, struct user *argument); /* NULL: -ENOTTY */
    /* For mmap: the object, referenced; NULL: -ENODEV. */
    int (*get_vm_object)(struct file *file, bool is_shared, struct vm_object **out);
    int (*sync)(struct file *file, bool data_only);
    void (*flush)(struct file *file);   /* each close of a descriptor (locks); may be NULL */
    void (*flags_changed)(struct file *file, uint32_t flags); /* O_NONBLOCK, O_APPEND, FASYNC by fcntl; may be NULL */
    void (*release)(struct file *file); /* the last reference went: frees the owner's state, not the struct file */
    /* "socket:[123]", "anon_inode:[eventpoll]", …; NULL: vfs describes its path. For /proc/PID/fd. */
    void (*describe)(struct file *file, char *to, size_t size);
    const char *name; /* kind, for the trace: "pipe", "eventfd" */
};

struct file {
    const struct file_ops *ops;
    struct refcount refs;
    uint32_t flags;  /* O_ status flags and access mode; changed under flags_lock, read relaxed */
    struct spinlock flags_lock;
    struct mutex offset_lock; /* held over a read or write that uses the shared offset (as Linux's f_pos_lock) */
    int64_t offset GUARDED_BY(&offset_lock);
    void *data;      /* the owner's: pipe, socket, eventfd, … */
    void *node;      /* vfs: struct inode, else NULL */
    void *path;      /* vfs: struct dentry it was opened by, else NULL */
    struct spinlock epoll_lock;
    struct list epoll_items GUARDED_BY(&epoll_lock); /* epoll entries on this file, removed when it is released */
    int32_t owner_pid; /* F_SETOWN */
};

struct file *file_create(const struct file_ops *ops, uint32_t flags, void *data); /* NULL: no memory; one reference */
void file_get(struct file *file);
void file_put(struct file *file); /* may sleep */
/* For the number in "pipe:[123]", "socket:[123]": never the same twice. */
uint64_t file_unique_number(void);
static inline bool file_is_nonblocking(const struct file *file)
{
    return load_relaxed(&file->flags) & 04000 /* O_NONBLOCK */ || thread_current()->is_nonblocking;
}
bool file_is_readable(const struct file *file); /* opened for it */
bool file_is_writable(const struct file *file);
/* Set by vfs_init: drops file->node and file->path. file_put calls it (when set and either is) after ops->release, so
 * that whoever took a vfs file over by replacing ops (FIFO, device) need not know. */
extern void (*file_drop_path)(struct file *file);

/* read(2), pread(2) and so on on an open file: mode checks, offset lock, then ops. positional offset: -1 the file's. */
ssize_t file_read(struct file *file, struct io_vector *to, int64_t positional_offset);
ssize_t file_write(struct file *file, struct io_vector *from, int64_t positional_offset);
int64_t file_seek(struct file *file, int64_t offset, int whence);
uint32_t file_poll(struct file *file, struct poll_table *table);
