/*
 * SOL_IP and SOL_IPV6, for TCP and UDP sockets alike. A table says of each number what values it takes and which
 * setting of the transport it is; the rest is kept and given back. Groups and interfaces have layouts of their own,
 * below.
 */
#include <base/string.h>
#include "private.h"

enum {
    IP_OPTIONS = 4,
    IP_MULTICAST_IF = 32,
    IP_ADD_MEMBERSHIP = 35,
    IP_DROP_MEMBERSHIP = 36,
    IP_MTU = 14,
    MCAST_JOIN_GROUP = 42,
    MCAST_LEAVE_GROUP = 45,
    IPV6_MULTICAST_IF = 17,
    IPV6_JOIN_GROUP = 20,
    IPV6_LEAVE_GROUP = 21,
    IPV6_MTU = 24,
    IPV6_V6ONLY = 26,
    NONE = -1,
};

struct inet_option {
    int name;
    int min, max; /* of the value; max 1 with is_flag */
    bool is_flag;
    int udp, tcp; /* enum udp_setting, tcp_setting; NONE */
};
static const struct inet_option ip_table[] = {
    {IP_TOS, 0, 255, false, UDP_SET_TOS, TCP_SET_TRAFFIC_CLASS},
    {IP_TTL, -1, 255, false, UDP_SET_TTL, TCP_SET_TTL},
    {5 /* ROUTER_ALERT */, 0, 1, true, NONE, NONE},
    {6 /* RECVOPTS */, 0, 1, true, NONE, NONE},
    {7 /* RETOPTS */, 0, 1, true, NONE, NONE},
    {IP_PKTINFO, 0, 1, true, NONE, NONE},
    {IP_MTU_DISCOVER, 0, 5, false, UDP_SET_MTU_DISCOVER, NONE},
    {IP_RECVERR, 0, 1, true, UDP_SET_RECEIVE_ERRORS, NONE},
    {IP_RECVTTL, 0, 1, true, NONE, NONE},
    {IP_RECVTOS, 0, 1, true, NONE, NONE},
    {15 /* FREEBIND */, 0, 1, true, NONE, NONE},
    {18 /* PASSSEC */, 0, 1, true, NONE, NONE},
    {20 /* RECVORIGDSTADDR */, 0, 1, true, NONE, NONE},
    {21 /* MINTTL */, 0, 255, false, NONE, NONE},
    {23 /* CHECKSUM */, 0, 1, true, NONE, NONE},
    {24 /* BIND_ADDRESS_NO_PORT */, 0, 1, true, NONE, NONE},
    {25 /* RECVFRAGSIZE */, 0, 1, true, NONE, NONE},
    {26 /* RECVERR_RFC4884 */, 0, 1, true, NONE, NONE},
    {33 /* MULTICAST_TTL */, -1, 255, false, UDP_SET_MULTICAST_TTL, NONE},
    {34 /* MULTICAST_LOOP */, 0, 1, true, UDP_SET_MULTICAST_LOOP4, NONE},
    {49 /* MULTICAST_ALL */, 0, 1, true, UDP_SET_MULTICAST_ALL4, NONE},
};
static const struct inet_option ipv6_table[] = {
    {2 /* 2292PKTINFO */, 0, 1, true, NONE, NONE},
    {16 /* UNICAST_HOPS */, -1, 255, false, UDP_SET_HOP_LIMIT, TCP_SET_TTL},
    {18 /* MULTICAST_HOPS */, -1, 255, false, UDP_SET_MULTICAST_HOPS, NONE},
    {19 /* MULTICAST_LOOP */, 0, 1, true, UDP_SET_MULTICAST_LOOP6, NONE},
    {22 /* ROUTER_ALERT */, -1, 255, false, NONE, NONE},
    {23 /* MTU_DISCOVER */, 0, 5, false, UDP_SET_MTU_DISCOVER6, NONE},
    {25 /* RECVERR */, 0, 1, true, UDP_SET_RECEIVE_ERRORS, NONE},
    {IPV6_V6ONLY, 0, 1, true, UDP_SET_V6_ONLY, TCP_SET_V6_ONLY},
    {29 /* MULTICAST_ALL */, 0, 1, true, UDP_SET_MULTICAST_ALL6, NONE},
    {33 /* FLOWINFO_SEND */, 0, 1, true, NONE, NONE},
    {IPV6_RECVPKTINFO, 0, 1, true, NONE, NONE},
    {IPV6_RECVHOPLIMIT, 0, 1, true, NONE, NONE},
    {53 /* RECVHOPOPTS */, 0, 1, true, NONE, NONE},
    {56 /* RECVRTHDR */, 0, 1, true, NONE, NONE},
    {58 /* RECVDSTOPTS */, 0, 1, true, NONE, NONE},
    {60 /* RECVPATHMTU */, 0, 1, true, NONE, NONE},
    {62 /* DONTFRAG */, 0, 1, true, NONE, NONE},
    {IPV6_RECVTCLASS, 0, 1, true, NONE, NONE},
    {IPV6_TCLASS, -1, 255, false, UDP_SET_TRAFFIC_CLASS, TCP_SET_TRAFFIC_CLASS},
    {70 /* AUTOFLOWLABEL */, 0, 1, true, NONE, NONE},
    {72 /* ADDR_PREFERENCES */, 0, 0x7fff, false, NONE, NONE},
    {73 /* MINHOPCOUNT */, 0, 255, false, NONE, NONE},
    {78 /* FREEBIND */, 0, 1, true, NONE, NONE},
};

