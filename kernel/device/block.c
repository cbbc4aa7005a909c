/* The registry of block devices, and the sleeping transfer on top of their asynchronous requests. */
#include <base/errno.h>
#include <base/string.h>
#include <device/block.h>
#include <sched/wait.h>

static struct spinlock registry_lock = SPINLOCK_INIT;
static struct list devices = LIST_INIT(devices); /* GUARDED_BY(&registry_lock); entries stay for ever */
static unsigned device_count;

void block_device_register(struct block_device *device)
{
    spin_lock(&registry_lock);
    unsigned n = device_count++;
    if (n < 26)
        snprintf(device->name, sizeof device->name, "vd%c", (char)('a' + n));
    else
        snprintf(device->name, sizeof device->name, "vd%c%c", (char)('a' + n / 26 - 1), (char)('a' + n % 26));
    list_add_last(&devices, &device->link);
    spin_unlock(&registry_lock);
}

struct block_device *block_device_first(void)
{
    return list_is_empty(&devices) ? NULL : list_first(&devices, struct block_device, link);
}

struct block_device *block_device_next(struct block_device *device)
{
    return device->link.next == &devices ? NULL : list_entry(device->link.next, struct block_device, link);
}

struct block_device *block_device_find(const char *name)
{
    for (struct block_device *device = block_device_first(); device; device = block_device_next(device))
        if (!strcmp(device->name, name))
            return device;
    return NULL;
}

struct transfer {
    struct wait_queue queue;
    int err;
    uint32_t is_done; /* released by the completion, acquired by the sleeper */
    uint32_t is_left; /* the completion no longer touches this struct, which is on the sleeper's stack */
};

static void transfer_done(struct block_request *request, int err)
{
    struct transfer *transfer = request->owner;
    transfer->err = err;
    store_release(&transfer->is_done, 1u);
    wake_up_all(&transfer->queue, 0);
    store_release(&transfer->is_left, 1u);
}

int block_transfer_segments(struct block_device *device, enum block_operation operation, uint64_t sector,
                            struct block_segment *segments, unsigned count)
{
    struct transfer transfer = {.err = 0};
    wait_queue_init(&transfer.queue);
    struct block_request request = {
        .operation = operation,
        .sector = sector,
        .segments = segments,
        .segment_count = count,
        .done = transfer_done,
        .owner = &transfer,
    };
    device->ops->submit(device, &request);
    wait_event(&transfer.queue, load_acquire(&transfer.is_done), WAIT_UNINTERRUPTIBLE, UINT64_MAX);
    while (!load_acquire(&transfer.is_left))
        arch_cpu_relax();
    return transfer.err;
}

int block_transfer(struct block_device *device, enum block_operation operation, uint64_t sector, void *buffer, size_t len)
{
    if (len % 512 || len > UINT32_MAX)
        return -EINVAL;
    struct block_segment segment = {.address = buffer, .len = (uint32_t)len};
    return block_transfer_segments(device, operation, sector, &segment, operation != BLOCK_FLUSH);
}
