/* Split virtqueues; see queue.h. */
#include <arch/cpu.h>
#include <arch/mmu.h>
#include <base/atomic.h>
#include <base/errno.h>
#include <base/log.h>
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include "queue.h"

enum {
    DESCRIPTOR_NEXT = 1,
    DESCRIPTOR_WRITE = 2,
    DESCRIPTOR_INDIRECT = 4,
    AVAILABLE_NO_INTERRUPT = 1,
    USED_NO_NOTIFY = 1,
    NO_SLOT = 0xffff,
};

/* Where the three parts stand in one block (2.6: alignments 16, 2, 4; the events stand behind the rings). */
static size_t available_offset(uint16_t size)
{
    return sizeof(struct ring_descriptor) * size;
}

static size_t used_offset(uint16_t size)
{
    return align_up(available_offset(size) + sizeof(struct ring_available) + sizeof(uint16_t) * (size + 1u), (size_t)4);
}

static size_t ring_bytes(uint16_t size)
{
    return used_offset(size) + sizeof(struct ring_used) + sizeof(struct ring_used_element) * size + sizeof(uint16_t);
}

static uint16_t *used_event(struct virtqueue *queue) /* ours to write: interrupt after that many */
{
    return &queue->available->ring[queue->size];
}

static uint16_t *available_event(struct virtqueue *queue) /* the device's: notify after that many */
{
    return (uint16_t *)&queue->used->ring[queue->size];
}

static uint16_t choose_size(uint16_t offered, uint16_t wanted)
{
    uint16_t size = 1;
    while (size * 2u <= offered && size * 2u <= wanted)
        size = (uint16_t)(size * 2u);
    return size;
}

int virtqueue_create(struct virtio_device *device, uint16_t index, uint16_t size_max, struct work *work, unsigned cpu,
                     struct virtqueue **out)
{
    uint16_t offered = device->transport->queue_size_max(device, index);
    if (!offered || device->queue_count == VIRTIO_QUEUES_MAX)
        return -ENODEV;
    uint16_t size = choose_size(offered, size_max);
    unsigned order = 0;
    while (PAGE_SIZE << order < ring_bytes(size))
        order++;
    struct virtqueue *queue = kzalloc(sizeof *queue + sizeof(struct queue_slot) * size, ALLOC_WAIT);
    if (!queue)
        return -ENOMEM;
    struct page *memory = page_alloc(order, ALLOC_WAIT | ALLOC_ZERO);
    int err = -ENOMEM;
    if (!memory)
        goto free_queue;
    char *base = page_address(memory);
    queue->device = device;
    queue->index = index;
    queue->size = size;
    queue->memory_order = order;
    queue->descriptors = (struct ring_descriptor *)base;
    queue->available = (struct ring_available *)(base + available_offset(size));
    queue->used = (struct ring_used *)(base + used_offset(size));
    queue->has_event_index = device->features & VIRTIO_RING_EVENT_INDEX;
    queue->has_indirect = device->features & VIRTIO_RING_INDIRECT;
    queue->work = work;
    queue->wants_interrupts = true;
    queue->free_count = size;
    for (uint16_t i = 0; i < size; i++)
        queue->slots[i].next = i + 1 < size ? (uint16_t)(i + 1) : NO_SLOT;
    uint64_t physical = virtual_to_physical(base);
    struct virtio_queue_places places = {
        .descriptors = physical,
        .available = physical + available_offset(size),
        .used = physical + used_offset(size),
    };
    err = device->transport->queue_enable(device, queue, &places, cpu);
    if (err)
        goto free_memory;
    device->queues[device->queue_count++] = queue;
    *out = queue;
    return 0;

free_memory:
    page_put(memory);
free_queue:
    kfree(queue);
    return err;
}

void virtqueue_destroy(struct virtqueue *queue)
{
    if (!queue)
        return;
    struct virtio_device *device = queue->device;
    for (unsigned i = 0; i < device->queue_count; i++)
        if (device->queues[i] == queue)
            device->queues[i] = device->queues[--device->queue_count];
    page_put(page_of_address(queue->descriptors));
    kfree(queue);
}

static void fill_descriptor(struct ring_descriptor *descriptor, const struct virtqueue_buffer *buffer, uint16_t flags,
                            uint16_t next)
{
    *descriptor = (struct ring_descriptor){
        .address = virtual_to_physical(buffer->address),
        .len = buffer->len,
        .flags = flags,
        .next = next,
    };
}

/* An indirect table spares descriptors of the ring and costs an allocation: used for chains long for what is left. */
static struct ring_descriptor *make_indirect(struct virtqueue *queue, const struct virtqueue_buffer *buffers,
                                             unsigned out, unsigned total)
{
    if (!queue->has_indirect || total < 2 || total * 8 <= queue->free_count)
        return NULL;
    struct ring_descriptor *table = kmalloc_array(total, sizeof *table, ALLOC_ATOMIC);
    for (unsigned i = 0; table && i < total; i++) {
        unsigned flags = (i < out ? 0 : DESCRIPTOR_WRITE) | (i + 1 < total ? DESCRIPTOR_NEXT : 0);
        fill_descriptor(&table[i], &buffers[i], (uint16_t)flags, (uint16_t)(i + 1));
    }
    return table;
}

/* Publishes the chain that starts at `head`: the device must see descriptors before the index (2.6.13). */
static void publish(struct virtqueue *queue, uint16_t head)
{
    queue->available->ring[queue->available_index & (queue->size - 1)] = head;
    queue->available_index++;
    store_release(&queue->available->index, queue->available_index); /* pairs with the device's read of the index */
}

