/* Packets out: one io_vector, one packet. No lock is held while the packet goes down, so what loops back to our own
 * sockets (multicast, broadcast) is delivered on the spot. */
#include <arch/cpu.h>
#include <mm/alloc.h>
#include "private.h"

enum { PAYLOAD_MAX = 65535, DISCOVER_DO = 2, DISCOVER_PROBE = 3, DISCOVER_DONT = 0 };

struct plan {
    struct udp_address to;
    struct ip_info info;
    uint16_t from_port;
    bool is_multicast;
    unsigned iface_index;
};

static int choose_destination(struct udp_socket *socket, const struct udp_send_options *options, struct plan *plan)
{
    spin_lock(&socket->lock);
    bool has_peer = socket->is_connected;
    plan->to = options->to ? *options->to : socket->peer;
    plan->info.from = socket->local.address;
    spin_unlock(&socket->lock);
    if (!options->to && !has_peer)
        return -EDESTADDRREQ;
    if (socket->kind == UDP_KIND_UDP && !plan->to.port)
        return -EINVAL;
    if (ip_is_any(&plan->to.address))
        plan->to.address = ip_is_v4(&plan->to.address) ? ip_from_v4(0x7f000001)
                                                       : (struct ip_address){.halves = {0, __builtin_bswap64(1)}};
    bool is_v4 = ip_is_v4(&plan->to.address);
    if (!ip_is_any(&options->source))
        plan->info.from = options->source;
    if (ip_is_multicast(&plan->info.from) || ip_is_any(&plan->info.from))
        plan->info.from = is_v4 ? ip_from_v4(0) : (struct ip_address){.halves = {0, 0}};
    if (ip_is_v4(&plan->info.from) != is_v4)
        return -ENETUNREACH;
    if (is_v4 && socket->is_v6 && setting_of(socket, UDP_SET_V6_ONLY))
        return -ENETUNREACH;
    plan->info.to = plan->to.address;
    plan->is_multicast = ip_is_multicast(&plan->to.address);
    return 0;
}

static void choose_header(struct udp_socket *socket, const struct udp_send_options *options, struct plan *plan)
{
    bool is_v4 = ip_is_v4(&plan->to.address);
    int ttl = options->ttl, traffic_class = options->traffic_class;
    if (ttl < 0 && plan->is_multicast)
        ttl = setting_of(socket, is_v4 ? UDP_SET_MULTICAST_TTL : UDP_SET_MULTICAST_HOPS);
    else if (ttl < 0)
        ttl = setting_of(socket, is_v4 ? UDP_SET_TTL : UDP_SET_HOP_LIMIT);
    if (traffic_class < 0)
        traffic_class = setting_of(socket, is_v4 ? UDP_SET_TOS : UDP_SET_TRAFFIC_CLASS);
    plan->info.ttl = (uint8_t)(ttl < 0 ? 64 : ttl);
    plan->info.traffic_class = (uint8_t)(traffic_class < 0 ? 0 : traffic_class);
    plan->iface_index = options->iface_index ? options->iface_index : plan->to.scope;
    if (!plan->iface_index)
        plan->iface_index = (unsigned)setting_of(socket, UDP_SET_INTERFACE);
    if (!plan->iface_index && plan->is_multicast)
        plan->iface_index =
            (unsigned)setting_of(socket, is_v4 ? UDP_SET_MULTICAST_INTERFACE4 : UDP_SET_MULTICAST_INTERFACE6);
}

/* Program memory is copied before anything is looked up or locked. */
static int make_packet(struct io_vector *from, unsigned header_len, struct packet **out)
{
    size_t len = from->left;
    if (len > PAYLOAD_MAX - header_len)
        return -EMSGSIZE;
    struct packet *packet = packet_alloc((uint32_t)(header_len + len), ALLOC_WAIT);
    if (!packet)
        return -ENOBUFS;
    if (io_copy_from(from, packet->data + header_len, len) != len) {
        packet_free(packet);
        return -EFAULT;
    }
    packet->len = (uint32_t)(header_len + len);
    *out = packet;
    return 0;
}

