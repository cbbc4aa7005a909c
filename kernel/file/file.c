/*
 * Open files. The memory of a struct file is only ever used for a struct file again (it waits on a free list with a
 * count of 0), so that a look-up may try refcount_get_unless_zero on a pointer that a concurrent close has just made
 * stale; see descriptors.c.
 */
#include <base/string.h>
#include <file/epoll.h>
#include <file/file.h>
#include <file/poll.h>
#include <mm/alloc.h>

enum { O_ACCESS_MODE = 3, O_WRONLY = 1, O_RDWR = 2, O_PATH = 010000000 };

static struct spinlock free_lock;
static struct list free_files GUARDED_BY(&free_lock) = LIST_INIT(free_files); /* through epoll_items */
static uint64_t last_number;
void (*file_drop_path)(struct file *file);

static struct file *allocate(void)
{
    struct file *file = NULL;
    spin_lock(&free_lock);
    if (!list_is_empty(&free_files)) {
        file = list_first(&free_files, struct file, epoll_items);
        list_remove(&file->epoll_items);
    }
    spin_unlock(&free_lock);
    return file ? file : kzalloc(sizeof *file, ALLOC_WAIT);
}

struct file *file_create(const struct file_ops *ops, uint32_t flags, void *data)
{
    struct file *file = allocate();
    if (!file)
        return NULL;
    file->ops = ops;
    store_relaxed(&file->flags, flags);
    spin_init(&file->flags_lock);
    mutex_init(&file->offset_lock);
    file->offset = 0;
    file->data = data;
    file->node = file->path = NULL;
    spin_init(&file->epoll_lock);
    list_init(&file->epoll_items);
    file->owner_pid = 0;
    /* Last: from here on a stale look-up may take a reference, and will then see that it is the wrong file. */
    store_release(&file->refs.count, 1u);
    return file;
}

void file_get(struct file *file)
{
    refcount_get(&file->refs);
}

void file_put(struct file *file)
{
    if (!refcount_put(&file->refs))
        return;
    epoll_forget_file(file);
    if (file->ops->release)
        file->ops->release(file);
    if (file_drop_path && (file->node || file->path))
        file_drop_path(file);
    spin_lock(&free_lock);
    list_add_first(&free_files, &file->epoll_items);
    spin_unlock(&free_lock);
}

uint64_t file_unique_number(void)
{
    return atomic_fetch_add(&last_number, 1ul) + 1000;
}

bool file_is_readable(const struct file *file)
{
    uint32_t flags = load_relaxed(&file->flags), mode = flags & O_ACCESS_MODE;
    return !(flags & O_PATH) && (mode == 0 || mode == O_RDWR);
}

bool file_is_writable(const struct file *file)
{
    uint32_t flags = load_relaxed(&file->flags), mode = flags & O_ACCESS_MODE;
    return !(flags & O_PATH) && (mode == O_WRONLY || mode == O_RDWR);
}

typedef ssize_t transfer(struct file *file, struct io_vector *io, int64_t *offset);

static ssize_t transfer_at(struct file *file, struct io_vector *io, int64_t positional_offset, transfer *function)
{
    if (!file->ops->seek)
        return positional_offset == -1 ? function(file, io, NULL) : -ESPIPE;
    if (positional_offset != -1)
        return positional_offset < 0 ? -EINVAL : function(file, io, &positional_offset);
    mutex_lock(&file->offset_lock);
    ssize_t done = function(file, io, &file->offset);
    mutex_unlock(&file->offset_lock);
    return done;
}

ssize_t file_read(struct file *file, struct io_vector *to, int64_t positional_offset)
{
    if (!file_is_readable(file))
        return -EBADF;
    return file->ops->read ? transfer_at(file, to, positional_offset, file->ops->read) : -EINVAL;
}

ssize_t file_write(struct file *file, struct io_vector *from, int64_t positional_offset)
{
    if (!file_is_writable(file))
        return -EBADF;
    return file->ops->write ? transfer_at(file, from, positional_offset, file->ops->write) : -EINVAL;
}

int64_t file_seek(struct file *file, int64_t offset, int whence)
{
    if (load_relaxed(&file->flags) & O_PATH)
        return -EBADF;
    if (!file->ops->seek)
        return -ESPIPE;
    mutex_lock(&file->offset_lock);
    int64_t at = file->ops->seek(file, offset, whence);
    mutex_unlock(&file->offset_lock);
    return at;
}

uint32_t file_poll(struct file *file, struct poll_table *table)
{
    if (!file->ops->poll)
        return POLL_IN | POLL_OUT | POLL_RDNORM | POLL_WRNORM;
    return file->ops->poll(file, table);
}
