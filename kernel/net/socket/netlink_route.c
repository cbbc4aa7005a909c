/* What NETLINK_ROUTE answers: links, addresses, routes, neighbours (layouts of linux/rtnetlink.h and if_link.h). */
#include <base/string.h>
#include "netlink.h"

enum {
    RTM_NEWLINK = 16,
    RTM_GETLINK = 18,
    RTM_NEWADDR = 20,
    RTM_GETADDR = 22,
    RTM_NEWROUTE = 24,
    RTM_GETROUTE = 26,
    RTM_NEWNEIGH = 28,
    RTM_GETNEIGH = 30,
    RTM_NEWRULE = 32,
    RTM_GETRULE = 34,
    RTM_GETQDISC = 38,
    LINK_LEN = 16,
    ADDRESS_LEN = 8,
    ROUTE_LEN = 12,
    NEIGHBOUR_LEN = 12,
    ARPHRD_ETHERNET = 1,
    ARPHRD_LOOPBACK = 772,
    IFLA_ADDRESS = 1,
    IFLA_BROADCAST = 2,
    IFLA_IFNAME = 3,
    IFLA_MTU = 4,
    IFLA_QDISC = 6,
    IFLA_STATS = 7,
    IFLA_TXQLEN = 13,
    IFLA_OPERSTATE = 16,
    IFLA_LINKMODE = 17,
    IFLA_STATS64 = 23,
    IFLA_GROUP = 27,
    IFLA_CARRIER = 33,
    IFA_ADDRESS = 1,
    IFA_LOCAL = 2,
    IFA_LABEL = 3,
    IFA_BROADCAST = 4,
    IFA_CACHEINFO = 6,
    IFA_FLAGS = 8,
    IFA_F_PERMANENT = 0x80,
    SCOPE_UNIVERSE = 0,
    SCOPE_LINK = 253,
    SCOPE_HOST = 254,
    RTA_DST = 1,
    RTA_OIF = 4,
    RTA_GATEWAY = 5,
    RTA_PRIORITY = 6,
    RTA_PREFSRC = 7,
    RTA_TABLE = 15,
    TABLE_MAIN = 254,
    PROTOCOL_KERNEL = 2,
    PROTOCOL_BOOT = 3,
    ROUTE_UNICAST = 1,
    ROUTE_LOCAL = 2,
    NDA_DST = 1,
    NDA_LLADDR = 2,
    NUD_INCOMPLETE = 1,
    NUD_REACHABLE = 2,
    NUD_FAILED = 0x20,
    OPERSTATE_UNKNOWN = 0,
    OPERSTATE_DOWN = 2,
    OPERSTATE_UP = 6,
};

static uint8_t family_of(const struct ip_address *address)
{
    return ip_is_v4(address) ? SOCKET_AF_INET : SOCKET_AF_INET6;
}

static bool wants_family(uint8_t wanted, const struct ip_address *address)
{
    return wanted == SOCKET_AF_UNSPEC || wanted == family_of(address);
}

static void put_address(struct netlink_answer *answer, uint16_t type, const struct ip_address *address)
{
    bool is_v4 = ip_is_v4(address);
    netlink_attribute(answer, type, is_v4 ? address->bytes + 12 : address->bytes, is_v4 ? 4 : 16);
}

static uint8_t prefix_of(const struct ip_address *address, unsigned prefix)
{
    return (uint8_t)(ip_is_v4(address) ? prefix - 96 : prefix);
}

/* struct rtnl_link_stats64 and its 32-bit form: packets, bytes, errors, dropped, each received then sent. */
static void put_statistics(struct netlink_answer *answer, const struct net_interface *iface)
{
    uint64_t wide[24] = {iface->loopback_packets, iface->loopback_packets, iface->loopback_bytes,
                         iface->loopback_bytes};
    uint32_t narrow[24];
    if (iface->device) {
        const struct netdev *device = iface->device;
        uint64_t counted[8] = {device->received.packets, device->sent.packets,    device->received.bytes,
                               device->sent.bytes,       device->received.errors, device->sent.errors,
                               device->received.dropped, device->sent.dropped};
        memcpy(wide, counted, sizeof counted);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(narrow); i++)
        narrow[i] = (uint32_t)wide[i];
    netlink_attribute(answer, IFLA_STATS64, wide, sizeof wide);
    netlink_attribute(answer, IFLA_STATS, narrow, sizeof narrow);
}

