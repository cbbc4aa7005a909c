/*
 * A virtio device as its driver sees it, whatever the transport. Virtio 1.1 specification; chapters are named where used.
 */
#pragma once
#include <arch/irq.h>
#include <base/types.h>

enum virtio_device_id {
    VIRTIO_ID_NET = 1,
    VIRTIO_ID_BLOCK = 2,
    VIRTIO_ID_CONSOLE = 3,
    VIRTIO_ID_RNG = 4,
    VIRTIO_ID_BALLOON = 5,
};
enum virtio_status {
    VIRTIO_STATUS_ACKNOWLEDGE = 1,
    VIRTIO_STATUS_DRIVER = 2,
    VIRTIO_STATUS_DRIVER_OK = 4,
    VIRTIO_STATUS_FEATURES_OK = 8,
    VIRTIO_STATUS_FAILED = 128,
};
#define VIRTIO_FEATURE(n)        (UINT64_C(1) << (n))
#define VIRTIO_RING_INDIRECT     VIRTIO_FEATURE(28)
#define VIRTIO_RING_EVENT_INDEX  VIRTIO_FEATURE(29)
#define VIRTIO_VERSION_1         VIRTIO_FEATURE(32)

struct virtio_device;
struct virtqueue;
struct virtio_queue_places {
    uint64_t descriptors, available, used; /* physical */
};

struct virtio_transport {
    uint8_t (*get_status)(struct virtio_device *device);
    void (*set_status)(struct virtio_device *device, uint8_t status); /* 0 resets */
    uint64_t (*get_features)(struct virtio_device *device);
    void (*set_features)(struct virtio_device *device, uint64_t features);
    uint16_t (*queue_size_max)(struct virtio_device *device, uint16_t index); /* 0: no such queue */
    /* Hands the rings over. The queue's interrupt calls virtqueue_interrupt(queue) on `cpu` where the transport can choose. */
    int (*queue_enable)(struct virtio_device *device, struct virtqueue *queue, const struct virtio_queue_places *places,
                        unsigned cpu);
    void (*notify)(struct virtio_device *device, struct virtqueue *queue);
    void (*config_read)(struct virtio_device *device, unsigned offset, void *to, unsigned len);
};

enum { VIRTIO_QUEUES_MAX = 2 * 16 + 2 };
struct virtio_device {
    const struct virtio_transport *transport;
    uint32_t id;
    uint64_t features; /* negotiated */
    void (*config_changed)(struct virtio_device *device); /* hard interrupt context; may be NULL */
    void *driver_data;
    struct virtqueue *queues[VIRTIO_QUEUES_MAX]; /* filled before DRIVER_OK */
    unsigned queue_count;
};

/* Acknowledges, negotiates `wanted` (the ring features and VERSION_1 are added) and leaves the device at FEATURES_OK:
 * device->features says what holds. -ENODEV: the device refuses, or is not a version 1 device. */
int virtio_negotiate(struct virtio_device *device, uint64_t wanted);
void virtio_ready(struct virtio_device *device); /* DRIVER_OK */
void virtio_fail(struct virtio_device *device);
static inline bool virtio_has(const struct virtio_device *device, unsigned feature)
{
    return device->features >> feature & 1;
}
uint8_t virtio_config8(struct virtio_device *device, unsigned offset);
uint16_t virtio_config16(struct virtio_device *device, unsigned offset);
uint32_t virtio_config32(struct virtio_device *device, unsigned offset);
uint64_t virtio_config64(struct virtio_device *device, unsigned offset);

/* By the transports: makes the driver for device->id take it; frees nothing on failure. -ENODEV: no driver. */
int virtio_attach(struct virtio_device *device);

/* The drivers. Each allocates its own state, negotiates, sets up queues and registers. */
int virtio_net_attach(struct virtio_device *device);
int virtio_block_attach(struct virtio_device *device);
int virtio_console_attach(struct virtio_device *device);
int virtio_rng_attach(struct virtio_device *device);
