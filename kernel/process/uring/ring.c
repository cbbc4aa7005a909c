/* A ring's memory, file and life. */
#include "uring.h"
#include <file/eventfd.h>
#include <file/poll.h>
#include <process/watcher.h>

enum { SQ_FLAG_OVERFLOW = 2, CQE_SIZE = 16, O_RDWR = 2 };

struct overflow {
    struct list link;
    uint64_t user_data;
    int32_t result;
    uint32_t flags;
};
struct completion { /* struct io_uring_cqe */
    uint64_t user_data;
    int32_t result;
    uint32_t flags;
};
static_assert(sizeof(struct completion) == CQE_SIZE, "struct io_uring_cqe");

static struct spinlock rings_lock = SPINLOCK_INIT;
static struct list rings = LIST_INIT(rings); /* rings_lock */
static const struct file_ops ring_ops;

/* ---- memory ---- */

static void *at_offset(struct uring *ring, uint32_t offset)
{
    return (char *)page_address(ring->pages[offset >> PAGE_SHIFT]) + (offset & (PAGE_SIZE - 1));
}

uint32_t *uring_word(struct uring *ring, uint32_t offset)
{
    return at_offset(ring, offset);
}

struct uring_sqe *uring_sqe_at(struct uring *ring, uint32_t index)
{
    return at_offset(ring, (uint32_t)((ring->ring_pages << PAGE_SHIFT) + index * sizeof(struct uring_sqe)));
}

uint32_t uring_array_offset(const struct uring *ring)
{
    return URING_CQES + ring->cq_entries * CQE_SIZE;
}

static int object_get_page(struct vm_object *object, uint64_t index, bool for_write, struct page **out)
{
    struct uring *ring = container_of(object, struct uring, object);
    uint64_t byte = index << PAGE_SHIFT, at = index;
    if (byte >= URING_MAP_SQES) {
        at -= URING_MAP_SQES >> PAGE_SHIFT;
        if (at >= ring->sqe_pages)
            return -ENXIO;
        at += ring->ring_pages;
    } else {
        at -= byte >= URING_MAP_CQ_RING ? URING_MAP_CQ_RING >> PAGE_SHIFT : 0;
        if (at >= ring->ring_pages)
            return -ENXIO;
    }
    page_get(ring->pages[at]);
    *out = ring->pages[at];
    return 0;
}

static void object_mark_dirty(struct vm_object *object, struct page *page)
{
}

static void object_get(struct vm_object *object)
{
    uring_get(container_of(object, struct uring, object));
}

static void object_put(struct vm_object *object)
{
    uring_put(container_of(object, struct uring, object));
}

static void object_describe(struct vm_object *object, char *path, size_t size, uint64_t *device, uint64_t *inode)
{
    snprintf(path, size, "anon_inode:[io_uring]");
    *device = *inode = 0;
}

static const struct vm_object_ops object_ops = {
    .get_page = object_get_page,
    .mark_dirty = object_mark_dirty,
    .get = object_get,
    .put = object_put,
    .describe = object_describe,
};

/* ---- completions ---- */

uint32_t uring_completions(struct uring *ring)
{
    uint32_t ready = load_acquire(&ring->cq_tail) - load_acquire(uring_word(ring, URING_CQ_HEAD));
    return MIN(ready, ring->cq_entries); /* a head that makes no sense: full */
}

static bool store_completion(struct uring *ring, uint64_t user_data, int32_t result, uint32_t flags)
{
    if (uring_completions(ring) >= ring->cq_entries)
        return false;
    struct completion *at = at_offset(ring, URING_CQES + (ring->cq_tail & (ring->cq_entries - 1)) * CQE_SIZE);
    *at = (struct completion){user_data, result, flags};
    store_release(&ring->cq_tail, ring->cq_tail + 1);
    store_release(uring_word(ring, URING_CQ_TAIL), ring->cq_tail); /* the program's load-acquire is its partner */
    return true;
}

bool uring_flush_overflow(struct uring *ring)
{
    while (!list_is_empty(&ring->overflow)) {
        struct overflow *first = list_first(&ring->overflow, struct overflow, link);
        if (!store_completion(ring, first->user_data, first->result, first->flags))
            return false;
        list_remove(&first->link);
        kfree(first);
    }
    atomic_fetch_and(uring_word(ring, URING_SQ_FLAGS), ~(uint32_t)SQ_FLAG_OVERFLOW);
    return true;
}

/* Kept until there is room; without memory it is lost, and counted. */
static void keep_completion(struct uring *ring, uint64_t user_data, int32_t result, uint32_t flags)
{
    struct overflow *overflow = kmalloc(sizeof *overflow, ALLOC_WAIT);
    if (!overflow) {
        atomic_fetch_add(uring_word(ring, URING_CQ_OVERFLOW), 1u);
        return;
    }
    *overflow = (struct overflow){.user_data = user_data, .result = result, .flags = flags};
    list_add_last(&ring->overflow, &overflow->link);
    atomic_fetch_or(uring_word(ring, URING_SQ_FLAGS), (uint32_t)SQ_FLAG_OVERFLOW);
}