static void put_link(struct netlink_answer *answer, const struct net_interface *iface)
{
    static const uint8_t nobody[6], everyone[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint8_t *body = netlink_begin(answer, RTM_NEWLINK, LINK_LEN);
    if (!body)
        return;
    bool is_up = !iface->device || iface->device->is_up;
    uint8_t state = !iface->device ? OPERSTATE_UNKNOWN : is_up ? OPERSTATE_UP : OPERSTATE_DOWN;
    uint8_t carrier = is_up, mode = 0;
    const char *discipline = iface->device ? "mq" : "noqueue";
    store_le16(body + 2, iface->device ? ARPHRD_ETHERNET : ARPHRD_LOOPBACK);
    store_le32(body + 4, iface->index);
    store_le32(body + 8, interface_flags(iface));
    netlink_attribute(answer, IFLA_IFNAME, iface->name, (uint32_t)strlen(iface->name) + 1);
    netlink_attribute32(answer, IFLA_TXQLEN, 1000);
    netlink_attribute(answer, IFLA_OPERSTATE, &state, 1);
    netlink_attribute(answer, IFLA_LINKMODE, &mode, 1);
    netlink_attribute32(answer, IFLA_MTU, iface->device ? load_relaxed(&iface->mtu) : 65536);
    netlink_attribute32(answer, IFLA_GROUP, 0);
    netlink_attribute(answer, IFLA_CARRIER, &carrier, 1);
    netlink_attribute(answer, IFLA_QDISC, discipline, (uint32_t)strlen(discipline) + 1);
    netlink_attribute(answer, IFLA_ADDRESS, iface->mac, sizeof iface->mac);
    netlink_attribute(answer, IFLA_BROADCAST, iface->device ? everyone : nobody, sizeof everyone);
    put_statistics(answer, iface);
    netlink_end(answer);
}

/* A question for one link names it by index, or by name in an attribute. */
static struct net_interface *asked_link(struct netlink_answer *answer, const uint8_t *body, uint32_t len)
{
    char name[16] = {0};
    if (load_le32(body + 4))
        return interface_by_index(answer->net->stack, load_le32(body + 4));
    for (uint32_t at = LINK_LEN; len >= at + 4;) {
        uint16_t size = load_le16(body + at), type = load_le16(body + at + 2);
        if (size < 4 || size > len - at)
            break;
        if (type == IFLA_IFNAME) {
            memcpy(name, body + at + 4, MIN((size_t)size - 4, sizeof name - 1));
            return interface_by_name(answer->net->stack, name);
        }
        at += align_up((uint32_t)size, 4u);
    }
    return NULL;
}

static int get_links(struct netlink_answer *answer, bool is_dump, const uint8_t *body, uint32_t len)
{
    if (!is_dump) {
        struct net_interface *iface = len >= LINK_LEN ? asked_link(answer, body, len) : NULL;
        if (!iface)
            return len >= LINK_LEN ? -ENODEV : -EINVAL;
        put_link(answer, iface);
        return answer->error;
    }
    for (unsigned i = 1; i <= INTERFACE_MAX; i++) {
        struct net_interface *iface = interface_by_index(answer->net->stack, i);
        if (iface)
            put_link(answer, iface);
    }
    return answer->error;
}

static uint8_t scope_of(const struct ip_address *address)
{
    return ip_is_loopback(address)                           ? SCOPE_HOST
           : ip_is_link_local(address) && !ip_is_v4(address) ? SCOPE_LINK
                                                             : SCOPE_UNIVERSE;
}

static void put_interface_address(struct netlink_answer *answer, const struct net_interface *iface,
                                  const struct interface_address *own)
{
    static const uint32_t times[4] = {0xffffffff, 0xffffffff, 0, 0}; /* preferred, valid, created, updated */
    uint8_t *body = netlink_begin(answer, RTM_NEWADDR, ADDRESS_LEN);
    if (!body)
        return;
    body[0] = family_of(&own->address);
    body[1] = prefix_of(&own->address, own->prefix);
    body[2] = IFA_F_PERMANENT;
    body[3] = scope_of(&own->address);
    store_le32(body + 4, iface->index);
    put_address(answer, IFA_ADDRESS, &own->address);
    if (ip_is_v4(&own->address)) {
        put_address(answer, IFA_LOCAL, &own->address);
        struct ip_address broadcast = interface_broadcast(own);
        if (iface->device)
            put_address(answer, IFA_BROADCAST, &broadcast);
        netlink_attribute(answer, IFA_LABEL, iface->name, (uint32_t)strlen(iface->name) + 1);
    }
    netlink_attribute32(answer, IFA_FLAGS, IFA_F_PERMANENT);
    netlink_attribute(answer, IFA_CACHEINFO, times, sizeof times);
    netlink_end(answer);
}

static int get_addresses(struct netlink_answer *answer, const uint8_t *body, uint32_t len)
{
    uint8_t family = len ? body[0] : 0;
    uint32_t index = len >= ADDRESS_LEN ? load_le32(body + 4) : 0;
    for (unsigned i = 1; i <= INTERFACE_MAX; i++) {
        struct net_interface *iface = interface_by_index(answer->net->stack, i);
        if (!iface || (index && index != i))
            continue;
        for (unsigned k = 0; k < INTERFACE_ADDRESSES; k++) {
            struct interface_address own = iface->addresses[k];
            if (load_acquire(&iface->addresses[k].is_valid) && wants_family(family, &own.address))
                put_interface_address(answer, iface, &own);
        }
    }
    return answer->error;
}

static void put_route(struct netlink_answer *answer, const struct route_entry *entry)
{
    uint8_t *body = netlink_begin(answer, RTM_NEWROUTE, ROUTE_LEN);
    if (!body)
        return;
    bool has_gateway = !ip_is_any(&entry->gateway);
    struct interface_address own;
    body[0] = family_of(&entry->network);
    body[1] = prefix_of(&entry->network, entry->prefix);
    body[4] = TABLE_MAIN;
    body[5] = has_gateway ? PROTOCOL_BOOT : PROTOCOL_KERNEL;
    body[6] = has_gateway ? SCOPE_UNIVERSE : SCOPE_LINK;
    body[7] = ROUTE_UNICAST;
    netlink_attribute32(answer, RTA_TABLE, TABLE_MAIN);
    if (body[1]) {
        struct ip_address network = entry->network;
        for (unsigned bit = entry->prefix; bit < 128; bit++)
            network.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
        put_address(answer, RTA_DST, &network);
    }
    if (has_gateway)
        put_address(answer, RTA_GATEWAY, &entry->gateway);
    netlink_attribute32(answer, RTA_OIF, entry->iface->index);
    if (entry->metric)
        netlink_attribute32(answer, RTA_PRIORITY, entry->metric);
    if (ip_is_v4(&entry->network) && interface_address(entry->iface, true, &own))
        put_address(answer, RTA_PREFSRC, &own.address);
    netlink_end(answer);
}

/* `ip route get`: the route to one address. */
static int get_one_route(struct netlink_answer *answer, const uint8_t *body, uint32_t len)
{
    struct ip_address to = {.halves = {0, 0}}, any = ip_from_v4(0);
    bool is_found = false;
    for (uint32_t at = ROUTE_LEN; len >= at + 4 && !is_found;) {
        uint16_t size = load_le16(body + at);
        if (size < 4 || size > len - at)
            break;
        if (load_le16(body + at + 2) == RTA_DST && (size == 8 || size == 20)) {
            to = ip_from_v4(load_be32(body + at + 4));
            if (size == 20)
                memcpy(to.bytes, body + at + 4, 16);
            is_found = true;
        }
        at += align_up((uint32_t)size, 4u);
    }
    if (!is_found)
        return -EOPNOTSUPP;
    struct route route;
    int err = route_find(answer->net->stack, &to, &any, 0, &route);
    if (err)
        return err;
    uint8_t *reply = netlink_begin(answer, RTM_NEWROUTE, ROUTE_LEN);
    if (reply) {
        reply[0] = family_of(&to);
        reply[1] = ip_is_v4(&to) ? 32 : 128;
        reply[4] = TABLE_MAIN;
        reply[7] = route.is_local ? ROUTE_LOCAL : ROUTE_UNICAST;
        put_address(answer, RTA_DST, &to);
        netlink_attribute32(answer, RTA_OIF, route.iface->index);
        put_address(answer, RTA_PREFSRC, &route.source);
        if (route.neighbour && !ip_equal(&route.neighbour->address, &to))
            put_address(answer, RTA_GATEWAY, &route.neighbour->address);
        netlink_end(answer);
    }
    route_put(&route);
    return answer->error;
}

static int get_routes(struct netlink_answer *answer, bool is_dump, const uint8_t *body, uint32_t len)
{
    if (!is_dump)
        return get_one_route(answer, body, len);
    const struct route_table *table = load_acquire(&answer->net->stack->routes);
    uint8_t family = len ? body[0] : 0;
    for (unsigned i = 0; table && i < table->count; i++)
        if (wants_family(family, &table->entries[i].network) && table->entries[i].iface->device)
            put_route(answer, &table->entries[i]);
    return answer->error;
}

struct neighbour_copy {
    struct ip_address address;
    uint32_t index, state;
    uint8_t mac[6];
};

static void put_neighbour(struct netlink_answer *answer, const struct neighbour_copy *entry)
{
    uint8_t *body = netlink_begin(answer, RTM_NEWNEIGH, NEIGHBOUR_LEN);
    if (!body)
        return;
    body[0] = family_of(&entry->address);
    store_le32(body + 4, entry->index);
    store_le16(body + 8, entry->state == NEIGHBOUR_REACHABLE ? NUD_REACHABLE
                         : entry->state == NEIGHBOUR_FAILED  ? NUD_FAILED
                                                             : NUD_INCOMPLETE);
    body[11] = ROUTE_UNICAST;
    put_address(answer, NDA_DST, &entry->address);
    if (entry->state == NEIGHBOUR_REACHABLE)
        netlink_attribute(answer, NDA_LLADDR, entry->mac, sizeof entry->mac);
    netlink_end(answer);
}

/* Copied out a bucket at a time: messages are allocated, which must not happen under its lock. */
static int get_neighbours(struct netlink_answer *answer, const uint8_t *body, uint32_t len)
{
    enum { COPIES = 32 };
    struct neighbour_copy copies[COPIES];
    uint8_t family = len ? body[0] : 0;
    for (unsigned i = 0; i < NEIGHBOUR_BUCKETS; i++) {
        struct neighbour_bucket *bucket = &answer->net->stack->neighbours[i];
        struct neighbour *entry;
        unsigned count = 0;
        spin_lock(&bucket->lock);
        list_for_each(entry, &bucket->entries, link)
        {
            if (count == COPIES || !wants_family(family, &entry->address))
                continue;
            copies[count] =
                (struct neighbour_copy){entry->address, entry->iface->index, load_acquire(&entry->state), {0}};
            memcpy(copies[count++].mac, entry->mac, sizeof entry->mac);
        }
        spin_unlock(&bucket->lock);
        for (unsigned k = 0; k < count; k++)
            put_neighbour(answer, &copies[k]);
    }
    return answer->error;
}

int netlink_route_request(struct netlink_answer *answer, uint16_t type, uint16_t flags, const uint8_t *body,
                          uint32_t len)
{
    bool is_dump = (flags & NLM_DUMP) != 0;
    switch (type) {
    case RTM_GETLINK:
        return get_links(answer, is_dump, body, len);
    case RTM_GETADDR:
        return is_dump ? get_addresses(answer, body, len) : -EOPNOTSUPP;
    case RTM_GETROUTE:
        return get_routes(answer, is_dump, body, len);
    case RTM_GETNEIGH:
        return is_dump ? get_neighbours(answer, body, len) : -EOPNOTSUPP;
    case RTM_GETRULE:
    case RTM_GETQDISC:
        return is_dump ? 0 : -EOPNOTSUPP; /* there are none */
    default:
        return -EOPNOTSUPP;
    }
}
