/* Datagram sockets over UDP, and raw and ping sockets over ICMP; addresses and control messages translated. */
#include <base/string.h>
#include "private.h"

static struct udp_address to_udp(const struct inet_address *from)
{
    return (struct udp_address){from->address, from->port, from->scope};
}

static int datagram_bind(struct socket *socket, const struct socket_address *address, const void *caller)
{
    struct inet_address local;
    int err = inet_address_parse(socket, address, ADDRESS_TO_BIND, &local);
    struct udp_address to = to_udp(&local);
    return err ? err : udp_bind(socket->udp, &to);
}

static int datagram_connect(struct socket *socket, const struct socket_address *address, const void *caller,
                            uint64_t deadline_ns)
{
    struct inet_address peer;
    if (address->family == SOCKET_AF_UNSPEC)
        return udp_connect(socket->udp, NULL);
    int err = inet_address_parse(socket, address, ADDRESS_TO_REACH, &peer);
    if (err)
        return err;
    struct udp_address to = to_udp(&peer);
    err = udp_connect(socket->udp, &to);
    if (err != -ENETUNREACH)
        return err;
    err = socket_wait_for_route(socket, &peer.address);
    return err ? err : udp_connect(socket->udp, &to);
}

static int datagram_get_name(struct socket *socket, bool is_peer, struct socket_address *out)
{
    struct udp_address address;
    int err = 0;
    if (is_peer)
        err = udp_get_peer(socket->udp, &address);
    else
        udp_get_local(socket->udp, &address);
    if (err)
        return err;
    struct inet_address name = {address.address, address.port, address.scope};
    inet_address_build(socket, &name, out);
    return 0;
}

/* Before the program's bytes are taken: the route that the packet will need. */
static int find_way(struct socket *socket, const struct udp_send_options *options)
{
    struct ip_address any = ip_from_v4(0);
    struct route route;
    if (!options->to || !ip_is_v4(&options->to->address) || !load_relaxed(&socket->net->stack->wants_address))
        return 0;
    if (ip_is_multicast(&options->to->address) || ip_is_any(&options->to->address))
        return 0;
    if (route_find(socket->net->stack, &options->to->address, &any, options->iface_index, &route))
        return socket_wait_for_route(socket, &options->to->address);
    route_put(&route);
    return 0;
}

static ssize_t datagram_send(struct socket *socket, struct socket_message *message)
{
    struct control control;
    struct inet_address peer;
    struct udp_address to;
    struct udp_send_options options = {0};
    if (message->to && message->to->len && !(message->to->family == SOCKET_AF_UNSPEC && socket_is_v6(socket))) {
        int err = inet_address_parse(socket, message->to, ADDRESS_TO_REACH, &peer);
        if (err)
            return err;
        to = to_udp(&peer);
        options.to = &to;
    }
    int err = control_parse(socket, message, &control);
    if (err)
        return err;
    options.source = control.source;
    options.iface_index = control.iface_index;
    options.ttl = control.ttl;
    options.traffic_class = control.traffic_class;
    control_destroy(&control);
    err = find_way(socket, &options);
    return err ? err : udp_send(socket->udp, message->data, &options);
}

/* Level, type and data as Linux lays them out: struct in_pktinfo, in6_pktinfo, ints. */
static void put_control(struct socket *socket, struct socket_message *message, const struct udp_meta *meta)
{
    int ttl = meta->ttl, traffic_class = meta->traffic_class;
    bool is_v4 = ip_is_v4(&meta->to);
    if (!message->control_room)
        return;
    control_put_time(socket, message, meta->time_ns);
    if (is_v4 && load_relaxed(&socket->ip_options[IP_PKTINFO])) {
        uint8_t info[12];
        store_le32(info, meta->iface_index);
        memcpy(info + 4, meta->to.bytes + 12, 4);
        memcpy(info + 8, meta->to.bytes + 12, 4);
        control_put(message, LEVEL_IP, IP_PKTINFO, info, sizeof info);
    }
    if (is_v4 && load_relaxed(&socket->ip_options[IP_RECVTTL]))
        control_put(message, LEVEL_IP, IP_TTL, &ttl, sizeof ttl);
    if (is_v4 && load_relaxed(&socket->ip_options[IP_RECVTOS]))
        control_put(message, LEVEL_IP, IP_TOS, &meta->traffic_class, 1);
    if (!socket_is_v6(socket))
        return;
    if (load_relaxed(&socket->ipv6_options[IPV6_RECVPKTINFO])) {
        uint8_t info[20];
        memcpy(info, meta->to.bytes, 16);
        store_le32(info + 16, meta->iface_index);
        control_put(message, LEVEL_IPV6, IPV6_PKTINFO, info, sizeof info);
    }
    if (load_relaxed(&socket->ipv6_options[IPV6_RECVHOPLIMIT]))
        control_put(message, LEVEL_IPV6, IPV6_HOPLIMIT, &ttl, sizeof ttl);
    if (load_relaxed(&socket->ipv6_options[IPV6_RECVTCLASS]))
        control_put(message, LEVEL_IPV6, IPV6_TCLASS, &traffic_class, sizeof traffic_class);
}

static size_t copy_packet(struct io_vector *to, const struct packet *packet)
{
    size_t copied = 0;
    for (; packet && to->left; packet = packet->next) {
        size_t n = MIN((size_t)packet->len, to->left), done = io_copy_to(to, packet->data, n);
        copied += done;
        if (done < n)
            break;
    }
    return copied;
}