void uring_post(struct uring *ring, uint64_t user_data, int32_t result, uint32_t flags)
{
    if (!uring_flush_overflow(ring) || !store_completion(ring, user_data, result, flags))
        keep_completion(ring, user_data, result, flags);
    if (ring->eventfd)
        eventfd_signal(ring->eventfd);
    wake_up_all(&ring->wait, POLL_IN | POLL_RDNORM);
}

/* ---- life ---- */

void uring_get(struct uring *ring)
{
    refcount_get(&ring->refs);
}

void uring_put(struct uring *ring)
{
    if (!refcount_put(&ring->refs))
        return;
    for (unsigned i = 0; i < ring->ring_pages + ring->sqe_pages; i++)
        if (ring->pages[i])
            page_put(ring->pages[i]);
    kfree(ring->pages);
    kfree(ring);
}

static unsigned pages_for(size_t bytes)
{
    return (unsigned)(align_up(bytes, PAGE_SIZE) >> PAGE_SHIFT);
}

static bool allocate_pages(struct uring *ring)
{
    unsigned count = ring->ring_pages + ring->sqe_pages;
    ring->pages = kmalloc_array(count, sizeof(struct page *), ALLOC_WAIT | ALLOC_ZERO);
    for (unsigned i = 0; ring->pages && i < count; i++) {
        ring->pages[i] = page_alloc(0, ALLOC_WAIT | ALLOC_ZERO);
        if (!ring->pages[i])
            return false;
    }
    return ring->pages;
}

static struct uring *make(unsigned sq_entries, unsigned cq_entries, unsigned flags)
{
    struct uring *ring = kzalloc(sizeof *ring, ALLOC_WAIT);
    if (!ring)
        return NULL;
    refcount_init(&ring->refs, 1);
    mutex_init(&ring->mutex);
    spin_init(&ring->work_lock);
    list_init(&ring->link);
    list_init(&ring->overflow);
    list_init(&ring->requests);
    list_init(&ring->work);
    wait_queue_init(&ring->wait);
    vm_object_init(&ring->object, &object_ops);
    ring->process = process_current();
    ring->sq_entries = sq_entries;
    ring->cq_entries = cq_entries;
    ring->flags = flags;
    ring->ring_pages = pages_for(uring_array_offset(ring) + sq_entries * sizeof(uint32_t));
    ring->sqe_pages = pages_for(sq_entries * sizeof(struct uring_sqe));
    if (allocate_pages(ring))
        return ring;
    if (!ring->pages)
        ring->ring_pages = ring->sqe_pages = 0;
    uring_put(ring);
    return NULL;
}

int uring_create(unsigned sq_entries, unsigned cq_entries, unsigned flags, struct file **out)
{
    struct uring *ring = make(sq_entries, cq_entries, flags);
    if (!ring)
        return -ENOMEM;
    *uring_word(ring, URING_SQ_MASK) = sq_entries - 1;
    *uring_word(ring, URING_CQ_MASK) = cq_entries - 1;
    *uring_word(ring, URING_SQ_ENTRIES) = sq_entries;
    *uring_word(ring, URING_CQ_ENTRIES) = cq_entries;
    struct file *file = file_create(&ring_ops, O_RDWR, ring);
    if (!file) {
        uring_put(ring);
        return -ENOMEM;
    }
    spin_lock(&rings_lock);
    list_add_last(&rings, &ring->link);
    spin_unlock(&rings_lock);
    *out = file;
    return 0;
}

static void drop_files(struct file **files, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (files[i])
            file_put(files[i]);
    kfree(files);
}

static void ring_release(struct file *file)
{
    struct uring *ring = file->data;
    struct overflow *overflow, *after;
    spin_lock(&rings_lock);
    list_remove(&ring->link);
    spin_unlock(&rings_lock);
    mutex_lock(&ring->mutex);
    uring_cancel_all(ring);
    list_for_each_safe(overflow, after, &ring->overflow, link)
    {
        list_remove(&overflow->link);
        kfree(overflow);
    }
    mutex_unlock(&ring->mutex);
    if (ring->eventfd)
        file_put(ring->eventfd);
    drop_files(ring->files, ring->file_count);
    kfree(ring->buffers);
    uring_put(ring);
}

/* The process's memory goes: nothing may be done for it any more. */
static void leave_memory(struct process *process)
{
    for (;;) {
        struct uring *ring, *found = NULL;
        spin_lock(&rings_lock);
        list_for_each(ring, &rings, link)
        {
            if (!found && ring->process == process)
                found = ring;
        }
        if (found) {
            found->process = NULL;
            uring_get(found);
        }
        spin_unlock(&rings_lock);
        if (!found)
            return;
        mutex_lock(&found->mutex);
        uring_cancel_all(found);
        mutex_unlock(&found->mutex);
        uring_put(found);
    }
}

static struct uring *find_work(struct process *process)
{
    struct uring *ring, *found = NULL;
    spin_lock(&rings_lock);
    list_for_each(ring, &rings, link)
    {
        if (!found && ring->process == process && uring_has_work(ring))
            found = ring;
    }
    if (found)
        uring_get(found);
    spin_unlock(&rings_lock);
    return found;
}

