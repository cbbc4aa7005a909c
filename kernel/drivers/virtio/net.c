/*
 * virtio-net (5.1): attaching and opening. Rings and buffers are made when the network stack opens the device, so that a
 * program without network pays nothing for it.
 */
#include <arch/cpu.h>
#include <base/errno.h>
#include <base/log.h>
#include <base/string.h>
#include <common/checked.h>
#include <device/entropy.h>
#include <mm/alloc.h>
#include "net.h"

enum {
    CONFIG_MAC = 0,
    CONFIG_STATUS = 6,
    CONFIG_PAIRS = 8,
    CONFIG_MTU = 10,
    STATUS_LINK_UP = 1,
    PAIRS_MAX = 16, /* VIRTIO_QUEUES_MAX has room for these */
    RING_SIZE = 256,
    RING_SIZE_SMALL = 64, /* machines below SMALL_PAGES */
    SMALL_PAGES = 8192,
    CONTROL_RING_SIZE = 4,
    CONTROL_CLASS_PAIRS = 4,
    CONTROL_PAIRS_SET = 0,
    CONTROL_SPINS_MAX = 10000000,
    MTU_DEFAULT = 1500,
    MTU_MIN = 68,
};

/* One command on the control queue (5.1.6.5.5), answered at once by every device we know: polled, at open only. */
static int set_pair_count(struct virtio_net *net, struct virtqueue *control, uint16_t count)
{
    struct {
        uint8_t class, command, pairs[2], ack;
    } *message = kmalloc(sizeof *message, ALLOC_WAIT);
    if (!message)
        return -ENOMEM;
    message->class = CONTROL_CLASS_PAIRS;
    message->command = CONTROL_PAIRS_SET;
    message->pairs[0] = (uint8_t)count;
    message->pairs[1] = (uint8_t)(count >> 8);
    message->ack = 0xff;
    struct virtqueue_buffer buffers[] = {{&message->class, 2}, {message->pairs, 2}, {&message->ack, 1}};
    int err = virtqueue_add(control, buffers, 2, 1, message);
    if (err) {
        kfree(message);
        return err;
    }
    virtqueue_kick(control);
    for (unsigned spins = 0; !virtqueue_take(control, NULL); spins++) {
        if (spins == CONTROL_SPINS_MAX || control->is_broken)
            return -EIO; /* the message stays the device's */
        arch_cpu_relax();
    }
    err = *(volatile uint8_t *)&message->ack ? -EIO : 0;
    kfree(message);
    (void)net;
    return err;
}

static uint16_t ring_size(void)
{
    struct memory_counters memory;
    memory_count(&memory);
    return memory.total_pages < SMALL_PAGES ? RING_SIZE_SMALL : RING_SIZE;
}

static int open_pairs(struct virtio_net *net)
{
    uint16_t size = ring_size();
    for (unsigned i = 0; i < net->pair_count; i++) {
        struct queue_pair *pair = &net->pairs[i];
        pair->receive.net = pair->transmit.net = net;
        pair->receive.index = pair->transmit.index = i;
        int err = net_receive_open(&pair->receive, size);
        if (!err)
            err = net_transmit_open(&pair->transmit, size);
        if (err)
            return err;
    }
    return 0;
}

static int net_open(struct netdev *device)
{
    struct virtio_net *net = container_of(device, struct virtio_net, device);
    if (net->is_open)
        return 0;
    net->pairs = kzalloc(net->pair_count * sizeof *net->pairs, ALLOC_WAIT);
    if (!net->pairs)
        return -ENOMEM;
    struct virtqueue *control = NULL;
    int err = open_pairs(net);
    if (!err && net->pair_count > 1)
        err = virtqueue_create(net->virtio, (uint16_t)(2 * net->pairs_offered), CONTROL_RING_SIZE, NULL, 0, &control);
    if (err) {
        /* The device holds the rings made so far: it is given up, and its memory with it. */
        virtio_fail(net->virtio);
        return err;
    }
    virtio_ready(net->virtio);
    net->is_open = true;
    if (control && set_pair_count(net, control, (uint16_t)net->pair_count)) {
        log_warning("%s: the device refuses %u queues, one is used", device->name, net->pair_count);
        net->pair_count = 1;
        device->queue_count = 1;
    }
    for (unsigned i = 0; i < net->pair_count; i++)
        virtqueue_kick(net->pairs[i].receive.ring);
    return 0;
}

