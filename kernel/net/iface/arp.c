/* ARP (RFC 826) over Ethernet, with announcements (RFC 5227). */
#include <iface/iface.h>
#include <mm/alloc.h>

static const uint8_t everyone[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void send(struct net_interface *iface, const struct arp_info *info, const uint8_t to[6])
{
    struct packet *packet = packet_alloc(ARP_LEN, ALLOC_ATOMIC);
    if (!packet)
        return;
    wire_build_arp(packet->data, info);
    packet->len = ARP_LEN;
    interface_send_ethernet(iface, packet, to, ETHERTYPE_ARP);
}

static bool own_address(struct net_interface *iface, uint32_t address)
{
    for (unsigned i = 0; i < INTERFACE_ADDRESSES; i++)
        if (load_acquire(&iface->addresses[i].is_valid) && ip_is_v4(&iface->addresses[i].address) &&
            ip_to_v4(&iface->addresses[i].address) == address)
            return true;
    return false;
}

void arp_request(struct net_interface *iface, uint32_t target, const uint8_t *unicast_to)
{
    struct interface_address own = {0};
    struct ip_address to = ip_from_v4(target);
    for (unsigned i = 0; i < INTERFACE_ADDRESSES; i++) /* prefer the address on the target's network */
        if (load_acquire(&iface->addresses[i].is_valid) && ip_is_v4(&iface->addresses[i].address) &&
            (!own.is_valid || ip_matches(&to, &iface->addresses[i].address, iface->addresses[i].prefix)))
            own = iface->addresses[i];
    struct arp_info info = {.operation = 1, .from = own.is_valid ? ip_to_v4(&own.address) : 0, .to = target};
    memcpy(info.from_mac, iface->mac, 6);
    send(iface, &info, unicast_to ? unicast_to : everyone);
}

void arp_announce(struct net_interface *iface, uint32_t address)
{
    struct arp_info info = {.operation = 1, .from = address, .to = address};
    memcpy(info.from_mac, iface->mac, 6);
    send(iface, &info, everyone);
}

void arp_receive(struct net_interface *iface, struct packet *packet)
{
    struct arp_info info;
    uint32_t total = packet_total_len(packet);
    packet = packet_make_contiguous(packet, total < ARP_LEN ? total : ARP_LEN);
    if (!packet)
        return;
    if (wire_parse_arp(packet->data, packet->len, &info) && !(info.from_mac[0] & 1)) {
        struct ip_address from = ip_from_v4(info.from);
        bool is_for_us = own_address(iface, info.to);
        /* Only who asks us gets a new entry (RFC 826's merge flag): others cannot fill the table. */
        if (info.from && !own_address(iface, info.from))
            neighbour_update(iface, &from, info.from_mac, is_for_us);
        if (is_for_us && info.operation == 1) {
            struct arp_info reply = {.operation = 2, .from = info.to, .to = info.from};
            memcpy(reply.from_mac, iface->mac, 6);
            memcpy(reply.to_mac, info.from_mac, 6);
            send(iface, &reply, info.from_mac);
        }
    }
    packet_free(packet);
}