static ssize_t datagram_receive(struct socket *socket, struct socket_message *message)
{
    struct packet *packet;
    int err = udp_take(socket->udp, message->flags & MESSAGE_PEEK, &packet);
    if (err)
        return err == -EAGAIN && udp_poll(socket->udp) & POLL_RDHUP ? 0 : err;
    const struct udp_meta *meta = udp_meta_of(packet);
    size_t len = packet_total_len(packet), wanted = MIN(len, message->data->left);
    ssize_t done = (ssize_t)copy_packet(message->data, packet);
    if ((size_t)done < wanted) {
        done = -EFAULT;
        goto out;
    }
    if (wanted < len) {
        message->flags_out |= MESSAGE_TRUNCATED;
        if (message->flags & MESSAGE_TRUNCATED)
            done = (ssize_t)len;
    }
    if (message->from) {
        struct inet_address from = {meta->from, meta->from_port, meta->iface_index};
        inet_address_build(socket, &from, message->from);
    }
    put_control(socket, message, meta);
out:
    packet_free(packet);
    return done;
}

static int datagram_shutdown(struct socket *socket, unsigned how)
{
    return udp_shutdown(socket->udp, how);
}

static uint32_t datagram_poll(struct socket *socket)
{
    return udp_poll(socket->udp);
}

static struct wait_queue *datagram_queue(struct socket *socket)
{
    return udp_wait_queue(socket->udp);
}

static int datagram_take_error(struct socket *socket)
{
    return udp_take_error(socket->udp);
}

static bool find_setting(int name, enum udp_setting *out)
{
    static const struct {
        int name;
        enum udp_setting setting;
    } table[] = {
        {OPTION_REUSE_ADDRESS, UDP_SET_REUSE_ADDRESS},   {OPTION_REUSE_PORT, UDP_SET_REUSE_PORT},
        {OPTION_BROADCAST, UDP_SET_BROADCAST},           {OPTION_SEND_BUFFER, UDP_SET_SEND_BUFFER},
        {OPTION_RECEIVE_BUFFER, UDP_SET_RECEIVE_BUFFER}, {OPTION_BIND_TO_INDEX, UDP_SET_INTERFACE},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].name == name) {
            *out = table[i].setting;
            return true;
        }
    return false;
}

static int datagram_set(struct socket *socket, int name, int value)
{
    enum udp_setting setting;
    return find_setting(name, &setting) ? udp_set(socket->udp, setting, value) : -ENOPROTOOPT;
}

static int datagram_get(struct socket *socket, int name, int *value)
{
    enum udp_setting setting;
    if (!find_setting(name, &setting))
        return -ENOPROTOOPT;
    *value = udp_get(socket->udp, setting);
    return 0;
}

/* ICMP_FILTER of raw sockets (level SOL_RAW, option 1): a mask of types that are not wanted. */
static int datagram_set_option(struct socket *socket, int level, int name, const void *value, unsigned len)
{
    if (level == LEVEL_RAW && name == 1 && socket->type == SOCKET_RAW && len >= 4)
        return udp_set(socket->udp, UDP_SET_ICMP_FILTER, (int)load_le32(value));
    if (level == LEVEL_ICMPV6 && name == 1 && socket->type == SOCKET_RAW && socket_is_v6(socket))
        return len >= 32 ? 0 : -EINVAL; /* ICMP6_FILTER: only a saving, the program looks at types itself */
    return inet_set_option(socket, level, name, value, len);
}

static uint32_t datagram_readable_bytes(struct socket *socket)
{
    return udp_next_len(socket->udp);
}

static uint32_t datagram_unsent_bytes(struct socket *socket)
{
    return 0;
}

static void datagram_release(struct socket *socket)
{
    udp_close(socket->udp);
}

const struct socket_ops datagram_ops = {
    .bind = datagram_bind,
    .connect = datagram_connect,
    .get_name = datagram_get_name,
    .send = datagram_send,
    .receive = datagram_receive,
    .shutdown = datagram_shutdown,
    .poll = datagram_poll,
    .queue = datagram_queue,
    .take_error = datagram_take_error,
    .set = datagram_set,
    .get = datagram_get,
    .set_option = datagram_set_option,
    .get_option = inet_get_option,
    .readable_bytes = datagram_readable_bytes,
    .unsent_bytes = datagram_unsent_bytes,
    .release = datagram_release,
};

int datagram_create(struct socket *socket, bool is_privileged)
{
    int icmp = socket_is_v6(socket) ? PROTOCOL_ICMP6 : PROTOCOL_ICMP;
    enum udp_kind kind = UDP_KIND_UDP;
    socket->ops = &datagram_ops;
    if (socket->type == SOCKET_RAW) {
        if (!is_privileged)
            return -EPERM;
        kind = UDP_KIND_RAW;
    } else if (socket->protocol == icmp)
        kind = UDP_KIND_PING;
    if (kind == UDP_KIND_RAW && socket->protocol != icmp)
        return -EPROTONOSUPPORT;
    if (kind == UDP_KIND_UDP && socket->protocol && socket->protocol != PROTOCOL_UDP)
        return -EPROTONOSUPPORT;
    if (kind == UDP_KIND_UDP)
        socket->protocol = PROTOCOL_UDP;
    return udp_create(socket->net->stack, kind, socket_is_v6(socket), &socket->udp);
}
