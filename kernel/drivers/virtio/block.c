/*
 * virtio-blk (5.2). Requests go to the queue of the submitting CPU where the device has several, and complete in that
 * queue's work. A request that finds the ring full waits in line and goes out as earlier ones complete.
 */
#include <arch/cpu.h>
#include <base/errno.h>
#include <base/log.h>
#include <base/string.h>
#include <common/checked.h>
#include <device/block.h>
#include <mm/alloc.h>
#include "queue.h"

enum {
    FEATURE_SIZE_MAX = 1,
    FEATURE_SEGMENTS_MAX = 2,
    FEATURE_READ_ONLY = 5,
    FEATURE_FLUSH = 9,
    FEATURE_QUEUES = 12,
    CONFIG_CAPACITY = 0,
    CONFIG_SIZE_MAX = 8,
    CONFIG_SEGMENTS_MAX = 12,
    CONFIG_QUEUES = 34,
    TYPE_IN = 0,
    TYPE_OUT = 1,
    TYPE_FLUSH = 4,
    STATUS_OK = 0,
    STATUS_PENDING = 0xff, /* no value of the device's: it has not written one */
    RING_SIZE = 128,
    SEGMENTS_MAX = 62,
    QUEUES_MAX = 8,
};

struct block_header {
    uint32_t type, reserved;
    uint64_t sector;
};

struct command {
    struct block_header header;
    uint8_t status;
    struct block_request *request;
    struct list link;
};

struct block_queue {
    struct work work;
    struct spinlock lock;
    struct virtqueue *ring GUARDED_BY(&lock);
    struct list waiting GUARDED_BY(&lock); /* struct block_request.link */
    struct list spare GUARDED_BY(&lock);   /* commands for reuse */
};

struct virtio_block {
    struct block_device device;
    struct virtio_device *virtio;
    bool has_flush;
    unsigned queue_count;
    struct block_queue *queues;
};

static struct command *command_take_locked(struct block_queue *queue)
{
    if (list_is_empty(&queue->spare))
        return kmalloc(sizeof(struct command), ALLOC_ATOMIC);
    struct command *command = list_first(&queue->spare, struct command, link);
    list_remove(&command->link);
    return command;
}

/* 0, -ENOSPC: no room now; else the request fails with that. */
static int add_locked(struct block_queue *queue, struct block_request *request)
{
    struct command *command = command_take_locked(queue);
    if (!command)
        return -ENOMEM;
    static const uint32_t types[] = {[BLOCK_READ] = TYPE_IN, [BLOCK_WRITE] = TYPE_OUT, [BLOCK_FLUSH] = TYPE_FLUSH};
    bool is_flush = request->operation == BLOCK_FLUSH;
    command->header = (struct block_header){types[request->operation], 0, is_flush ? 0 : request->sector};
    command->status = STATUS_PENDING;
    command->request = request;
    struct virtqueue_buffer buffers[SEGMENTS_MAX + 2];
    unsigned n = 0;
    buffers[n++] = (struct virtqueue_buffer){&command->header, sizeof command->header};
    for (unsigned i = 0; !is_flush && i < request->segment_count; i++)
        buffers[n++] = (struct virtqueue_buffer){request->segments[i].address, request->segments[i].len};
    buffers[n++] = (struct virtqueue_buffer){&command->status, 1};
    unsigned in = request->operation == BLOCK_READ ? n - 1 : 1;
    int err = virtqueue_add(queue->ring, buffers, n - in, in, command);
    if (err)
        list_add_first(&queue->spare, &command->link);
    return err;
}

static int check(const struct virtio_block *block, const struct block_request *request)
{
    if (request->operation == BLOCK_FLUSH)
        return 0;
    uint64_t sectors = 0, end;
    for (unsigned i = 0; i < request->segment_count; i++) {
        if (!request->segments[i].len || request->segments[i].len % 512)
            return -EINVAL;
        sectors += request->segments[i].len / 512;
    }
    if (!request->segment_count || request->segment_count > block->device.segment_max)
        return -EINVAL;
    if (add_overflows(request->sector, sectors, &end) || end > block->device.sector_count)
        return -EIO;
    return request->operation == BLOCK_WRITE && block->device.is_read_only ? -EROFS : 0;
}

static void submit(struct block_device *device, struct block_request *request)
{
    struct virtio_block *block = container_of(device, struct virtio_block, device);
    int err = check(block, request);
    if (err || (request->operation == BLOCK_FLUSH && !block->has_flush)) {
        request->done(request, err);
        return;
    }
    struct block_queue *queue = &block->queues[cpu_index() % block->queue_count];
    spin_lock(&queue->lock);
    err = list_is_empty(&queue->waiting) ? add_locked(queue, request) : -ENOSPC;
    /* Without memory for a command it can wait too, as long as something under way will come back to look. */
    bool is_waiting = err == -ENOSPC || (err == -ENOMEM && queue->ring->free_count < queue->ring->size);
    if (is_waiting)
        list_add_last(&queue->waiting, &request->link);
    else if (!err)
        virtqueue_kick(queue->ring);
    spin_unlock(&queue->lock);
    if (err && !is_waiting)
        request->done(request, err == -ENOMEM ? -EIO : err);
}

