/*
 * Receiving. Buffers are single pages, posted sparingly: few at first, twice as many each time the device has used most
 * of them at once, up to a share of the machine's memory. A packet may lie in several of them (merged buffers). Short
 * packets are copied out, so that a page does not stay in a socket for the sake of a few bytes.
 */
#include <base/errno.h>
#include <base/log.h>
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include "net.h"

enum {
    BUFFER_START = PACKET_HEADROOM - 2, /* the IP header behind header and Ethernet is 4-aligned then */
    BUFFER_LEN = PAGE_SIZE - BUFFER_START,
    TARGET_MIN = 32, /* more than the 17 that a 64 KiB segment needs: with fewer the device would wait for ever */
    COPY_MAX = 256,
    BATCH = 64,
};

static void release_page(struct packet *packet)
{
    page_put(page_of_address(packet->buffer));
    kfree(packet);
}

static bool post(struct receive_queue *queue, struct page *page)
{
    struct virtqueue_buffer buffer = {(char *)page_address(page) + BUFFER_START, BUFFER_LEN};
    if (virtqueue_add(queue->ring, &buffer, 0, 1, page))
        return false;
    queue->posted++;
    return true;
}

static void refill(struct receive_queue *queue, unsigned flags)
{
    while (queue->posted < queue->target) {
        struct page *page = page_alloc(0, flags);
        if (!page)
            break;
        if (!post(queue, page)) {
            page_put(page);
            break;
        }
    }
    virtqueue_kick(queue->ring);
}

/* A packet around the page; on failure the page stays the caller's. */
static struct packet *wrap_page(struct page *page, uint32_t len)
{
    struct packet *packet = kzalloc(sizeof *packet, ALLOC_ATOMIC);
    if (!packet)
        return NULL;
    list_init(&packet->link);
    refcount_init(&packet->refs, 1);
    packet->buffer = page_address(page);
    packet->capacity = PAGE_SIZE;
    packet->data = packet->buffer + BUFFER_START;
    packet->len = len;
    packet->release = release_page;
    return packet;
}

static void read_header(const struct virtio_net *net, const struct net_header *header, struct packet *packet)
{
    if (header->flags & (HEADER_NEEDS_CHECKSUM | HEADER_DATA_VALID) && virtio_has(net->virtio, NET_GUEST_CSUM))
        packet->offload |= PACKET_CHECKSUM_VALID;
    uint8_t type = header->segment_type & (uint8_t)~SEGMENT_ECN;
    if (type == SEGMENT_NONE || !header->segment_size)
        return;
    packet->offload |= type == SEGMENT_TCP4 ? PACKET_SEGMENT_TCP4 : type == SEGMENT_TCP6 ? PACKET_SEGMENT_TCP6 : 0;
    packet->segment_size = header->segment_size;
    packet->header_len = header->header_len;
}

/* A short packet in memory of its own; the page goes back to the device. */
static struct packet *copy_short(struct receive_queue *queue, struct page *page, uint32_t len)
{
    struct packet *packet = packet_alloc(len, ALLOC_ATOMIC);
    if (!packet)
        return NULL;
    memcpy(packet->data, (char *)page_address(page) + BUFFER_START + sizeof(struct net_header), len);
    packet->len = len;
    if (!post(queue, page))
        page_put(page);
    return packet;
}

/* Takes the further buffers of a packet. False: they are not all there, what came is linked and must be freed. */
static bool take_rest(struct receive_queue *queue, struct packet *first, unsigned count)
{
    struct packet *last = first;
    for (; count; count--) {
        uint32_t len;
        struct page *page = virtqueue_take(queue->ring, &len);
        if (!page)
            return false;
        queue->posted--;
        queue->taken++;
        last->next = wrap_page(page, len);
        if (!last->next) {
            page_put(page);
            return false;
        }
        last = last->next;
    }
    return true;
}

/* The next packet; NULL with *is_empty when there is none, NULL without when one was dropped. */
static struct packet *next_packet(struct receive_queue *queue, bool *is_empty)
{
    struct virtio_net *net = queue->net;
    uint32_t len;
    struct page *page = virtqueue_take(queue->ring, &len);
    *is_empty = !page;
    if (!page)
        return NULL;
    queue->posted--;
    queue->taken++;
    struct net_header header;
    memcpy(&header, (char *)page_address(page) + BUFFER_START, sizeof header); /* once: the device may change it */
    unsigned count = virtio_has(net->virtio, NET_MERGED_BUFFERS) ? header.buffer_count : 1;
    struct packet *packet = NULL;
    if (len < sizeof header + 14 || !count)
        goto drop_page;
    uint32_t data_len = len - (uint32_t)sizeof header;
    if (count == 1 && data_len <= COPY_MAX) {
        packet = copy_short(queue, page, data_len);
        if (!packet)
            goto drop_page;
    } else {
        packet = wrap_page(page, len);
        if (!packet)
            goto drop_page;
        packet->data += sizeof header;
        packet->len = data_len;
        if (!take_rest(queue, packet, count - 1))
            goto drop_packet;
    }
    read_header(net, &header, packet);
    packet->rx_queue = (uint16_t)queue->index;
    return packet;

drop_page:
    if (!post(queue, page))
        page_put(page);
    add_relaxed(&net->device.received.dropped, 1u);
    return NULL;
drop_packet:
    packet_free(packet);
    add_relaxed(&net->device.received.errors, 1u);
    return NULL;
}

static void receive(struct work *work)
{
    struct receive_queue *queue = container_of(work, struct receive_queue, work);
    struct netdev *device = &queue->net->device;
    const struct netdev_client *client = device->client;
    unsigned count = 0;
    queue->taken = 0;
    bool is_empty = false;
    while (count < BATCH && !is_empty) {
        struct packet *packet = next_packet(queue, &is_empty);
        if (!packet)
            continue;
        count++;
        add_relaxed(&device->received.packets, 1u);
        add_relaxed(&device->received.bytes, packet_total_len(packet));
        client->receive(device, packet);
    }
    if (queue->taken > queue->target / 2)
        queue->target = MIN(queue->target * 2, queue->target_max);
    refill(queue, ALLOC_ATOMIC);
    if (count)
        client->receive_done(device);
    net_transmit_reclaim(&queue->net->pairs[queue->index].transmit);
    if (!queue->ring->is_broken && (!is_empty || !virtqueue_enable_interrupts(queue->ring)))
        work_raise(work);
}

int net_receive_open(struct receive_queue *queue, uint16_t ring_size)
{
    queue->work = (struct work)WORK_INIT(receive);
    int err = virtqueue_create(queue->net->virtio, (uint16_t)(2 * queue->index), ring_size, &queue->work, queue->index,
                               &queue->ring);
    if (err)
        return err;
    struct memory_counters memory;
    memory_count(&memory);
    uint64_t share = memory.total_pages / 64 / queue->net->pair_count;
    queue->target_max = (unsigned)MIN(MAX(share, (uint64_t)TARGET_MIN), (uint64_t)queue->ring->size);
    queue->target = MIN((unsigned)TARGET_MIN, queue->target_max);
    refill(queue, ALLOC_WAIT);
    return queue->posted ? 0 : -ENOMEM;
}