static const struct inet_option *find(int level, int name)
{
    const struct inet_option *table = level == LEVEL_IP ? ip_table : ipv6_table;
    unsigned count = level == LEVEL_IP ? ARRAY_SIZE(ip_table) : ARRAY_SIZE(ipv6_table);
    for (unsigned i = 0; i < count; i++)
        if (table[i].name == name)
            return &table[i];
    return NULL;
}

static int *storage_of(struct socket *socket, int level, int name)
{
    return level == LEVEL_IP ? &socket->ip_options[name] : &socket->ipv6_options[name];
}

static bool is_stream(const struct socket *socket)
{
    return socket->type == SOCKET_STREAM;
}

/* IP-level options take a byte or an int, as Linux does. */
static int load_value(int level, const void *value, unsigned len, int *out)
{
    if (len >= 4)
        *out = (int)load_le32(value);
    else if (len >= 1 && level == LEVEL_IP)
        *out = *(const uint8_t *)value;
    else
        return -EINVAL;
    return 0;
}

static int set_number(struct socket *socket, int level, int name, const void *value, unsigned len)
{
    const struct inet_option *option = find(level, name);
    int number;
    if (!option)
        return -ENOPROTOOPT;
    int err = load_value(level, value, len, &number);
    if (err)
        return err;
    if (option->is_flag)
        number = number != 0;
    if (name == IP_TOS && level == LEVEL_IP)
        number &= 255;
    if (number < option->min || number > option->max || (level == LEVEL_IP && name == IP_TTL && !number))
        return -EINVAL;
    int setting = is_stream(socket) ? option->tcp : option->udp;
    if (setting != NONE)
        err = is_stream(socket) ? tcp_set(socket->tcp, (enum tcp_setting)setting, number)
                                : udp_set(socket->udp, (enum udp_setting)setting, number);
    if (!err)
        store_relaxed(storage_of(socket, level, name), number);
    return err;
}

