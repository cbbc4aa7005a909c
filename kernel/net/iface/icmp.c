/* ICMP and ICMPv6: echo, errors in to the transports and out to peers. Neighbour discovery goes to nd.c. */
#include <arch/cpu.h>
#include <iface/iface.h>
#include <mm/alloc.h>

enum { ICMP4_ECHO_REPLY = 0, ICMP4_UNREACHABLE = 3, ICMP4_ECHO = 8, ICMP4_TIME_EXCEEDED = 11,
       ICMP6_UNREACHABLE = 1, ICMP6_TOO_BIG = 2, ICMP6_TIME_EXCEEDED = 3, ICMP6_ECHO = 128, ICMP6_ECHO_REPLY = 129,
       ICMP6_LISTENER_QUERY = 130, ICMP6_ROUTER_SOLICIT = 133, ICMP6_NEIGHBOUR_ADVERT = 136 };

static void set_checksum(struct packet *packet, const struct ip_info *info)
{
    store_le16(packet->data + 2, 0);
    uint64_t sum = info->protocol == PROTOCOL_ICMP ? 0
                       : checksum_pseudo(&info->from, &info->to, PROTOCOL_ICMP6, packet_total_len(packet));
    store_le16(packet->data + 2, checksum_fold(packet_checksum_add(sum, packet, 0)));
}

static void send(struct net_stack *stack, struct packet *packet, struct ip_info *info)
{
    struct route route;
    if (route_find(stack, &info->to, &info->from, 0, &route)) {
        packet_free(packet);
        return;
    }
    info->from = route.source;
    info->ttl = 64;
    set_checksum(packet, info);
    ip_send(stack, &route, packet, info);
    route_put(&route);
}

static void answer_echo(struct net_stack *stack, const struct packet *request, const struct ip_info *info)
{
    uint32_t len = packet_total_len(request);
    struct packet *reply = packet_alloc(len, ALLOC_ATOMIC);
    if (!reply)
        return;
    packet_copy_out(request, 0, reply->data, len);
    reply->len = len;
    reply->data[0] = info->is_v4 ? ICMP4_ECHO_REPLY : ICMP6_ECHO_REPLY;
    struct ip_info out = {.to = info->from, .protocol = info->protocol};
    if (!ip_is_multicast(&info->to) && !info->is_broadcast)
        out.from = info->to;
    send(stack, reply, &out);
}

static int error_of_v4(uint8_t type, uint8_t code)
{
    static const uint8_t errors[16] = {ENETUNREACH, EHOSTUNREACH, ENOPROTOOPT, ECONNREFUSED, EMSGSIZE, EOPNOTSUPP,
                                       ENETUNREACH, EHOSTDOWN, ENONET, ENETUNREACH, EHOSTUNREACH, ENETUNREACH,
                                       EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH};
    if (type == ICMP4_UNREACHABLE)
        return errors[code & 15];
    return type == ICMP4_TIME_EXCEEDED ? EHOSTUNREACH : 0;
}

static int error_of_v6(uint8_t type, uint8_t code)
{
    static const uint8_t errors[8] = {ENETUNREACH, EACCES, EHOSTUNREACH, EHOSTUNREACH, ECONNREFUSED, EACCES, EACCES, EACCES};
    if (type == ICMP6_UNREACHABLE)
        return errors[code & 7];
    if (type == ICMP6_TOO_BIG)
        return EMSGSIZE;
    return type == ICMP6_TIME_EXCEEDED ? EHOSTUNREACH : 0;
}

void icmp_report_error(struct net_stack *stack, const uint8_t *sent, uint32_t len, int err, uint32_t mtu)
{
    struct ip_info original;
    if (!wire_parse_ip(sent, len, 0xffffffff, &original) || (uint32_t)original.header_len + 8 > len)
        return;
    const struct protocol *protocol = stack->protocols[original.protocol];
    if (protocol && protocol->error && stack_is_local(stack, &original.from))
        protocol->error(stack, &original, sent + original.header_len, len - original.header_len, err, mtu);
}

