/* IP in and out, both versions. */
#include <iface/iface.h>
#include <mm/alloc.h>

static bool is_for_us(struct net_interface *iface, struct ip_info *info)
{
    if (ip_is_multicast(&info->to))
        return multicast_is_member(iface, &info->to);
    if (interface_is_broadcast(iface, &info->to)) {
        info->is_broadcast = true;
        return true;
    }
    /* Loopback addresses never come from outside (RFC 1122 3.2.1.3). */
    if (iface->index != 1 && (ip_is_loopback(&info->to) || ip_is_loopback(&info->from)))
        return false;
    if (stack_is_local(iface->stack, &info->to))
        return true;
    /* While DHCP is under way answers come to the offered address. */
    return iface->dhcp && info->protocol == PROTOCOL_UDP && info->is_v4;
}

/* Multicast and broadcast are never a valid source. */
static bool source_is_sane(struct net_interface *iface, const struct ip_info *info)
{
    return !ip_is_multicast(&info->from) && !(info->is_v4 && interface_is_broadcast(iface, &info->from));
}

/* What has to stand in one piece to be parsed, not more: asking for more copies a packet whose payload is lent to it.
 */
static uint32_t headers_wanted(const struct packet *packet)
{
    bool is_v4 = packet->len && packet->data[0] >> 4 == 4;
    return is_v4 ? (packet->data[0] & 15u) * 4 : IPV6_HEADER + TCP_HEADER;
}

void ip_receive(struct net_interface *iface, struct packet *packet)
{
    struct net_stack *stack = iface->stack;
    struct ip_info info;
    add_relaxed(&stack->ip_counters.received, 1u);
    uint32_t total = packet_total_len(packet), wanted = headers_wanted(packet);
    packet = packet_make_contiguous(packet, wanted < total ? wanted : total);
    if (!packet)
        return;
    if (!wire_parse_ip(packet->data, packet->len, total, &info) || !source_is_sane(iface, &info)) {
        add_relaxed(&stack->ip_counters.bad_header, 1u);
        goto drop;
    }
    if (!is_for_us(iface, &info))
        goto drop;
    if (total != (uint32_t)info.header_len + info.payload_len)
        packet_trim(packet, (uint32_t)info.header_len + info.payload_len);
    packet_pull(packet, info.header_len);
    if (info.more_fragments || info.fragment_offset) {
        packet = fragment_receive(stack, packet, &info);
        if (!packet)
            return;
    }
    const struct protocol *protocol = stack->protocols[info.protocol];
    add_relaxed(&stack->ip_counters.delivered, 1u);
    if (protocol) {
        protocol->receive(stack, iface, packet, &info);
        return;
    }
    if (!info.is_broadcast && !ip_is_multicast(&info.to))
        icmp_send_unreachable(stack, packet, &info, UNREACHABLE_PROTOCOL);
drop:
    packet_free(packet);
}

int ip_send(struct net_stack *stack, const struct route *route, struct packet *packet, struct ip_info *info)
{
    uint32_t len = packet_total_len(packet);
    info->is_v4 = ip_is_v4(&info->to);
    info->header_len = info->is_v4 ? IPV4_HEADER : IPV6_HEADER;
    bool is_segmented = packet->offload & (PACKET_SEGMENT_TCP4 | PACKET_SEGMENT_TCP6);
    if (len + info->header_len > route->mtu && !is_segmented) {
        if (!info->dont_fragment)
            return fragment_send(stack, route, packet, info);
        packet_free(packet);
        return -EMSGSIZE;
    }
    if (len > 0xffff - (info->is_v4 ? IPV4_HEADER : 0u)) {
        packet_free(packet);
        return -EMSGSIZE;
    }
    info->payload_len = (uint16_t)len;
    if (info->is_v4)
        info->fragment_id = stack_cpu(stack)->ip_id++;
    uint8_t *header = packet_push(packet, info->header_len);
    if (!header) {
        packet_free(packet);
        return -ENOBUFS;
    }
    wire_build_ip(header, info);
    packet->checksum_start = (uint16_t)(packet->checksum_start + info->header_len);
    packet->header_len = (uint16_t)(packet->header_len + info->header_len);
    add_relaxed(&stack->ip_counters.sent, 1u);
    if (route->is_local)
        return interface_transmit(route->iface, packet);
    if (route->neighbour) {
        store_relaxed(&route->neighbour->used_ns, 1u);
        return neighbour_send(route->neighbour, packet);
    }
    return interface_send_ethernet(route->iface, packet, route->mac, info->is_v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
}
