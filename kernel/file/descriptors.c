/*
 * Descriptor tables. Slots stand in chunks of 64 with their bitmaps; chunks never move and live as long as the table,
 * and so does each directory of chunks that the table has outgrown. Look-ups therefore need no lock:
 *
 *     look-up                                   close
 *     file = slot                               slot = NULL
 *     get a reference unless the count is 0     put the table's reference (the last: the count is 0)
 *     slot still file? else put, again
 *
 * The memory behind `file` is a struct file for ever (file.c). A reference got on one that was closed and opened as
 * something else in between is noticed by the second look. All changes are made under table->lock.
 *
 * Lock order: two tables are never locked together. Nothing is put or flushed under the lock.
 */
#include <base/string.h>
#include <common/checked.h>
#include <file/descriptors.h>
#include <mm/alloc.h>

enum {
    CHUNK_SLOTS = 64,
    DIRECTORY_FIRST = 4,
    DIRECTORY_GROWTH = 16,
    DESCRIPTORS_MAX = 1048576,
    LIMIT_DEFAULT = 1024,
    CLOSE_ON_EXEC_FLAG = 1,
};

struct chunk {
    uint64_t open;                   /* written under table->lock, read anywhere; open without a file: reserved */
    uint64_t close_on_exec;          /* table->lock */
    struct file *files[CHUNK_SLOTS]; /* atomic */
};
struct directory {
    struct directory *outgrown;
    size_t count;
    struct chunk *chunks[]; /* atomic; once set, for ever */
};
struct descriptor_table {
    struct refcount refs;
    struct spinlock lock;
    struct directory *directory; /* atomic */
    uint32_t limit;              /* atomic */
    uint32_t first_free;         /* no chunk before this one has a free slot; lock */
    uint32_t count;              /* of slots with files; lock */
};

static struct directory *directory_create(size_t count)
{
    struct directory *directory = kzalloc(sizeof *directory + count * sizeof(struct chunk *), ALLOC_WAIT);
    if (directory)
        directory->count = count;
    return directory;
}

struct descriptor_table *descriptor_table_create(void)
{
    struct descriptor_table *table = kzalloc(sizeof *table, ALLOC_WAIT);
    if (!table)
        return NULL;
    table->directory = directory_create(DIRECTORY_FIRST);
    if (!table->directory) {
        kfree(table);
        return NULL;
    }
    refcount_init(&table->refs, 1);
    table->limit = LIMIT_DEFAULT;
    return table;
}

void descriptor_table_get(struct descriptor_table *table)
{
    refcount_get(&table->refs);
}

void descriptor_table_set_limit(struct descriptor_table *table, uint32_t limit)
{
    store_relaxed(&table->limit, MIN(limit, (uint32_t)DESCRIPTORS_MAX));
}

static struct chunk *chunk_of(struct descriptor_table *table, unsigned fd)
{
    struct directory *directory = load_acquire(&table->directory);
    size_t i = fd / CHUNK_SLOTS;
    return i < directory->count ? load_acquire(&directory->chunks[i]) : NULL;
}

static uint64_t bit_of(unsigned fd)
{
    return UINT64_C(1) << fd % CHUNK_SLOTS;
}

/* ---- growing: memory is had without the lock and put in place under it ---- */

static int grow_directory(struct descriptor_table *table, size_t wanted)
{
    size_t count = DIRECTORY_FIRST;
    while (count < wanted)
        count *= DIRECTORY_GROWTH;
    struct directory *larger = directory_create(count);
    if (!larger)
        return -ENOMEM;
    spin_lock(&table->lock);
    struct directory *old = table->directory;
    if (old->count < wanted) {
        memcpy(larger->chunks, old->chunks, old->count * sizeof old->chunks[0]);
        larger->outgrown = old;
        store_release(&table->directory, larger);
        larger = NULL;
    }
    spin_unlock(&table->lock);
    kfree(larger);
    return 0;
}

