/* Between IP and the devices: Ethernet framing, full rings, loopback, software checksums for devices without. */
#include <iface/iface.h>
#include <mm/alloc.h>

enum { BACKLOG_MAX = 1024 };

static void finish_checksum(struct packet *packet)
{
    unsigned start = packet->checksum_start;
    uint16_t sum = checksum_fold(packet_checksum_add(0, packet, start));
    store_le16(packet->data + start + packet->checksum_offset, sum ? sum : 0xffff);
    packet->offload &= (uint16_t)~PACKET_CHECKSUM_NEEDED;
}

static int transmit_loopback(struct net_interface *iface, struct packet *packet)
{
    struct net_cpu *cpu = stack_cpu(iface->stack);
    if (packet->offload & PACKET_CHECKSUM_NEEDED)
        packet->offload = (uint16_t)((packet->offload & ~PACKET_CHECKSUM_NEEDED) | PACKET_CHECKSUM_VALID);
    add_relaxed(&iface->loopback_packets, 1u);
    add_relaxed(&iface->loopback_bytes, packet_total_len(packet));
    list_add_last(&cpu->loopback, &packet->link);
    work_raise(&cpu->loopback_work);
    return 0;
}

/*
 * Behind those that wait, or, where none does, to the device once more. That is under the lock, because the device may
 * have reported space since it refused: nobody would come for what is queued after the report. drain_backlog holds the
 * lock too, so a packet that is refused here is in the queue before the report of the space that it waits for is acted
 * upon.
 */
static int enqueue_backlog(struct net_interface *iface, struct packet *packet, unsigned queue)
{
    struct netdev *device = iface->device;
    spin_lock(&iface->backlog_lock);
    bool is_sent = list_is_empty(&iface->backlog) && !device->ops->transmit(device, packet, queue, false);
    bool fits = !is_sent && iface->backlog_count < BACKLOG_MAX;
    if (fits) {
        list_add_last(&iface->backlog, &packet->link);
        store_relaxed(&iface->backlog_count, iface->backlog_count + 1);
    }
    spin_unlock(&iface->backlog_lock);
    if (is_sent || fits)
        return 0;
    add_relaxed(&device->sent.dropped, 1u);
    packet_free(packet);
    return -ENOBUFS;
}

int interface_transmit(struct net_interface *iface, struct packet *packet)
{
    struct net_stack *stack = iface->stack;
    if (iface->index == 1)
        return transmit_loopback(iface, packet);
    if (packet->offload & PACKET_CHECKSUM_NEEDED && !iface->can_checksum)
        finish_checksum(packet);
    unsigned index = cpu_index();
    struct net_cpu *cpu = &stack->cpus[index];
    struct netdev *device = iface->device;
    unsigned queue = index % device->queue_count;
    bool more = cpu->is_batching;
    if (load_relaxed(&iface->backlog_count) || device->ops->transmit(device, packet, queue, more))
        return enqueue_backlog(iface, packet, queue);
    if (more)
        cpu->flush_interfaces |= 1u << (iface->index - 1);
    return 0;
}

int interface_send_ethernet(struct net_interface *iface, struct packet *packet, const uint8_t mac[6], uint16_t type)
{
    uint8_t *header = packet_push(packet, ETHERNET_HEADER);
    if (!header) {
        packet_free(packet);
        return -ENOBUFS;
    }
    memcpy(header, mac, 6);
    memcpy(header + 6, iface->mac, 6);
    store_be16(header + 12, type);
    packet->checksum_start = (uint16_t)(packet->checksum_start + ETHERNET_HEADER);
    packet->header_len = (uint16_t)(packet->header_len + ETHERNET_HEADER);
    return interface_transmit(iface, packet);
}

static void drain_backlog(struct netdev *device, unsigned queue)
{
    struct net_interface *iface = device->client_data;
    spin_lock(&iface->backlog_lock);
    while (!list_is_empty(&iface->backlog)) {
        struct packet *packet = list_first(&iface->backlog, struct packet, link);
        list_remove(&packet->link);
        if (device->ops->transmit(device, packet, queue, true)) {
            list_add_first(&iface->backlog, &packet->link);
            break;
        }
        store_relaxed(&iface->backlog_count, iface->backlog_count - 1);
    }
    spin_unlock(&iface->backlog_lock);
    device->ops->transmit_flush(device, queue);
}

static bool same_mac(const uint8_t *a, const uint8_t *b)
{
    return load_le32(a) == load_le32(b) && load_le16(a + 4) == load_le16(b + 4);
}

static void receive(struct netdev *device, struct packet *packet)
{
    struct net_interface *iface = device->client_data;
    struct net_cpu *cpu = stack_cpu(iface->stack);
    cpu->is_batching = true;
    if (packet->len < ETHERNET_HEADER) {
        packet_free(packet);
        return;
    }
    const uint8_t *header = packet->data;
    uint16_t type = load_be16(header + 12);
    bool is_ours = same_mac(header, iface->mac) || (header[0] & 1);
    packet_pull(packet, ETHERNET_HEADER);
    if (is_ours && (type == ETHERTYPE_IPV4 || type == ETHERTYPE_IPV6))
        ip_receive(iface, packet);
    else if (is_ours && type == ETHERTYPE_ARP)
        arp_receive(iface, packet);
    else
        packet_free(packet);
}

static void receive_done(struct netdev *device)
{
    struct net_interface *iface = device->client_data;
    stack_batch_end(iface->stack);
}

static void link_changed(struct netdev *device, bool is_up)
{
    struct net_interface *iface = device->client_data;
    if (!is_up)
        return;
    for (unsigned i = 0; i < INTERFACE_ADDRESSES; i++)
        if (load_acquire(&iface->addresses[i].is_valid) && ip_is_v4(&iface->addresses[i].address))
            arp_announce(iface, ip_to_v4(&iface->addresses[i].address));
}

const struct netdev_client interface_client = {
    .receive = receive,
    .receive_done = receive_done,
    .transmit_space = drain_backlog,
    .link_changed = link_changed,
};
