/* See fakes/netdev.h. */
#include <base/string.h>
#include <fakes/netdev.h>
#include <mm/alloc.h>

static int transmit(struct netdev *device, struct packet *packet, unsigned queue, bool more)
{
    struct fake_netdev *fake = container_of(device, struct fake_netdev, device);
    if (fake->is_full || fake->refusals) {
        if (fake->refusals && !--fake->refusals) /* space is there before the caller can do anything about it */
            device->client->transmit_space(device, queue);
        return -16;                              /* EBUSY */
    }
    list_add_last(&fake->sent, &packet->link);
    fake->sent_count++;
    return 0;
}

static void transmit_flush(struct netdev *device, unsigned queue)
{
}

static int open(struct netdev *device)
{
    return 0;
}

static const struct netdev_ops ops = {.transmit = transmit, .transmit_flush = transmit_flush, .open = open};

void fake_netdev_init(struct fake_netdev *fake, const uint8_t mac[6])
{
    *fake = (struct fake_netdev){.device = {.ops = &ops, .mtu = 1500, .queue_count = 1, .is_up = true, .name = "eth0"}};
    memcpy(fake->device.address, mac, 6);
    list_init(&fake->sent);
}

size_t fake_netdev_take(struct fake_netdev *fake, void *to, size_t size)
{
    if (list_is_empty(&fake->sent))
        return 0;
    struct packet *packet = list_first(&fake->sent, struct packet, link);
    list_remove(&packet->link);
    fake->sent_count--;
    size_t used = 0;
    for (const struct packet *part = packet; part; part = part->next) {
        size_t n = part->len < size - used ? part->len : size - used;
        memcpy((uint8_t *)to + used, part->data, n);
        used += n;
    }
    packet_free(packet);
    return used;
}

void fake_netdev_receive(struct fake_netdev *fake, const void *frame, size_t len)
{
    struct packet *packet = packet_alloc((uint32_t)len, ALLOC_ATOMIC);
    memcpy(packet->data, frame, len);
    packet->len = (uint32_t)len;
    fake->device.client->receive(&fake->device, packet);
    fake->device.client->receive_done(&fake->device);
}

void fake_netdev_destroy(struct fake_netdev *fake)
{
    uint8_t byte;
    while (fake_netdev_take(fake, &byte, 1))
        ;
}