static int index_of_address(struct socket *socket, uint32_t address, unsigned *out)
{
    *out = 0;
    if (!address)
        return 0;
    struct ip_address wanted = ip_from_v4(address);
    for (unsigned i = 1; i <= INTERFACE_MAX; i++) {
        struct net_interface *iface = interface_by_index(socket->net->stack, i);
        for (unsigned k = 0; iface && k < INTERFACE_ADDRESSES; k++)
            if (load_acquire(&iface->addresses[k].is_valid) && ip_equal(&iface->addresses[k].address, &wanted)) {
                *out = i;
                return 0;
            }
    }
    return -ENODEV;
}

/* struct ip_mreq {group, address} or ip_mreqn {group, address, index}. */
static int change_group4(struct socket *socket, bool joins, const uint8_t *value, unsigned len)
{
    unsigned index = 0;
    if (len < 8)
        return -EINVAL;
    struct ip_address group = ip_from_v4(load_be32(value));
    if (len >= 12)
        index = load_le32(value + 8);
    if (!index) {
        int err = index_of_address(socket, load_be32(value + 4), &index);
        if (err)
            return err;
    }
    return joins ? udp_join(socket->udp, &group, index) : udp_leave(socket->udp, &group, index);
}

/* struct ipv6_mreq {group, index}. */
static int change_group6(struct socket *socket, bool joins, const uint8_t *value, unsigned len)
{
    struct ip_address group;
    if (len < 20)
        return -EINVAL;
    memcpy(group.bytes, value, 16);
    unsigned index = load_le32(value + 16);
    return joins ? udp_join(socket->udp, &group, index) : udp_leave(socket->udp, &group, index);
}

/* struct group_req {u32 index; padding; struct sockaddr_storage group}. */
static int change_group(struct socket *socket, bool joins, const uint8_t *value, unsigned len)
{
    struct ip_address group;
    if (len < 8 + 16)
        return -EINVAL;
    unsigned index = load_le32(value);
    const uint8_t *address = value + 8;
    if (load_le16(address) == SOCKET_AF_INET)
        group = ip_from_v4(load_be32(address + 4));
    else if (load_le16(address) == SOCKET_AF_INET6 && len >= 8 + 24)
        memcpy(group.bytes, address + 8, 16);
    else
        return -EADDRNOTAVAIL;
    return joins ? udp_join(socket->udp, &group, index) : udp_leave(socket->udp, &group, index);
}

static int set_multicast_interface(struct socket *socket, int level, const uint8_t *value, unsigned len)
{
    unsigned index = 0;
    int err = 0;
    if (len < 4)
        return -EINVAL;
    if (level == LEVEL_IPV6)
        index = load_le32(value);
    else if (len >= 12 && load_le32(value + 8))
        index = load_le32(value + 8);
    else
        err = index_of_address(socket, load_be32(value + (len >= 8 ? 4 : 0)), &index);
    if (err || (index && !interface_by_index(socket->net->stack, index)))
        return err ? -EADDRNOTAVAIL : -ENODEV;
    enum udp_setting setting = level == LEVEL_IP ? UDP_SET_MULTICAST_INTERFACE4 : UDP_SET_MULTICAST_INTERFACE6;
    return udp_set(socket->udp, setting, (int)index);
}

int inet_set_option(struct socket *socket, int level, int name, const void *value, unsigned len)
{
    if (level != LEVEL_IP && level != LEVEL_IPV6)
        return -ENOPROTOOPT;
    if (level == LEVEL_IPV6 && !socket_is_v6(socket))
        return -ENOPROTOOPT;
    bool is_group = level == LEVEL_IP
                        ? name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP || name == IP_MULTICAST_IF
                        : name == IPV6_JOIN_GROUP || name == IPV6_LEAVE_GROUP || name == IPV6_MULTICAST_IF;
    is_group |= name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP;
    if (level == LEVEL_IP && name == IP_OPTIONS)
        return len ? -EOPNOTSUPP : 0;
    if (!is_group)
        return set_number(socket, level, name, value, len);
    if (is_stream(socket))
        return -EPROTO;
    if (name == MCAST_JOIN_GROUP || name == MCAST_LEAVE_GROUP)
        return change_group(socket, name == MCAST_JOIN_GROUP, value, len);
    if (name == IP_MULTICAST_IF || name == IPV6_MULTICAST_IF)
        return set_multicast_interface(socket, level, value, len);
    return level == LEVEL_IP ? change_group4(socket, name == IP_ADD_MEMBERSHIP, value, len)
                             : change_group6(socket, name == IPV6_JOIN_GROUP, value, len);
}