static const struct netdev_ops net_ops = {
    .transmit = net_transmit,
    .transmit_flush = net_transmit_flush,
    .open = net_open,
};

static bool read_link(struct virtio_net *net)
{
    return !virtio_has(net->virtio, NET_STATUS) || virtio_config16(net->virtio, CONFIG_STATUS) & STATUS_LINK_UP;
}

static void link_changed(struct work *work)
{
    struct virtio_net *net = container_of(work, struct virtio_net, link_work);
    bool is_up = read_link(net);
    if (is_up == net->device.is_up)
        return;
    net->device.is_up = is_up;
    if (net->device.client && net->device.client->link_changed)
        net->device.client->link_changed(&net->device, is_up);
}

static void config_changed(struct virtio_device *device)
{
    struct virtio_net *net = device->driver_data;
    work_raise(&net->link_work);
}

static void read_address(struct virtio_net *net)
{
    uint8_t *address = net->device.address;
    if (virtio_has(net->virtio, NET_MAC)) {
        net->virtio->transport->config_read(net->virtio, CONFIG_MAC, address, 6);
        return;
    }
    random_bytes(address, 6);
    address[0] = (uint8_t)((address[0] & ~1) | 2); /* one station, locally administered */
}

static int negotiate(struct virtio_device *device)
{
    uint64_t wanted = VIRTIO_FEATURE(NET_CSUM) | VIRTIO_FEATURE(NET_GUEST_CSUM) | VIRTIO_FEATURE(NET_MTU) |
                      VIRTIO_FEATURE(NET_MAC) | VIRTIO_FEATURE(NET_HOST_TSO4) | VIRTIO_FEATURE(NET_HOST_TSO6) |
                      VIRTIO_FEATURE(NET_MERGED_BUFFERS) | VIRTIO_FEATURE(NET_STATUS);
    uint64_t large = VIRTIO_FEATURE(NET_GUEST_TSO4) | VIRTIO_FEATURE(NET_GUEST_TSO6);
    if (cpu_count() > 1)
        wanted |= VIRTIO_FEATURE(NET_CONTROL_QUEUE) | VIRTIO_FEATURE(NET_QUEUE_PAIRS);
    int err = virtio_negotiate(device, wanted | large);
    /* Large packets need merged buffers: without them every buffer would have to hold 64 KiB. */
    if (!err && !virtio_has(device, NET_MERGED_BUFFERS) && device->features & large)
        err = virtio_negotiate(device, wanted);
    return err;
}

int virtio_net_attach(struct virtio_device *virtio)
{
    int err = negotiate(virtio);
    if (err)
        return err;
    struct virtio_net *net = kzalloc(sizeof *net, ALLOC_WAIT);
    if (!net)
        return -ENOMEM;
    net->virtio = virtio;
    net->link_work = (struct work)WORK_INIT(link_changed);
    virtio->driver_data = net;
    virtio->config_changed = config_changed;
    read_address(net);
    bool has_pairs = virtio_has(virtio, NET_QUEUE_PAIRS) && virtio_has(virtio, NET_CONTROL_QUEUE);
    net->pairs_offered = has_pairs ? MAX(virtio_config16(virtio, CONFIG_PAIRS), 1) : 1;
    net->pair_count = MIN(MIN(net->pairs_offered, cpu_count()), (unsigned)PAIRS_MAX);
    struct netdev *device = &net->device;
    device->ops = &net_ops;
    device->queue_count = (uint16_t)net->pair_count;
    device->mtu = virtio_has(virtio, NET_MTU) ? virtio_config16(virtio, CONFIG_MTU) : MTU_DEFAULT;
    if (device->mtu < MTU_MIN)
        device->mtu = MTU_DEFAULT;
    device->is_up = read_link(net);
    device->can_checksum = virtio_has(virtio, NET_CSUM);
    device->can_segment_tcp4 = device->can_checksum && virtio_has(virtio, NET_HOST_TSO4);
    device->can_segment_tcp6 = device->can_checksum && virtio_has(virtio, NET_HOST_TSO6);
    netdev_register(device);
    return 0;
}
