/* Raw ICMP sockets, which see every ICMP packet of their family, and "ping" sockets, which send echo requests under an
 * identifier of their own (their port) and see its answers. */
#include <mm/alloc.h>
#include "private.h"

enum { ICMP4_ECHO = 8, ICMP4_ECHO_REPLY = 0, ICMP6_ECHO = 128, ICMP6_ECHO_REPLY = 129, RAW_TARGETS = 8 };

/* Fills identifier and checksum of an outgoing ICMP message. */
int udp_raw_prepare(struct udp_socket *socket, struct packet *packet, const struct ip_info *info)
{
    if (packet->len < ICMP_HEADER)
        return socket->kind == UDP_KIND_PING || packet->len < 4 ? -EINVAL : 0;
    if (socket->kind == UDP_KIND_PING) {
        if (packet->data[0] != (socket->is_v6 ? ICMP6_ECHO : ICMP4_ECHO) || packet->data[1])
            return -EINVAL;
        store_be16(packet->data + 4, load_relaxed(&socket->local.port));
    }
    if (socket->kind == UDP_KIND_RAW && !socket->is_v6)
        return 0; /* the program sums */
    store_le16(packet->data + 2, 0);
    uint64_t sum = socket->is_v6 ? checksum_pseudo(&info->from, &info->to, PROTOCOL_ICMP6, packet->len) : 0;
    store_le16(packet->data + 2, checksum_fold(checksum_add(sum, packet->data, packet->len)));
    return 0;
}

static bool wants(const struct udp_socket *socket, const struct packet *packet, const struct ip_info *info,
                  uint16_t identifier)
{
    uint8_t type = packet->data[0];
    if (socket->is_v6 == info->is_v4)
        return false;
    if (!ip_is_any(&socket->local.address) && !ip_equal(&socket->local.address, &info->to))
        return false;
    if (socket->is_connected && !ip_equal(&socket->peer.address, &info->from))
        return false;
    if (socket->kind == UDP_KIND_PING)
        return type == (socket->is_v6 ? ICMP6_ECHO_REPLY : ICMP4_ECHO_REPLY) && socket->local.port == identifier;
    return socket->is_v6 || type >= 32 || !((uint32_t)setting_of(socket, UDP_SET_ICMP_FILTER) >> type & 1);
}

/* A raw IPv4 socket reads the IP header too. */
static struct packet *copy_for(const struct udp_socket *socket, const struct packet *packet, const struct ip_info *info)
{
    uint32_t len = packet_total_len(packet);
    uint32_t header = socket->kind == UDP_KIND_RAW && !socket->is_v6 ? IPV4_HEADER : 0;
    struct packet *copy = packet_alloc(header + len, ALLOC_ATOMIC);
    if (!copy)
        return NULL;
    packet_copy_out(packet, 0, copy->data + header, len);
    copy->len = header + len;
    if (header) {
        struct ip_info rebuilt = *info;
        rebuilt.payload_len = (uint16_t)len;
        wire_build_ip(copy->data, &rebuilt);
    }
    return copy;
}

void udp_raw_receive(struct net_stack *stack, struct packet *packet, const struct ip_info *info)
{
    struct udp_bucket *bucket = &table_of(stack)->raw;
    struct udp_socket *socket, *targets[RAW_TARGETS];
    unsigned count = 0;
    uint16_t identifier = packet->len >= 6 ? load_be16(packet->data + 4) : 0;
    spin_lock(&bucket->lock);
    list_for_each(socket, &bucket->sockets, link) if (count < RAW_TARGETS && wants(socket, packet, info, identifier))
    {
        refcount_get(&socket->refs);
        targets[count++] = socket;
    }
    spin_unlock(&bucket->lock);
    struct udp_meta meta = udp_make_meta(stack->interfaces[0], info, 0);
    for (unsigned i = 0; i < count; i++) {
        struct packet *copy = copy_for(targets[i], packet, info);
        if (copy)
            udp_enqueue(targets[i], copy, &meta);
        udp_put(targets[i]);
    }
}