static int get_mtu(struct socket *socket, int *out)
{
    struct ip_address to, from;
    struct tcp_address tcp_peer;
    struct udp_address udp_peer;
    struct route route;
    int err = is_stream(socket) ? tcp_get_peer(socket->tcp, &tcp_peer) : udp_get_peer(socket->udp, &udp_peer);
    if (err)
        return err;
    to = is_stream(socket) ? tcp_peer.address : udp_peer.address;
    from = ip_from_v4(0);
    err = route_find(socket->net->stack, &to, &from, 0, &route);
    if (err)
        return -ENOTCONN;
    *out = (int)route.mtu;
    route_put(&route);
    return 0;
}

static int default_of(struct socket *socket, int level, int name)
{
    if (level == LEVEL_IP && name == IP_TTL)
        return 64;
    if (level == LEVEL_IPV6 && name == 16)
        return 64;
    return name == IPV6_TCLASS && level == LEVEL_IPV6 ? 0 : load_relaxed(storage_of(socket, level, name));
}

static int get_number(struct socket *socket, int level, int name, int *out)
{
    const struct inet_option *option = find(level, name);
    if (name == (level == LEVEL_IP ? IP_MTU : IPV6_MTU))
        return get_mtu(socket, out);
    if (name == (level == LEVEL_IP ? IP_MULTICAST_IF : IPV6_MULTICAST_IF) && !is_stream(socket)) {
        *out = udp_get(socket->udp, level == LEVEL_IP ? UDP_SET_MULTICAST_INTERFACE4 : UDP_SET_MULTICAST_INTERFACE6);
        return 0;
    }
    if (!option)
        return -ENOPROTOOPT;
    int setting = is_stream(socket) ? option->tcp : option->udp;
    *out = load_relaxed(storage_of(socket, level, name));
    if (setting != NONE)
        *out = is_stream(socket) ? tcp_get(socket->tcp, (enum tcp_setting)setting)
                                 : udp_get(socket->udp, (enum udp_setting)setting);
    if (*out < 0 || (!*out && name == IP_TTL && level == LEVEL_IP))
        *out = default_of(socket, level, name);
    return 0;
}

/* IP_MULTICAST_IF reads back as an address. */
static uint32_t address_of_index(struct socket *socket, unsigned index)
{
    struct interface_address address;
    struct net_interface *iface = interface_by_index(socket->net->stack, index);
    return iface && interface_address(iface, true, &address) ? address.address.words[3] : 0;
}

int inet_get_option(struct socket *socket, int level, int name, void *value, unsigned *len)
{
    int number;
    if ((level != LEVEL_IP && level != LEVEL_IPV6) || (level == LEVEL_IPV6 && !socket_is_v6(socket)))
        return -ENOPROTOOPT;
    if (level == LEVEL_IP && name == IP_OPTIONS) {
        *len = 0;
        return 0;
    }
    int err = get_number(socket, level, name, &number);
    if (err)
        return err;
    if (level == LEVEL_IP && name == IP_MULTICAST_IF)
        number = (int)address_of_index(socket, (unsigned)number);
    /* Less room than an int: a byte, when the value fits one (Linux). */
    if (level == LEVEL_IP && *len < 4 && *len > 0 && number >= 0 && number <= 255) {
        *(uint8_t *)value = (uint8_t)number;
        *len = 1;
        return 0;
    }
    *len = MIN(*len, (unsigned)sizeof number);
    memcpy(value, &number, *len);
    return 0;
}