static int add_chunk(struct descriptor_table *table, size_t i)
{
    struct chunk *chunk = kzalloc(sizeof *chunk, ALLOC_WAIT);
    if (!chunk)
        return -ENOMEM;
    spin_lock(&table->lock);
    struct directory *directory = table->directory;
    if (!directory->chunks[i]) {
        store_release(&directory->chunks[i], chunk);
        chunk = NULL;
    }
    spin_unlock(&table->lock);
    kfree(chunk);
    return 0;
}

/* Makes the slot of fd exist. */
static int make_room(struct descriptor_table *table, unsigned fd)
{
    size_t i = fd / CHUNK_SLOTS;
    int err = 0;
    if (load_acquire(&table->directory)->count <= i)
        err = grow_directory(table, i + 1);
    return err || chunk_of(table, fd) ? err : add_chunk(table, i);
}

/* ---- looking up ---- */

struct file *descriptor_file(struct descriptor_table *table, int fd)
{
    if (fd < 0)
        return NULL;
    struct chunk *chunk = chunk_of(table, (unsigned)fd);
    if (!chunk)
        return NULL;
    struct file **slot = &chunk->files[(unsigned)fd % CHUNK_SLOTS];
    for (;;) {
        struct file *file = load_acquire(slot);
        if (!file)
            return NULL;
        if (!refcount_get_unless_zero(&file->refs))
            continue; /* closed just now: the slot has changed or is about to be seen changed */
        if (load_acquire(slot) == file)
            return file;
        file_put(file);
    }
}

int descriptor_next(struct descriptor_table *table, int fd)
{
    size_t at = fd < 0 ? 0 : (size_t)fd, count = load_acquire(&table->directory)->count;
    for (; at < count * CHUNK_SLOTS; at = (at | (CHUNK_SLOTS - 1)) + 1) {
        struct chunk *chunk = chunk_of(table, (unsigned)at);
        uint64_t open = chunk ? load_relaxed(&chunk->open) & ~(bit_of((unsigned)at) - 1) : 0;
        for (; open; open &= open - 1) {
            unsigned i = (unsigned)__builtin_ctzll(open);
            if (load_relaxed(&chunk->files[i]))
                return (int)((at & ~(size_t)(CHUNK_SLOTS - 1)) + i);
        }
    }
    return -1;
}

unsigned descriptor_count(struct descriptor_table *table)
{
    return load_relaxed(&table->count);
}

/* ---- taking and giving back numbers ---- */

/* The lowest free number >= lowest that has a slot; else the first one without. Caller holds the lock. */
static unsigned find_free(struct descriptor_table *table, unsigned lowest)
{
    struct directory *directory = table->directory;
    unsigned first = MAX(lowest / CHUNK_SLOTS, table->first_free);
    for (unsigned i = first; i < directory->count && directory->chunks[i]; i++) {
        uint64_t free = ~directory->chunks[i]->open;
        if (i == lowest / CHUNK_SLOTS)
            free &= ~UINT64_C(0) << lowest % CHUNK_SLOTS;
        if (free)
            return i * CHUNK_SLOTS + (unsigned)__builtin_ctzll(free);
        if (i == table->first_free && !~directory->chunks[i]->open)
            table->first_free = i + 1;
        first = i + 1;
    }
    return MAX(first * CHUNK_SLOTS, lowest);
}

static void mark(struct chunk *chunk, unsigned fd, bool is_open, bool close_on_exec)
{
    store_relaxed(&chunk->open, is_open ? chunk->open | bit_of(fd) : chunk->open & ~bit_of(fd));
    chunk->close_on_exec = close_on_exec ? chunk->close_on_exec | bit_of(fd) : chunk->close_on_exec & ~bit_of(fd);
}

int descriptor_reserve(struct descriptor_table *table, int lowest, bool close_on_exec)
{
    uint32_t limit = load_relaxed(&table->limit);
    if (lowest < 0 || (uint32_t)lowest >= limit)
        return -EINVAL;
    for (;;) {
        spin_lock(&table->lock);
        unsigned fd = find_free(table, (unsigned)lowest);
        struct chunk *chunk = fd < limit ? chunk_of(table, fd) : NULL;
        if (chunk)
            mark(chunk, fd, true, close_on_exec);
        spin_unlock(&table->lock);
        if (chunk)
            return (int)fd;
        if (fd >= limit)
            return -EMFILE;
        int err = make_room(table, fd);
        if (err)
            return err;
    }
}

