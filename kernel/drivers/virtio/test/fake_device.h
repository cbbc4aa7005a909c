/* A virtio device in memory: it sees the rings as a device does, and can lie in them. */
#pragma once
#include "queue.h"

enum { FAKE_QUEUES = 6 };
struct fake_queue {
    struct virtqueue *queue;
    struct ring_descriptor *descriptors;
    struct ring_available *available;
    struct ring_used *used;
    uint16_t size, seen; /* available entries taken */
    unsigned notified;
};
struct fake_device {
    struct virtio_device virtio;
    uint64_t offered;
    uint8_t status;
    uint16_t size_max;
    uint8_t config[64];
    struct fake_queue queues[FAKE_QUEUES];
};
void fake_init(struct fake_device *fake, uint32_t id, uint64_t offered, uint16_t size_max);
/* Frees rings and all that is pending. */
void fake_destroy(struct fake_device *fake);
/* The next chain the driver made available; -1: none. */
int fake_pop(struct fake_device *fake, unsigned queue);
/* The n-th buffer of a chain (indirect tables followed); NULL past the end. */
void *fake_buffer(struct fake_device *fake, unsigned queue, int head, unsigned n, uint32_t *len, bool *is_writable);
void fake_use(struct fake_device *fake, unsigned queue, uint32_t id, uint32_t len);
/* The interrupt: runs the queue's work at once. */
void fake_interrupt(struct fake_device *fake, unsigned queue);
bool fake_wants_interrupt(struct fake_device *fake, unsigned queue);

/* stubs.c */
extern unsigned stub_pages_left, stub_kmallocs_left; /* allocations that still succeed */
extern unsigned stub_error_lines;
extern unsigned stub_live_pages;
extern void (*stub_clock_hook)(void); /* called when the driver looks at the clock, which moves by 1 ms each time */