/* Multicast and broadcast reach our own listeners on that interface too. */
static void loop_back(struct udp_socket *socket, const struct route *route, const struct packet *packet,
                      const struct plan *plan)
{
    bool is_v4 = ip_is_v4(&plan->info.to);
    if (route->is_local || socket->kind != UDP_KIND_UDP)
        return;
    if (plan->is_multicast && (!setting_of(socket, is_v4 ? UDP_SET_MULTICAST_LOOP4 : UDP_SET_MULTICAST_LOOP6) ||
                               !multicast_is_member(route->iface, &plan->info.to)))
        return;
    struct packet *copy = packet_alloc(packet->len, ALLOC_ATOMIC);
    if (!copy)
        return;
    memcpy(copy->data, packet->data, packet->len);
    copy->len = packet->len;
    struct ip_info info = plan->info;
    info.is_v4 = is_v4;
    info.is_broadcast = !plan->is_multicast;
    info.payload_len = (uint16_t)packet->len;
    struct udp_info udp = {plan->from_port, plan->to.port, (uint16_t)packet->len, 0};
    udp_deliver(socket->stack, route->iface, copy, &info, &udp);
}

static void set_fragmentation(struct udp_socket *socket, const struct route *route, uint32_t len, struct plan *plan)
{
    bool is_v4 = ip_is_v4(&plan->info.to);
    int discover = setting_of(socket, is_v4 ? UDP_SET_MTU_DISCOVER : UDP_SET_MTU_DISCOVER6);
    bool fits = len + (is_v4 ? IPV4_HEADER : IPV6_HEADER) <= route->mtu;
    plan->info.dont_fragment =
        discover == DISCOVER_DO || discover == DISCOVER_PROBE || (discover != DISCOVER_DONT && fits);
}

static int send_on_route(struct udp_socket *socket, struct route *route, struct packet *packet, struct plan *plan)
{
    if (route->is_broadcast && !setting_of(socket, UDP_SET_BROADCAST)) {
        packet_free(packet);
        return -EACCES;
    }
    plan->info.from = route->source;
    set_fragmentation(socket, route, packet->len, plan);
    if (socket->kind == UDP_KIND_UDP) {
        store_be16(packet->data, plan->from_port);
        store_be16(packet->data + 2, plan->to.port);
        store_be16(packet->data + 4, (uint16_t)packet->len);
        plan->info.protocol = PROTOCOL_UDP;
        transport_checksum_set(route->iface, packet, &plan->info, 6);
    } else {
        plan->info.protocol = socket->is_v6 ? PROTOCOL_ICMP6 : PROTOCOL_ICMP;
        int err = udp_raw_prepare(socket, packet, &plan->info);
        if (err) {
            packet_free(packet);
            return err;
        }
    }
    if (plan->is_multicast || route->is_broadcast)
        loop_back(socket, route, packet, plan);
    return ip_send(socket->stack, route, packet, &plan->info);
}

ssize_t udp_send(struct udp_socket *socket, struct io_vector *from, const struct udp_send_options *options)
{
    struct plan plan = {0};
    struct packet *packet;
    struct route route;
    size_t len = from->left;
    int err = udp_take_error(socket);
    if (err)
        return -err;
    if (load_relaxed(&socket->shutdown) & UDP_SHUTDOWN_WRITE)
        return -EPIPE;
    err = choose_destination(socket, options, &plan);
    if (err)
        return err;
    choose_header(socket, options, &plan);
    err = udp_bind_ephemeral(socket);
    if (err)
        return err;
    plan.from_port = load_relaxed(&socket->local.port);
    err = make_packet(from, socket->kind == UDP_KIND_UDP ? UDP_HEADER : 0, &packet);
    if (err)
        return err;
    err = route_find(socket->stack, &plan.info.to, &plan.info.from, plan.iface_index, &route);
    if (err) {
        packet_free(packet);
        return err;
    }
    err = send_on_route(socket, &route, packet, &plan);
    route_put(&route);
    if (err == -ENOBUFS && !setting_of(socket, UDP_SET_RECEIVE_ERRORS)) /* lost on the way out, as on the wire */
        err = 0;
    if (!err)
        add_relaxed(&table_of(socket->stack)->counters.sent, 1u);
    return err ? err : (ssize_t)len;
}
