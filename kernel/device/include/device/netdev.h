/*
 * Network devices and packet buffers: what virtio-net and the network stack share. Pure data plus two callbacks; builds
 * on a host as it is.
 *
 * A packet is a chain of buffers. Each is one allocation with headroom; `next` continues the same packet, `link` queues
 * packets. Lengths in bytes.
 */
#pragma once
#include <base/atomic.h>
#include <common/list.h>

enum packet_offload {
    PACKET_CHECKSUM_NEEDED = 1 << 0,  /* sending: device sums from checksum_start and stores at + checksum_offset */
    PACKET_CHECKSUM_VALID = 1 << 1,   /* receiving: the device vouches for the L4 checksum */
    PACKET_SEGMENT_TCP4 = 1 << 2,     /* sending or receiving: larger than MTU, segment_size bytes of payload each */
    PACKET_SEGMENT_TCP6 = 1 << 3,
};

struct packet {
    struct list link;
    struct packet *next;  /* further bytes of this packet; NULL at the end */
    struct refcount refs;
    uint8_t *data;        /* first byte in use */
    uint32_t len;         /* bytes in use here (not in `next`) */
    uint8_t *buffer;      /* the memory: [buffer, buffer + capacity) */
    uint32_t capacity;
    void (*release)(struct packet *packet); /* frees buffer and packet; NULL: packet_alloc made it */
    uint16_t offload;     /* first of the chain only, as are the next five */
    uint16_t checksum_start, checksum_offset;
    uint16_t segment_size, header_len;
    uint16_t rx_queue;
    uint64_t private_data[6]; /* the present owner's (driver, TCP queue) */
};

#define PACKET_HEADROOM 128 /* room before data for the virtio header, Ethernet, IPv6 and TCP with options */

struct packet *packet_alloc(uint32_t size, unsigned alloc_flags); /* headroom + size; len 0, data after the headroom */
void packet_free(struct packet *packet); /* drops a reference to the whole chain */
/* Moves the start: NULL when there is no room (push), or not so many bytes (pull). First buffer of the chain. */
uint8_t *packet_push(struct packet *packet, uint32_t n);
uint8_t *packet_pull(struct packet *packet, uint32_t n);
uint32_t packet_total_len(const struct packet *packet);

struct netdev;
struct netdev_ops {
    /* Takes the packet (Ethernet header first). 0; -EBUSY when the ring is full: the packet stays the caller's, and
     * `on_transmit_space` of the client is called when there is room. `more`: further packets follow at once, the device
     * need not be told yet; transmit_flush tells it. Work or thread context, any CPU. */
    int (*transmit)(struct netdev *device, struct packet *packet, unsigned queue, bool more);
    void (*transmit_flush)(struct netdev *device, unsigned queue);
    /* Begins delivering; buffers are posted. */
    int (*open)(struct netdev *device);
};
/* The stack's side. Called in work context on the CPU of the queue. */
struct netdev_client {
    void (*receive)(struct netdev *device, struct packet *packet); /* takes the packet */
    void (*receive_done)(struct netdev *device); /* after a batch: deliver merged segments, send delayed ACKs */
    void (*transmit_space)(struct netdev *device, unsigned queue);
    void (*link_changed)(struct netdev *device, bool is_up);
};
struct netdev {
    const struct netdev_ops *ops;
    const struct netdev_client *client;
    void *client_data;
    char name[16]; /* "eth0" … */
    uint8_t address[6];
    uint16_t mtu;
    uint16_t queue_count;
    bool is_up;
    bool can_checksum, can_segment_tcp4, can_segment_tcp6;
    struct list link;
    struct {
        uint64_t packets, bytes, errors, dropped;
    } received, sent;
};
void netdev_register(struct netdev *device); /* names it */
struct netdev *netdev_first(void);
struct netdev *netdev_next(struct netdev *device);