static int status_error(const struct command *command)
{
    return *(volatile const uint8_t *)&command->status == STATUS_OK ? 0 : -EIO;
}

/* Moves what has finished to `finished`, and what waited into the ring. */
static void collect_locked(struct block_queue *queue, struct list *finished)
{
    struct command *command;
    while ((command = virtqueue_take(queue->ring, NULL)))
        list_add_last(finished, &command->link);
    while (queue->ring->is_broken && (command = virtqueue_abandon(queue->ring))) {
        command->status = STATUS_PENDING;
        list_add_last(finished, &command->link);
    }
    /* What cannot be added although nothing is under way that would come back to it fails in fail_waiting. */
    while (!list_is_empty(&queue->waiting)) {
        struct block_request *request = list_first(&queue->waiting, struct block_request, link);
        if (add_locked(queue, request))
            break;
        list_remove(&request->link);
    }
    virtqueue_kick(queue->ring);
}

static void fail_waiting(struct block_queue *queue)
{
    for (;;) {
        spin_lock(&queue->lock);
        struct block_request *request = NULL;
        if ((queue->ring->is_broken || queue->ring->free_count == queue->ring->size) && !list_is_empty(&queue->waiting)) {
            request = list_first(&queue->waiting, struct block_request, link);
            list_remove(&request->link);
        }
        spin_unlock(&queue->lock);
        if (!request)
            return;
        request->done(request, -EIO);
    }
}

static void complete(struct work *work)
{
    struct block_queue *queue = container_of(work, struct block_queue, work);
    struct list finished;
    list_init(&finished);
    spin_lock(&queue->lock);
    do
        collect_locked(queue, &finished);
    while (!queue->ring->is_broken && !virtqueue_enable_interrupts(queue->ring));
    spin_unlock(&queue->lock);
    while (!list_is_empty(&finished)) {
        struct command *command = list_first(&finished, struct command, link);
        list_remove(&command->link);
        struct block_request *request = command->request;
        int err = status_error(command);
        spin_lock(&queue->lock);
        list_add_first(&queue->spare, &command->link);
        spin_unlock(&queue->lock);
        request->done(request, err);
    }
    fail_waiting(queue);
}

static const struct block_device_ops block_ops = {.submit = submit};

static int create_queues(struct virtio_block *block)
{
    unsigned offered = virtio_has(block->virtio, FEATURE_QUEUES) ? virtio_config16(block->virtio, CONFIG_QUEUES) : 1;
    unsigned count = MIN(MIN(MAX(offered, 1u), cpu_count()), (unsigned)QUEUES_MAX);
    block->queues = kzalloc(count * sizeof *block->queues, ALLOC_WAIT);
    if (!block->queues)
        return -ENOMEM;
    for (unsigned i = 0; i < count; i++) {
        struct block_queue *queue = &block->queues[i];
        queue->work = (struct work)WORK_INIT(complete);
        spin_init(&queue->lock);
        list_init(&queue->waiting);
        list_init(&queue->spare);
        int err = virtqueue_create(block->virtio, (uint16_t)i, RING_SIZE, &queue->work, i, &queue->ring);
        if (err && i == 0)
            return err;
        if (err)
            break;
        block->queue_count = i + 1;
    }
    return 0;
}

int virtio_block_attach(struct virtio_device *device)
{
    int err = virtio_negotiate(device, VIRTIO_FEATURE(FEATURE_SIZE_MAX) | VIRTIO_FEATURE(FEATURE_SEGMENTS_MAX) |
                                           VIRTIO_FEATURE(FEATURE_READ_ONLY) | VIRTIO_FEATURE(FEATURE_FLUSH) |
                                           VIRTIO_FEATURE(FEATURE_QUEUES));
    if (err)
        return err;
    struct virtio_block *block = kzalloc(sizeof *block, ALLOC_WAIT);
    if (!block)
        return -ENOMEM;
    block->virtio = device;
    device->driver_data = block;
    err = create_queues(block);
    if (err)
        goto free_block;
    /* A chain may not be longer than the ring even through a table (2.6.5.3.1), header and status included. */
    unsigned segments = virtio_has(device, FEATURE_SEGMENTS_MAX) ? virtio_config32(device, CONFIG_SEGMENTS_MAX) : 1;
    unsigned ring_segments = block->queues[0].ring->size > 3 ? block->queues[0].ring->size - 2u : 1;
    block->device.segment_max = MAX(1u, MIN(MIN(segments, ring_segments), (unsigned)SEGMENTS_MAX));
    block->device.sector_count = virtio_config64(device, CONFIG_CAPACITY);
    block->device.is_read_only = virtio_has(device, FEATURE_READ_ONLY);
    block->device.ops = &block_ops;
    block->has_flush = virtio_has(device, FEATURE_FLUSH);
    virtio_ready(device);
    block_device_register(&block->device);
    log_info("%s: %llu MiB%s, %u queue(s)", block->device.name, (unsigned long long)block->device.sector_count / 2048,
             block->device.is_read_only ? ", read-only" : "", block->queue_count);
    return 0;

free_block:
    for (unsigned i = 0; i < block->queue_count; i++)
        virtqueue_destroy(block->queues[i].ring);
    kfree(block->queues);
    kfree(block);
    return err;
}