void descriptor_fill(struct descriptor_table *table, int fd, struct file *file)
{
    struct chunk *chunk = chunk_of(table, (unsigned)fd);
    spin_lock(&table->lock);
    debug_assert(chunk->open & bit_of((unsigned)fd) && !chunk->files[(unsigned)fd % CHUNK_SLOTS]);
    store_release(&chunk->files[(unsigned)fd % CHUNK_SLOTS], file);
    store_relaxed(&table->count, table->count + 1);
    spin_unlock(&table->lock);
}

/* Frees the number; what stood there, or NULL. Caller holds the lock. */
static struct file *clear_slot(struct descriptor_table *table, struct chunk *chunk, unsigned fd)
{
    struct file *file = chunk->files[fd % CHUNK_SLOTS];
    store_release(&chunk->files[fd % CHUNK_SLOTS], NULL);
    mark(chunk, fd, false, false);
    table->first_free = MIN(table->first_free, fd / CHUNK_SLOTS);
    if (file)
        store_relaxed(&table->count, table->count - 1);
    return file;
}

void descriptor_release(struct descriptor_table *table, int fd)
{
    spin_lock(&table->lock);
    clear_slot(table, chunk_of(table, (unsigned)fd), (unsigned)fd);
    spin_unlock(&table->lock);
}

int descriptor_install(struct descriptor_table *table, struct file *file, int lowest, bool close_on_exec)
{
    int fd = descriptor_reserve(table, lowest, close_on_exec);
    if (fd >= 0)
        descriptor_fill(table, fd, file);
    return fd;
}

static void close_file(struct file *file)
{
    if (file->ops->flush)
        file->ops->flush(file);
    file_put(file);
}

int descriptor_replace(struct descriptor_table *table, int fd, struct file *file, bool close_on_exec)
{
    if (fd < 0 || (uint32_t)fd >= load_relaxed(&table->limit))
        return -EBADF;
    int err = make_room(table, (unsigned)fd);
    if (err)
        return err;
    struct chunk *chunk = chunk_of(table, (unsigned)fd);
    struct file **slot = &chunk->files[(unsigned)fd % CHUNK_SLOTS];
    spin_lock(&table->lock);
    struct file *old = *slot;
    if (!old && chunk->open & bit_of((unsigned)fd)) {
        spin_unlock(&table->lock);
        return -EBUSY; /* reserved: an open is about to fill it */
    }
    mark(chunk, (unsigned)fd, true, close_on_exec);
    store_release(slot, file);
    if (!old)
        store_relaxed(&table->count, table->count + 1);
    spin_unlock(&table->lock);
    if (old)
        close_file(old);
    return fd;
}

int descriptor_close(struct descriptor_table *table, int fd)
{
    struct chunk *chunk = fd < 0 ? NULL : chunk_of(table, (unsigned)fd);
    if (!chunk)
        return -EBADF;
    spin_lock(&table->lock);
    struct file *file = chunk->files[(unsigned)fd % CHUNK_SLOTS];
    if (file)
        clear_slot(table, chunk, (unsigned)fd);
    spin_unlock(&table->lock);
    if (!file)
        return -EBADF;
    close_file(file);
    return 0;
}

int descriptor_close_range(struct descriptor_table *table, unsigned first, unsigned last, bool only_mark)
{
    if (first > last)
        return -EINVAL;
    int fd = first < DESCRIPTORS_MAX ? (int)first - 1 : -1;
    while (first < DESCRIPTORS_MAX && (fd = descriptor_next(table, fd + 1)) >= 0 && (unsigned)fd <= last) {
        if (only_mark)
            descriptor_set_flags(table, fd, true);
        else
            descriptor_close(table, fd);
    }
    return 0;
}