/* In a thread of the process, on its way back to ring 3. One ring at a time; then it looks for signals. */
static void do_process_work(struct process *process)
{
    struct uring *ring = find_work(process);
    if (!ring)
        return;
    mutex_lock(&ring->mutex);
    uring_do_work(ring);
    mutex_unlock(&ring->mutex);
    uring_put(ring);
    ring = find_work(process);
    if (!ring)
        return;
    uring_put(ring);
    process_raise_work(process);
}

void uring_raise(struct uring *ring)
{
    spin_lock(&rings_lock);
    if (ring->process)
        process_raise_work(ring->process);
    spin_unlock(&rings_lock);
}

void uring_init(const struct uring_operation *(*find)(uint8_t opcode))
{
    static struct process_watcher watcher = {.leave_memory = leave_memory};
    uring_find_operation = find;
    process_add_watcher(&watcher);
    process_set_work(do_process_work);
}

/* ---- as a file ---- */

static uint32_t ring_poll(struct file *file, struct poll_table *table)
{
    struct uring *ring = file->data;
    poll_listen(table, &ring->wait);
    uint32_t found = uring_completions(ring) ? POLL_IN | POLL_RDNORM : 0;
    uint32_t queued = load_acquire(uring_word(ring, URING_SQ_TAIL)) - load_relaxed(&ring->sq_head);
    return found | (queued < ring->sq_entries ? POLL_OUT | POLL_WRNORM : 0);
}

static int ring_get_object(struct file *file, bool is_shared, struct vm_object **out)
{
    struct uring *ring = file->data;
    if (!is_shared)
        return -EINVAL;
    uring_get(ring);
    *out = &ring->object;
    return 0;
}

static void ring_describe(struct file *file, char *to, size_t size)
{
    snprintf(to, size, "anon_inode:[io_uring]");
}

static const struct file_ops ring_ops = {
    .poll = ring_poll,
    .get_vm_object = ring_get_object,
    .release = ring_release,
    .describe = ring_describe,
    .name = "io_uring",
};

struct uring *uring_of_file(struct file *file)
{
    return file->ops == &ring_ops ? file->data : NULL;
}

bool uring_is_mine(struct uring *ring)
{
    return load_relaxed(&ring->process) == process_current();
}

/* ---- registering ---- */

int uring_enable(struct uring *ring)
{
    mutex_lock(&ring->mutex);
    int err = ring->flags & URING_SETUP_DISABLED ? 0 : -EBADFD;
    ring->flags &= ~(unsigned)URING_SETUP_DISABLED;
    mutex_unlock(&ring->mutex);
    return err;
}

int uring_set_eventfd(struct uring *ring, struct file *file)
{
    mutex_lock(&ring->mutex);
    struct file *old = ring->eventfd;
    int err = file && old ? -EBUSY : !file && !old ? -ENXIO : 0;
    if (!err)
        ring->eventfd = file;
    mutex_unlock(&ring->mutex);
    if (!err && old)
        file_put(old);
    return err;
}

int uring_set_files(struct uring *ring, struct file **files, unsigned count)
{
    mutex_lock(&ring->mutex);
    struct file **old = ring->files;
    unsigned old_count = ring->file_count;
    int err = files && old ? -EBUSY : !files && !old ? -ENXIO : 0;
    if (!err) {
        ring->files = files;
        ring->file_count = count;
    }
    mutex_unlock(&ring->mutex);
    if (!err && old)
        drop_files(old, old_count);
    return err;
}

int uring_update_file(struct uring *ring, unsigned index, struct file *file)
{
    struct file *old = NULL;
    mutex_lock(&ring->mutex);
    int err = !ring->files ? -ENXIO : index >= ring->file_count ? -EINVAL : 0;
    if (!err) {
        old = ring->files[index];
        ring->files[index] = file;
    }
    mutex_unlock(&ring->mutex);
    if (old)
        file_put(old);
    return err;
}

int uring_set_buffers(struct uring *ring, struct uring_buffer *buffers, unsigned count)
{
    mutex_lock(&ring->mutex);
    struct uring_buffer *old = ring->buffers;
    int err = buffers && old ? -EBUSY : !buffers && !old ? -ENXIO : 0;
    if (!err) {
        ring->buffers = buffers;
        ring->buffer_count = count;
    }
    mutex_unlock(&ring->mutex);
    if (!err)
        kfree(old);
    return err;
}

int uring_fixed_buffer(const struct uring_request *request)
{
    const struct uring *ring = request->ring;
    const struct uring_sqe *sqe = &request->sqe;
    if (sqe->buffer_index >= ring->buffer_count)
        return -EFAULT;
    const struct uring_buffer *buffer = &ring->buffers[sqe->buffer_index];
    bool is_inside = sqe->address >= buffer->base && sqe->len <= buffer->len &&
                     sqe->address - buffer->base <= buffer->len - sqe->len;
    return is_inside ? 0 : -EFAULT;
}