int virtqueue_add(struct virtqueue *queue, const struct virtqueue_buffer *buffers, unsigned out, unsigned in, void *token)
{
    unsigned total = out + in;
    if (queue->is_broken)
        return -EIO;
    if (!queue->free_count)
        return -ENOSPC;
    struct ring_descriptor *table = make_indirect(queue, buffers, out, total);
    unsigned needed = table ? 1 : total;
    if (needed > queue->free_count)
        return -ENOSPC;
    uint16_t head = queue->free_head;
    struct queue_slot *first = &queue->slots[head];
    uint32_t writable_len = 0;
    for (unsigned i = out; i < total; i++)
        writable_len += buffers[i].len;
    uint16_t at = head, last = head;
    if (table) {
        struct virtqueue_buffer whole = {table, total * (uint32_t)sizeof *table};
        fill_descriptor(&queue->descriptors[head], &whole, DESCRIPTOR_INDIRECT, 0);
        at = queue->slots[head].next;
    } else {
        for (unsigned i = 0; i < total; i++) {
            unsigned flags = (i < out ? 0 : DESCRIPTOR_WRITE) | (i + 1 < total ? DESCRIPTOR_NEXT : 0);
            fill_descriptor(&queue->descriptors[at], &buffers[i], (uint16_t)flags, queue->slots[at].next);
            last = at;
            at = queue->slots[at].next;
        }
    }
    queue->slots[last].next = NO_SLOT;
    queue->free_head = at;
    queue->free_count = (uint16_t)(queue->free_count - needed);
    first->token = token;
    first->indirect = table;
    first->writable_len = writable_len;
    first->count = (uint16_t)needed;
    publish(queue, head);
    return 0;
}

void virtqueue_kick(struct virtqueue *queue)
{
    uint16_t now = queue->available_index, before = queue->notified_index;
    if (now == before || queue->is_broken)
        return;
    queue->notified_index = now;
    /* The index is out before the device's wish is read; the device writes its wish before it looks at the index again. */
    arch_device_barrier();
    bool is_wanted;
    if (queue->has_event_index) {
        uint16_t event = load_relaxed(available_event(queue));
        is_wanted = (uint16_t)(now - event - 1) < (uint16_t)(now - before);
    } else {
        is_wanted = !(load_relaxed(&queue->used->flags) & USED_NO_NOTIFY);
    }
    if (is_wanted)
        queue->device->transport->notify(queue->device, queue);
}

static void *break_queue(struct virtqueue *queue, const char *why, uint32_t value)
{
    queue->is_broken = true;
    log_error("virtio device %u queue %u: %s (%u); the queue is given up", queue->device->id, queue->index, why, value);
    return NULL;
}

/* Returns the chain to the free list. */
static void free_chain(struct virtqueue *queue, uint16_t head)
{
    struct queue_slot *first = &queue->slots[head];
    uint16_t last = head;
    for (unsigned i = 1; i < first->count; i++)
        last = queue->slots[last].next;
    queue->slots[last].next = queue->free_head;
    queue->free_head = head;
    queue->free_count = (uint16_t)(queue->free_count + first->count);
    kfree(first->indirect);
    first->indirect = NULL;
    first->token = NULL;
}

bool virtqueue_has_used(const struct virtqueue *queue)
{
    return !queue->is_broken && load_relaxed(&queue->used->index) != queue->used_index;
}

void *virtqueue_take(struct virtqueue *queue, uint32_t *len)
{
    if (queue->is_broken)
        return NULL;
    uint16_t pending = (uint16_t)(load_acquire(&queue->used->index) - queue->used_index); /* pairs with the device */
    if (!pending)
        return NULL;
    if (pending > queue->size)
        return break_queue(queue, "used index runs ahead", pending);
    const struct ring_used_element *element = &queue->used->ring[queue->used_index & (queue->size - 1)];
    uint32_t id = load_relaxed(&element->id), written = load_relaxed(&element->len);
    if (id >= queue->size)
        return break_queue(queue, "used descriptor out of range", id);
    struct queue_slot *slot = &queue->slots[id];
    if (!slot->token)
        return break_queue(queue, "used descriptor was not handed out", id);
    queue->used_index++;
    void *token = slot->token;
    if (len)
        *len = MIN(written, slot->writable_len);
    free_chain(queue, (uint16_t)id);
    return token;
}

void virtqueue_disable_interrupts(struct virtqueue *queue)
{
    store_relaxed(&queue->wants_interrupts, false);
    /* With event indices there is no "never"; an event just behind us is as far away as can be said (2.6.7.2). */
    if (queue->has_event_index)
        store_relaxed(used_event(queue), (uint16_t)(queue->used_index - 1));
    else
        store_relaxed(&queue->available->flags, (uint16_t)AVAILABLE_NO_INTERRUPT);
}

bool virtqueue_enable_interrupts(struct virtqueue *queue)
{
    store_relaxed(&queue->wants_interrupts, true);
    if (queue->has_event_index)
        store_relaxed(used_event(queue), queue->used_index);
    else
        store_relaxed(&queue->available->flags, (uint16_t)0);
    arch_device_barrier(); /* our wish before the look at the index; the device does it the other way round */
    return !virtqueue_has_used(queue);
}

void *virtqueue_abandon(struct virtqueue *queue)
{
    for (uint16_t i = 0; i < queue->size; i++) {
        void *token = queue->slots[i].token;
        if (token) {
            free_chain(queue, i);
            return token;
        }
    }
    return NULL;
}

void virtqueue_interrupt(struct virtqueue *queue)
{
    if (queue->work)
        work_raise(queue->work);
}

/* A queue that wants none is looked at by its driver in its own time, and enabling looks at the ring once more. */
bool virtqueue_interrupt_shared(struct virtqueue *queue)
{
    if (!load_relaxed(&queue->wants_interrupts) || !virtqueue_has_used(queue))
        return false;
    virtqueue_interrupt(queue);
    return true;
}