int descriptor_get_flags(struct descriptor_table *table, int fd)
{
    struct chunk *chunk = fd < 0 ? NULL : chunk_of(table, (unsigned)fd);
    int flags = -EBADF;
    if (!chunk)
        return flags;
    spin_lock(&table->lock);
    if (chunk->files[(unsigned)fd % CHUNK_SLOTS])
        flags = chunk->close_on_exec & bit_of((unsigned)fd) ? CLOSE_ON_EXEC_FLAG : 0;
    spin_unlock(&table->lock);
    return flags;
}

int descriptor_set_flags(struct descriptor_table *table, int fd, bool close_on_exec)
{
    struct chunk *chunk = fd < 0 ? NULL : chunk_of(table, (unsigned)fd);
    int err = -EBADF;
    if (!chunk)
        return err;
    spin_lock(&table->lock);
    if (chunk->files[(unsigned)fd % CHUNK_SLOTS]) {
        mark(chunk, (unsigned)fd, true, close_on_exec);
        err = 0;
    }
    spin_unlock(&table->lock);
    return err;
}

/* ---- whole tables ---- */

static void free_table(struct descriptor_table *table)
{
    struct directory *directory = table->directory;
    for (size_t i = 0; i < directory->count; i++)
        kfree(directory->chunks[i]);
    while (directory) {
        struct directory *outgrown = directory->outgrown;
        kfree(directory);
        directory = outgrown;
    }
    kfree(table);
}

/* With `is_flushed` as close(2) does; else the files are only put. */
static void close_all(struct descriptor_table *table, bool is_flushed)
{
    for (int fd = -1; (fd = descriptor_next(table, fd + 1)) >= 0;) {
        spin_lock(&table->lock);
        struct file *file = clear_slot(table, chunk_of(table, (unsigned)fd), (unsigned)fd);
        spin_unlock(&table->lock);
        if (file && is_flushed)
            close_file(file);
        else if (file)
            file_put(file);
    }
}

void descriptor_table_put(struct descriptor_table *table)
{
    if (!refcount_put(&table->refs))
        return;
    close_all(table, true);
    free_table(table);
}

void descriptor_table_close_on_exec(struct descriptor_table *table)
{
    for (int fd = -1; (fd = descriptor_next(table, fd + 1)) >= 0;)
        if (descriptor_get_flags(table, fd) == CLOSE_ON_EXEC_FLAG)
            descriptor_close(table, fd);
}

static void copy_chunk(struct descriptor_table *to, struct chunk *copy, const struct chunk *chunk)
{
    for (uint64_t open = chunk->open; open; open &= open - 1) {
        unsigned i = (unsigned)__builtin_ctzll(open);
        if (!chunk->files[i])
            continue;
        file_get(chunk->files[i]);
        copy->files[i] = chunk->files[i];
        copy->open |= bit_of(i);
        copy->close_on_exec |= chunk->close_on_exec & bit_of(i);
        to->count++;
    }
}

/* A chunk that another thread adds meanwhile is copied or not; its slots were empty when fork was called. */
int descriptor_table_fork(struct descriptor_table *from, struct descriptor_table **out)
{
    struct descriptor_table *to = descriptor_table_create();
    if (!to)
        return -ENOMEM;
    to->limit = load_relaxed(&from->limit);
    size_t count = load_acquire(&from->directory)->count;
    for (size_t i = 0; i < count; i++) {
        struct chunk *chunk = chunk_of(from, (unsigned)i * CHUNK_SLOTS);
        if (!chunk)
            continue;
        if (make_room(to, (unsigned)i * CHUNK_SLOTS)) {
            close_all(to, false); /* the caller's record locks stay */
            free_table(to);
            return -ENOMEM;
        }
        spin_lock(&from->lock);
        copy_chunk(to, chunk_of(to, (unsigned)i * CHUNK_SLOTS), chunk);
        spin_unlock(&from->lock);
    }
    *out = to;
    return 0;
}