/* An error about a packet that we sent: hand it to the transport that sent it. */
static void receive_error(struct net_stack *stack, struct packet *packet, const struct ip_info *info, int err)
{
    uint8_t bytes[128];
    uint32_t total = packet_total_len(packet), n = total < sizeof bytes ? total : sizeof bytes;
    if (n < ICMP_HEADER + IPV4_HEADER)
        return;
    packet_copy_out(packet, 0, bytes, n);
    if (bytes[ICMP_HEADER] >> 4 != (info->is_v4 ? 4 : 6))
        return;
    uint32_t mtu = 0;
    if (err == EMSGSIZE)
        mtu = info->is_v4 ? load_be16(bytes + 6) : load_be32(bytes + 4);
    icmp_report_error(stack, bytes + ICMP_HEADER, n - ICMP_HEADER, err, mtu);
}

void icmp_receive(struct net_stack *stack, struct net_interface *iface, struct packet *packet, struct ip_info *info)
{
    uint32_t total = packet_total_len(packet);
    packet = packet_make_contiguous(packet, total < ICMP_HEADER ? total : ICMP_HEADER);
    if (!packet)
        return;
    uint64_t pseudo = info->is_v4 ? 0 : checksum_pseudo(&info->from, &info->to, PROTOCOL_ICMP6, total);
    bool is_v6 = info->protocol == PROTOCOL_ICMP6;
    if (total < ICMP_HEADER || is_v6 == info->is_v4 || checksum_fold(packet_checksum_add(pseudo, packet, 0)))
        goto out;
    uint8_t type = packet->data[0], code = packet->data[1];
    if (stack->raw_receive)
        stack->raw_receive(stack, packet, info);
    if (type == (is_v6 ? ICMP6_ECHO : ICMP4_ECHO)) {
        if (!info->is_broadcast)
            answer_echo(stack, packet, info);
        goto out;
    }
    if (is_v6 && type >= ICMP6_ROUTER_SOLICIT && type <= ICMP6_NEIGHBOUR_ADVERT) {
        nd_receive(iface, packet, info);
        return;
    }
    if (is_v6 && type == ICMP6_LISTENER_QUERY)
        mld_receive(iface, packet, info);
    int err = is_v6 ? error_of_v6(type, code) : error_of_v4(type, code);
    if (err)
        receive_error(stack, packet, info, err);
out:
    packet_free(packet);
}

static const struct protocol icmp_protocol = {.receive = icmp_receive};

void icmp_register(struct net_stack *stack)
{
    stack_set_protocol(stack, PROTOCOL_ICMP, &icmp_protocol);
    stack_set_protocol(stack, PROTOCOL_ICMP6, &icmp_protocol);
}

/* packet: at its transport header, the IP header still in memory before it (as ip_receive leaves it). */
void icmp_send_unreachable(struct net_stack *stack, const struct packet *packet, const struct ip_info *info,
                           enum unreachable why)
{
    if (info->is_broadcast || ip_is_multicast(&info->to) || ip_is_any(&info->from))
        return;
    uint32_t quoted = packet_total_len(packet);
    unsigned header = info->is_v4 ? IPV4_HEADER : IPV6_HEADER;
    if (quoted > 512)
        quoted = 512;
    struct packet *error = packet_alloc(ICMP_HEADER + header + quoted, ALLOC_ATOMIC);
    if (!error)
        return;
    memset(error->data, 0, ICMP_HEADER);
    struct ip_info original = *info; /* rebuilt: options are not quoted */
    original.header_len = (uint16_t)header;
    wire_build_ip(error->data + ICMP_HEADER, &original);
    packet_copy_out(packet, 0, error->data + ICMP_HEADER + header, quoted);
    error->len = ICMP_HEADER + header + quoted;
    if (info->is_v4) {
        error->data[0] = ICMP4_UNREACHABLE;
        error->data[1] = why == UNREACHABLE_PORT ? 3 : 2;
    } else {
        error->data[0] = why == UNREACHABLE_PORT ? ICMP6_UNREACHABLE : 4;
        error->data[1] = why == UNREACHABLE_PORT ? 4 : 1;
    }
    struct ip_info out = {.from = info->to, .to = info->from, .protocol = info->is_v4 ? PROTOCOL_ICMP : PROTOCOL_ICMP6};
    send(stack, error, &out);
}
