/* virtio-net's state, shared by its receiving and its sending half. */
#pragma once
#include <device/netdev.h>
#include "queue.h"

enum {
    NET_CSUM = 0,
    NET_GUEST_CSUM = 1,
    NET_MTU = 3,
    NET_MAC = 5,
    NET_GUEST_TSO4 = 7,
    NET_GUEST_TSO6 = 8,
    NET_HOST_TSO4 = 11,
    NET_HOST_TSO6 = 12,
    NET_MERGED_BUFFERS = 15,
    NET_STATUS = 16,
    NET_CONTROL_QUEUE = 17,
    NET_QUEUE_PAIRS = 22,
};

/* struct virtio_net_hdr, 5.1.6; num_buffers is there in every version 1 device. */
struct net_header {
    uint8_t flags, segment_type;
    uint16_t header_len, segment_size, checksum_start, checksum_offset, buffer_count;
};
static_assert(sizeof(struct net_header) == 12, "5.1.6");
enum {
    HEADER_NEEDS_CHECKSUM = 1,
    HEADER_DATA_VALID = 2,
    SEGMENT_NONE = 0,
    SEGMENT_TCP4 = 1,
    SEGMENT_TCP6 = 4,
    SEGMENT_ECN = 0x80,
};

struct virtio_net;
struct receive_queue {
    struct work work;
    struct virtio_net *net;
    unsigned index;
    struct virtqueue *ring; /* touched by its work only, which runs on one CPU at a time, and by open before */
    unsigned posted, target, target_max; /* buffers with the device; how many there should be */
    unsigned taken;                      /* by the present run of the work */
};
struct transmit_queue {
    struct work work;
    struct virtio_net *net;
    unsigned index;
    struct spinlock lock;
    struct virtqueue *ring GUARDED_BY(&lock);
    bool is_full GUARDED_BY(&lock); /* somebody was refused and waits for transmit_space */
};
struct queue_pair {
    struct receive_queue receive;
    struct transmit_queue transmit;
};
struct virtio_net {
    struct netdev device;
    struct virtio_device *virtio;
    struct work link_work;
    struct queue_pair *pairs;
    unsigned pair_count, pairs_offered;
    bool is_open;
};

int net_receive_open(struct receive_queue *queue, uint16_t ring_size); /* makes the ring and posts the first buffers */
int net_transmit_open(struct transmit_queue *queue, uint16_t ring_size);
int net_transmit(struct netdev *device, struct packet *packet, unsigned queue, bool more);
void net_transmit_flush(struct netdev *device, unsigned queue);
/* Frees what has been sent. Work or thread context. */
void net_transmit_reclaim(struct transmit_queue *queue);
