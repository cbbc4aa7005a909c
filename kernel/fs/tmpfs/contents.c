/* Contents of files in memory: what truncate, fallocate and lseek(SEEK_DATA, SEEK_HOLE) do to the mapping. */
#include <common/checked.h>
#include <tmpfs/contents.h>

#define KEEP_SIZE  0x01u
#define PUNCH_HOLE 0x02u
#define ZERO_RANGE 0x10u

static int charge(struct mapping *mapping, int64_t n)
{
    return memory_store_charge(container_of(mapping, struct memory_file, mapping)->store, n);
}

static void get(struct mapping *mapping)
{
    inode_get(mapping->owner);
}

static void put(struct mapping *mapping)
{
    inode_put(mapping->owner);
}

static void describe(struct mapping *mapping, char *path, size_t size, uint64_t *device, uint64_t *number)
{
    const struct inode *inode = mapping->owner;
    *device = inode->fs->device;
    *number = inode->number;
}

static const struct mapping_ops memory_mapping_ops = {.charge = charge, .get = get, .put = put, .describe = describe};

void memory_file_init(struct memory_file *file, struct inode *owner, struct memory_store *store)
{
    mapping_init(&file->mapping, &memory_mapping_ops, owner, 0, true);
    file->store = store;
}

void memory_file_destroy(struct memory_file *file)
{
    mapping_destroy(&file->mapping);
}

int memory_file_truncate(struct inode *inode, uint64_t size)
{
    if (size > INT64_MAX)
        return -EFBIG;
    mapping_resize(inode->mapping, size);
    store_relaxed(&inode->size, size);
    inode_touch(inode, true);
    return 0;
}

/* Gives every hole in the range (within the size) a page. */
static int fill(struct mapping *mapping, uint64_t offset, uint64_t end)
{
    uint64_t index = offset / PAGE_SIZE, last = end / PAGE_SIZE + !!(end % PAGE_SIZE);
    for (; index < last; index++) {
        struct page *page;
        int err = mapping_get_page(mapping, index, true, &page);
        if (err)
            return err;
        page_put(page);
    }
    return 0;
}

static int allocate(struct inode *inode, bool keep_size, uint64_t offset, uint64_t end)
{
    uint64_t old = load_relaxed(&inode->size);
    bool extends = end > old && !keep_size;
    if (extends)
        mapping_resize(inode->mapping, end);
    int err = fill(inode->mapping, offset, extends ? end : MIN(end, old));
    if (extends && err)
        mapping_resize(inode->mapping, old);
    else if (extends)
        store_relaxed(&inode->size, end);
    return err;
}

int memory_file_allocate(struct inode *inode, unsigned mode, uint64_t offset, uint64_t len)
{
    uint64_t end;
    if (!len || add_overflows(offset, len, &end) || end > INT64_MAX)
        return len ? -EFBIG : -EINVAL;
    unsigned kind = mode & ~KEEP_SIZE;
    int err = 0;
    if (kind == PUNCH_HOLE && (mode & KEEP_SIZE))
        mapping_punch(inode->mapping, offset, MIN(end, align_up(load_relaxed(&inode->size), PAGE_SIZE)));
    else if (kind == ZERO_RANGE)
        mapping_punch(inode->mapping, offset, MIN(end, align_up(load_relaxed(&inode->size), PAGE_SIZE)));
    else if (kind)
        return -EOPNOTSUPP;
    if (kind != PUNCH_HOLE)
        err = allocate(inode, mode & KEEP_SIZE, offset, end);
    inode_touch(inode, true);
    return err;
}

int64_t memory_file_seek(struct inode *inode, uint64_t offset, bool want_hole)
{
    uint64_t size = load_relaxed(&inode->size), last = size / PAGE_SIZE + !!(size % PAGE_SIZE);
    if (offset >= size)
        return -ENXIO;
    uint64_t found = mapping_seek(inode->mapping, offset / PAGE_SIZE, last, want_hole);
    if (found >= last)
        return want_hole ? (int64_t)size : -ENXIO;
    return (int64_t)MAX(offset, found * PAGE_SIZE);
}
