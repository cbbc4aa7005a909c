/*
 * Sending. What has been sent is freed by later sends and by the receiving work; the device interrupts only when somebody
 * was refused for want of room. The device's header stands in the packet's headroom, or, where there is none, in a small
 * packet put before it.
 */
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include "net.h"

enum { BUFFERS_MAX = 64, RECLAIM_BATCH = 32 };

static void write_header(const struct packet *packet, struct net_header *header)
{
    *header = (struct net_header){.segment_type = SEGMENT_NONE};
    if (packet->offload & PACKET_CHECKSUM_NEEDED) {
        header->flags = HEADER_NEEDS_CHECKSUM;
        header->checksum_start = packet->checksum_start;
        header->checksum_offset = packet->checksum_offset;
    }
    if (packet->offload & (PACKET_SEGMENT_TCP4 | PACKET_SEGMENT_TCP6)) {
        header->segment_type = packet->offload & PACKET_SEGMENT_TCP4 ? SEGMENT_TCP4 : SEGMENT_TCP6;
        header->segment_size = packet->segment_size;
        header->header_len = packet->header_len;
    }
}

/* The buffers of header and packet; 0: too many. *token is what to free afterwards. */
static unsigned make_buffers(struct packet *packet, struct virtqueue_buffer *buffers, struct packet **token, int *err)
{
    unsigned n = 0;
    struct net_header header;
    write_header(packet, &header);
    *token = packet;
    *err = 0;
    if ((size_t)(packet->data - packet->buffer) >= sizeof header) {
        memcpy(packet->data - sizeof header, &header, sizeof header);
        buffers[n++] = (struct virtqueue_buffer){packet->data - sizeof header, packet->len + (uint32_t)sizeof header};
    } else {
        struct packet *front = packet_alloc(sizeof header, ALLOC_ATOMIC);
        *err = front ? 0 : -EBUSY;
        if (!front)
            return 0;
        memcpy(front->data, &header, sizeof header);
        front->len = sizeof header;
        front->next = packet;
        *token = front;
        buffers[n++] = (struct virtqueue_buffer){front->data, front->len};
        if (packet->len)
            buffers[n++] = (struct virtqueue_buffer){packet->data, packet->len};
    }
    for (struct packet *part = packet->next; part; part = part->next) {
        if (!part->len)
            continue;
        if (n == BUFFERS_MAX)
            return 0;
        buffers[n++] = (struct virtqueue_buffer){part->data, part->len};
    }
    return n;
}

static void drop_front(struct packet *token, struct packet *packet)
{
    if (token == packet)
        return;
    token->next = NULL;
    packet_free(token);
}

/* Up to `room` finished packets; they are freed outside the lock, as that may be long. */
static unsigned take_sent_locked(struct transmit_queue *queue, struct packet **sent, unsigned room)
{
    unsigned n = 0;
    while (n < room && (sent[n] = virtqueue_take(queue->ring, NULL)))
        n++;
    while (n < room && queue->ring->is_broken && (sent[n] = virtqueue_abandon(queue->ring)))
        n++;
    return n;
}

static void free_sent(struct packet **sent, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        packet_free(sent[i]);
}

void net_transmit_reclaim(struct transmit_queue *queue)
{
    struct packet *sent[RECLAIM_BATCH];
    unsigned count;
    if (!load_relaxed(&queue->ring) || !virtqueue_has_used(queue->ring))
        return;
    do {
        spin_lock(&queue->lock);
        count = take_sent_locked(queue, sent, RECLAIM_BATCH);
        spin_unlock(&queue->lock);
        free_sent(sent, count);
    } while (count == RECLAIM_BATCH);
}

/* 0 or -ENOSPC/-EIO; a refused caller is noted, and the interrupt armed that will call it back. */
static int add_locked(struct transmit_queue *queue, struct virtqueue_buffer *buffers, unsigned count, void *token)
{
    int err = virtqueue_add(queue->ring, buffers, count, 0, token);
    if (err != -ENOSPC)
        return err;
    virtqueue_kick(queue->ring); /* room comes only from what the device knows of */
    queue->is_full = true;
    if (!virtqueue_enable_interrupts(queue->ring))
        work_raise(&queue->work);
    return err;
}

int net_transmit(struct netdev *device, struct packet *packet, unsigned index, bool more)
{
    struct virtio_net *net = container_of(device, struct virtio_net, device);
    struct transmit_queue *queue = &net->pairs[index % net->pair_count].transmit;
    struct packet *sent[RECLAIM_BATCH];
    struct virtqueue_buffer buffers[BUFFERS_MAX];
    struct packet *token;
    int err;
    uint32_t len = packet_total_len(packet);
    unsigned count = make_buffers(packet, buffers, &token, &err);
    if (err)
        return err;
    if (!count) {
        packet_free(token);
        add_relaxed(&device->sent.errors, 1u);
        return 0;
    }
    spin_lock(&queue->lock);
    unsigned sent_count = 0;
    if (queue->ring->free_count < queue->ring->size / 2u || queue->ring->is_broken)
        sent_count = take_sent_locked(queue, sent, RECLAIM_BATCH);
    err = add_locked(queue, buffers, count, token);
    if (!err && !more)
        virtqueue_kick(queue->ring);
    spin_unlock(&queue->lock);
    free_sent(sent, sent_count);
    if (err == -ENOSPC) {
        drop_front(token, packet);
        return -EBUSY;
    }
    if (err) { /* the queue is broken: as a cable that is not plugged in */
        packet_free(token);
        add_relaxed(&device->sent.dropped, 1u);
        return 0;
    }
    add_relaxed(&device->sent.packets, 1u);
    add_relaxed(&device->sent.bytes, len);
    return 0;
}

void net_transmit_flush(struct netdev *device, unsigned index)
{
    struct virtio_net *net = container_of(device, struct virtio_net, device);
    struct transmit_queue *queue = &net->pairs[index % net->pair_count].transmit;
    spin_lock(&queue->lock);
    virtqueue_kick(queue->ring);
    spin_unlock(&queue->lock);
}

static void transmitted(struct work *work)
{
    struct transmit_queue *queue = container_of(work, struct transmit_queue, work);
    net_transmit_reclaim(queue);
    spin_lock(&queue->lock);
    /* Called back when a quarter is free, not for each packet that leaves. */
    bool has_space = queue->ring->is_broken || queue->ring->free_count >= queue->ring->size / 4u;
    bool was_full = queue->is_full;
    if (was_full && has_space) {
        queue->is_full = false;
        virtqueue_disable_interrupts(queue->ring);
    } else if (was_full && !virtqueue_enable_interrupts(queue->ring)) {
        work_raise(work);
    }
    spin_unlock(&queue->lock);
    struct netdev *device = &queue->net->device;
    if (was_full && has_space && device->client->transmit_space)
        device->client->transmit_space(device, queue->index);
}

int net_transmit_open(struct transmit_queue *queue, uint16_t ring_size)
{
    queue->work = (struct work)WORK_INIT(transmitted);
    spin_init(&queue->lock);
    int err = virtqueue_create(queue->net->virtio, (uint16_t)(2 * queue->index + 1), ring_size, &queue->work,
                               queue->index, &queue->ring);
    if (!err)
        virtqueue_disable_interrupts(queue->ring);
    return err;
}
