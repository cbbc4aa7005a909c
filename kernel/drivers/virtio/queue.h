/*
 * Split virtqueues (2.6): descriptor table, available ring, used ring. The device may write anything anywhere into what
 * it shares, so what the driver must rely on (which descriptors are free, what was asked, how long buffers are) is kept in
 * memory of its own; a used entry is read once, checked against that, and a lie breaks the queue for good.
 *
 * A queue has no lock of its own: the driver's lock for the queue is held over every call but virtqueue_interrupt.
 */
#pragma once
#include <sched/work.h>
#include "device.h"

struct virtqueue_buffer {
    void *address; /* direct-mapped */
    uint32_t len;
};

struct ring_descriptor {
    uint64_t address;
    uint32_t len;
    uint16_t flags, next;
};
static_assert(sizeof(struct ring_descriptor) == 16, "2.6.5");
struct ring_available {
    uint16_t flags, index, ring[];
};
struct ring_used_element {
    uint32_t id, len;
};
struct ring_used {
    uint16_t flags, index;
    struct ring_used_element ring[];
};

struct queue_slot {
    void *token;                      /* of the request whose chain starts here; NULL: none */
    struct ring_descriptor *indirect; /* its table, freed when taken */
    uint32_t writable_len;            /* what the device may have written at most */
    uint16_t next;                    /* of the free list or the chain */
    uint16_t count;                   /* descriptors of the chain */
};

struct virtqueue {
    struct virtio_device *device;
    uint16_t index, size; /* size is a power of two */
    struct ring_descriptor *descriptors;
    struct ring_available *available;
    struct ring_used *used;
    uint16_t free_head, free_count;
    uint16_t available_index; /* ours; the shared one follows it */
    uint16_t notified_index;  /* available_index at the last decision to notify */
    uint16_t used_index;      /* entries taken */
    bool has_event_index, has_indirect, is_broken;
    bool wants_interrupts;    /* read by the interrupt; relaxed */
    struct work *work; /* raised by the interrupt; may be NULL */
    unsigned memory_order;
    volatile void *notify_address; /* the transport's */
    void *driver_data;
    struct queue_slot slots[];
};

/* Makes a queue of at most size_max entries and hands it to the device. Interrupts are on unless disabled. */
int virtqueue_create(struct virtio_device *device, uint16_t index, uint16_t size_max, struct work *work, unsigned cpu,
                     struct virtqueue **out);
/* Before virtio_ready only, after the device was reset or failed: frees it. NULL allowed. */
void virtqueue_destroy(struct virtqueue *queue);
/* Adds a request: `out` buffers the device reads, then `in` buffers it writes. -ENOSPC: full; -EIO: broken. */
int virtqueue_add(struct virtqueue *queue, const struct virtqueue_buffer *buffers, unsigned out, unsigned in, void *token);
/* Tells the device of what was added since, if it wants to know. */
void virtqueue_kick(struct virtqueue *queue);
/* The next finished request's token and how many bytes the device says it wrote (never more than it could); NULL: none. */
void *virtqueue_take(struct virtqueue *queue, uint32_t *len);
bool virtqueue_has_used(const struct virtqueue *queue);
void virtqueue_disable_interrupts(struct virtqueue *queue);
/* False: something finished meanwhile and may have raised no interrupt: take again. */
bool virtqueue_enable_interrupts(struct virtqueue *queue);
/* Any token still outstanding, removed from the queue (a broken queue's clean-up); NULL when none is left. */
void *virtqueue_abandon(struct virtqueue *queue);
/* By the transport, in hard interrupt context: the queue's own interrupt; one of a line that queues share, false: there was
 * nothing for this queue. */
void virtqueue_interrupt(struct virtqueue *queue);
bool virtqueue_interrupt_shared(struct virtqueue *queue);
