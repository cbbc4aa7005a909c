/*
 * IPv6 neighbour discovery (RFC 4861) and address autoconfiguration (RFC 4862) of a host: solicitations and adverts,
 * router adverts with prefixes, MTU and resolvers (RFC 8106). Addresses are used at once while their duplicate
 * detection runs (RFC 4429): a defended address is dropped again. All that arrives here must have hop limit 255, so it
 * comes from the link. Lifetimes run on iface->router_timer, which also sends the router solicitations.
 */
#include <arch/cpu.h>
#include <base/log.h>
#include <device/entropy.h>
#include <iface/iface.h>
#include <mm/alloc.h>

enum {
    ND_ROUTER_SOLICIT = 133,
    ND_ROUTER_ADVERT = 134,
    ND_SOLICIT = 135,
    ND_ADVERT = 136,
    OPTION_SOURCE_MAC = 1,
    OPTION_TARGET_MAC = 2,
    OPTION_PREFIX = 3,
    OPTION_MTU = 5,
    OPTION_RESOLVER = 25,
    SOLICITATIONS = 3,
    ND_LEN_MAX = 2048,
    SLAAC_MAX = 4,
    IPV6_MTU_MIN = 1280,
    NA_SOLICITED = 0x40,
    NA_OVERRIDE = 0x20,
    PREFIX_ON_LINK = 0x80,
    PREFIX_AUTONOMOUS = 0x40,
};
#define SOLICIT_DELAY_NS    (5 * NS_PER_MS)
#define SOLICIT_INTERVAL_NS (4 * NS_PER_SECOND)
#define TWO_HOURS_S         7200u
#define LIFETIME_FOREVER    0xffffffffu

static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
static const uint8_t all_routers_mac[6] = {0x33, 0x33, 0, 0, 0, 2};
static const struct ip_address unspecified;

static struct ip_address link_scope_group(uint8_t last)
{
    struct ip_address group = {.bytes = {0xff, 0x02}};
    group.bytes[15] = last;
    return group;
}

static struct ip_address solicited_node(const struct ip_address *target)
{
    struct ip_address group = link_scope_group(0);
    group.bytes[11] = 1;
    group.bytes[12] = 0xff;
    memcpy(group.bytes + 13, target->bytes + 13, 3);
    return group;
}

static void send(struct net_interface *iface, const struct ip_address *from, const struct ip_address *to,
                 const uint8_t mac[6], const uint8_t *body, uint32_t len)
{
    struct packet *packet = packet_alloc(len, ALLOC_ATOMIC);
    if (!packet)
        return;
    memcpy(packet->data, body, len);
    packet->len = len;
    struct ip_info info = {
        .from = *from, .to = *to, .protocol = PROTOCOL_ICMP6, .ttl = 255, .payload_len = (uint16_t)len};
    uint64_t sum = checksum_pseudo(from, to, PROTOCOL_ICMP6, len);
    store_le16(packet->data + 2, checksum_fold(checksum_add(sum, packet->data, len)));
    wire_build_ip(packet_push(packet, IPV6_HEADER), &info);
    interface_send_ethernet(iface, packet, mac, ETHERTYPE_IPV6);
}

static struct interface_address *own_address(struct net_interface *iface, const struct ip_address *address)
{
    for (unsigned i = 0; i < INTERFACE_ADDRESSES; i++)
        if (load_acquire(&iface->addresses[i].is_valid) && ip_equal(&iface->addresses[i].address, address))
            return &iface->addresses[i];
    return NULL;
}

/* The interface's address for talking to `to` on the link: same network first, else the link-local one. */
static struct ip_address source_for(struct net_interface *iface, const struct ip_address *to)
{
    struct ip_address best = unspecified;
    for (unsigned i = 0; i < INTERFACE_ADDRESSES; i++) {
        const struct interface_address *own = &iface->addresses[i];
        if (!load_acquire(&own->is_valid) || ip_is_v4(&own->address))
            continue;
        if (ip_matches(to, &own->address, own->prefix))
            return own->address;
        if (ip_is_link_local(&own->address))
            best = own->address;
    }
    return best;
}

static unsigned put_mac(uint8_t *option, uint8_t kind, const uint8_t mac[6])
{
    option[0] = kind;
    option[1] = 1;
    memcpy(option + 2, mac, 6);
    return 8;
}

static void send_solicit(struct net_interface *iface, const struct ip_address *from, const struct ip_address *target,
                         const uint8_t *unicast_to)
{
    uint8_t body[32] = {ND_SOLICIT}, mac[6] = {0x33, 0x33, 0xff};
    struct ip_address to = unicast_to ? *target : solicited_node(target);
    unsigned len = 24;
    memcpy(body + 8, target->bytes, 16);
    memcpy(mac + 3, target->bytes + 13, 3);
    if (!ip_is_any(from))
        len += put_mac(body + len, OPTION_SOURCE_MAC, iface->mac);
    send(iface, from, &to, unicast_to ? unicast_to : mac, body, len);
}

void nd_solicit(struct net_interface *iface, const struct ip_address *target, const uint8_t *unicast_to)
{
    struct ip_address from = source_for(iface, target);
    send_solicit(iface, &from, target, unicast_to);
}

static void send_advert(struct net_interface *iface, const struct ip_address *target, const struct ip_address *to,
                        const uint8_t *mac)
{
    uint8_t body[32] = {ND_ADVERT};
    struct ip_address everyone = link_scope_group(1);
    bool is_solicited = !ip_is_any(to);
    body[4] = (uint8_t)(NA_OVERRIDE | (is_solicited ? NA_SOLICITED : 0));
    memcpy(body + 8, target->bytes, 16);
    put_mac(body + 24, OPTION_TARGET_MAC, iface->mac);
    send(iface, target, is_solicited ? to : &everyone, is_solicited ? mac : all_nodes_mac, body, sizeof body);
}

static void send_router_solicit(struct net_interface *iface)
{
    uint8_t body[16] = {ND_ROUTER_SOLICIT};
    struct ip_address to = link_scope_group(2), from = source_for(iface, &to);
    unsigned len = 8;
    if (!ip_is_any(&from))
        len += put_mac(body + len, OPTION_SOURCE_MAC, iface->mac);
    send(iface, &from, &to, all_routers_mac, body, len);
}

/* The option's first occurrence of at least min_len bytes; NULL. Options were checked by options_are_sane. */
static const uint8_t *find_option(const uint8_t *options, uint32_t len, uint8_t kind, unsigned min_len)
{
    for (uint32_t at = 0; at + 8 <= len; at += options[at + 1] * 8u)
        if (options[at] == kind && options[at + 1] * 8u >= min_len)
            return options + at;
    return NULL;
}

static bool options_are_sane(const uint8_t *options, uint32_t len)
{
    uint32_t at = 0;
    while (at + 8 <= len && options[at + 1] && at + options[at + 1] * 8u <= len)
        at += options[at + 1] * 8u;
    return at == len;
}

static void receive_solicit(struct net_interface *iface, const uint8_t *p, uint32_t len, const struct ip_info *info)
{
    struct ip_address target;
    memcpy(target.bytes, p + 8, 16);
    if (ip_is_multicast(&target) || !own_address(iface, &target))
        return;
    const uint8_t *mac = find_option(p + 24, len - 24, OPTION_SOURCE_MAC, 8);
    if (ip_is_any(&info->from)) { /* somebody's duplicate detection: defend */
        if (!mac)
            send_advert(iface, &target, &unspecified, NULL);
        return;
    }
    if (mac && !(mac[2] & 1))
        neighbour_update(iface, &info->from, mac + 2, true);
    struct neighbour *asker = neighbour_get(iface, &info->from, false);
    if (asker && load_acquire(&asker->state) == NEIGHBOUR_REACHABLE)
        send_advert(iface, &target, &info->from, asker->mac);
    neighbour_put(asker);
}

static void receive_advert(struct net_interface *iface, const uint8_t *p, uint32_t len, const struct ip_info *info)
{
    struct ip_address target;
    memcpy(target.bytes, p + 8, 16);
    bool is_solicited = p[4] & NA_SOLICITED, overrides = p[4] & NA_OVERRIDE;
    if (ip_is_multicast(&target) || (is_solicited && ip_is_multicast(&info->to)))
        return;
    const uint8_t *mac = find_option(p + 24, len - 24, OPTION_TARGET_MAC, 8);
    if (own_address(iface, &target)) {
        char text[46];
        if (mac && !memcmp(mac + 2, iface->mac, 6))
            return;
        ip_format(&target, text);
        log_warning("%s: another machine uses %s: address given up", iface->name, text);
        interface_remove_address(iface, &target);
        return;
    }
    struct neighbour *neighbour = neighbour_get(iface, &target, false);
    if (!neighbour)
        return;
    bool is_known = load_acquire(&neighbour->state) == NEIGHBOUR_REACHABLE;
    if (mac && !(mac[2] & 1) && (!is_known || overrides || !memcmp(neighbour->mac, mac + 2, 6)))
        neighbour_update(iface, &target, mac + 2, false);
    else if (!mac && is_known && is_solicited)
        neighbour_update(iface, &target, neighbour->mac, false);
    neighbour_put(neighbour);
}

static struct ip_address with_interface_id(const struct ip_address *prefix, const uint8_t mac[6])
{
    struct ip_address address = *prefix;
    memcpy(address.bytes + 8, mac, 3);
    address.bytes[8] ^= 2;
    address.bytes[11] = 0xff;
    address.bytes[12] = 0xfe;
    memcpy(address.bytes + 13, mac + 3, 3);
    return address;
}

static uint64_t deadline_of(uint32_t lifetime_s)
{
    return lifetime_s == LIFETIME_FOREVER ? 0 : clock_monotonic_ns() + lifetime_s * (uint64_t)NS_PER_SECOND;
}

/* A known address: only an increase, or a decrease to not less than two hours (RFC 4862 5.5.3 e). */
static void refresh_lifetime(struct interface_address *own, uint32_t lifetime_s)
{
    uint64_t now = clock_monotonic_ns(), until = load_relaxed(&own->valid_until_ns);
    uint64_t left_s = !until ? LIFETIME_FOREVER : until > now ? (until - now) / NS_PER_SECOND : 0;
    if (lifetime_s < TWO_HOURS_S && lifetime_s < left_s) {
        if (left_s <= TWO_HOURS_S)
            return;
        lifetime_s = TWO_HOURS_S;
    }
    store_relaxed(&own->valid_until_ns, deadline_of(lifetime_s));
}

static void receive_prefix(struct net_interface *iface, const uint8_t *option)
{
    struct ip_address prefix;
    uint32_t lifetime_s = load_be32(option + 4);
    memcpy(prefix.bytes, option + 16, 16);
    if (option[2] != 64 || !(option[3] & PREFIX_AUTONOMOUS) || load_be32(option + 8) > lifetime_s)
        return;
    if (ip_is_link_local(&prefix) || ip_is_multicast(&prefix) || !prefix.halves[0])
        return;
    struct ip_address address = with_interface_id(&prefix, iface->mac);
    struct interface_address *own = own_address(iface, &address);
    if (own) {
        refresh_lifetime(own, lifetime_s);
        return;
    }
    unsigned count = 0;
    for (unsigned i = 0; i < INTERFACE_ADDRESSES; i++)
        count += load_acquire(&iface->addresses[i].is_valid) && load_relaxed(&iface->addresses[i].is_automatic);
    if (!lifetime_s || count >= SLAAC_MAX ||
        interface_add_address(iface, &address, option[3] & PREFIX_ON_LINK ? 64 : 128))
        return;
    own = own_address(iface, &address);
    if (!own)
        return;
    store_relaxed(&own->is_automatic, true);
    store_relaxed(&own->valid_until_ns, deadline_of(lifetime_s));
    send_solicit(iface, &unspecified, &address, NULL);
    multicast_report_all(iface);
}

static void receive_resolvers(struct net_interface *iface, const uint8_t *option)
{
    unsigned count = (option[1] - 1u) / 2;
    if (!load_be32(option + 4))
        return;
    for (unsigned i = 0; i < count && i < RESOLVER_MAX; i++) {
        struct ip_address resolver;
        memcpy(resolver.bytes, option + 8 + 16 * i, 16);
        if (!ip_is_link_local(&resolver) && !ip_is_multicast(&resolver) && !ip_is_any(&resolver))
            stack_add_resolver(iface->stack, &resolver);
    }
}

static void set_router(struct net_interface *iface, const struct ip_address *router, uint16_t lifetime_s)
{
    struct route_entry route = {.gateway = *router, .metric = 1024, .iface = iface};
    if (!ip_is_any(&iface->router6) && !ip_equal(&iface->router6, router))
        return; /* one default router at a time: the first, until its lifetime ends */
    if (lifetime_s && ip_is_any(&iface->router6) && !route_add(iface->stack, &route))
        iface->router6 = *router;
    else if (!lifetime_s && ip_equal(&iface->router6, router)) {
        route_remove(iface->stack, &route);
        iface->router6 = unspecified;
    }
    iface->router_until_ns = lifetime_s ? clock_monotonic_ns() + lifetime_s * (uint64_t)NS_PER_SECOND : 0;
    wake_up_all(&iface->stack->configured, 0);
}

static void receive_router(struct net_interface *iface, const uint8_t *p, uint32_t len, const struct ip_info *info)
{
    if (!ip_is_link_local(&info->from))
        return;
    iface->router_solicitations = SOLICITATIONS;
    const uint8_t *mac = find_option(p + 16, len - 16, OPTION_SOURCE_MAC, 8);
    if (mac && !(mac[2] & 1))
        neighbour_update(iface, &info->from, mac + 2, true);
    for (uint32_t at = 16; at + 8 <= len; at += p[at + 1] * 8u) {
        const uint8_t *option = p + at;
        if (option[0] == OPTION_PREFIX && option[1] == 4)
            receive_prefix(iface, option);
        else if (option[0] == OPTION_RESOLVER && option[1] >= 3)
            receive_resolvers(iface, option);
        else if (option[0] == OPTION_MTU && option[1] == 1) {
            uint32_t mtu = load_be32(option + 4);
            if (mtu >= IPV6_MTU_MIN && mtu < iface->mtu)
                store_relaxed(&iface->mtu, mtu);
        }
    }
    set_router(iface, &info->from, load_be16(p + 6));
    timer_arm(&iface->router_timer, clock_monotonic_ns() + SOLICIT_INTERVAL_NS);
}

void nd_receive(struct net_interface *iface, struct packet *packet, const struct ip_info *info)
{
    uint32_t len = packet_total_len(packet);
    uint8_t type = packet->data[0];
    uint32_t fixed = type == ND_ROUTER_ADVERT ? 16 : 24;
    if (info->ttl != 255 || packet->data[1] || len < fixed || len > ND_LEN_MAX || !iface->device) {
        packet_free(packet);
        return;
    }
    packet = packet_make_contiguous(packet, len);
    if (!packet)
        return;
    if (options_are_sane(packet->data + fixed, len - fixed)) {
        if (type == ND_SOLICIT)
            receive_solicit(iface, packet->data, len, info);
        else if (type == ND_ADVERT)
            receive_advert(iface, packet->data, len, info);
        else if (type == ND_ROUTER_ADVERT)
            receive_router(iface, packet->data, len, info);
    }
    packet_free(packet);
}

static void expire(struct net_interface *iface, uint64_t now)
{
    for (unsigned i = 0; i < INTERFACE_ADDRESSES; i++) {
        struct interface_address *own = &iface->addresses[i];
        uint64_t until = load_relaxed(&own->valid_until_ns);
        if (load_acquire(&own->is_valid) && until && until <= now) {
            struct ip_address address = own->address;
            interface_remove_address(iface, &address);
        }
    }
    if (!ip_is_any(&iface->router6) && iface->router_until_ns <= now) {
        struct ip_address router = iface->router6;
        set_router(iface, &router, 0);
        iface->router_solicitations = 0;
    }
}

static void tick(struct timer *timer)
{
    struct net_interface *iface = container_of(timer, struct net_interface, router_timer);
    uint64_t now = clock_monotonic_ns();
    expire(iface, now);
    bool asks = iface->router_solicitations < SOLICITATIONS;
    if (asks) {
        if (!iface->router_solicitations) {
            for (unsigned i = 0; i < INTERFACE_ADDRESSES; i++)
                if (load_acquire(&iface->addresses[i].is_valid) && !ip_is_v4(&iface->addresses[i].address))
                    send_solicit(iface, &unspecified, &iface->addresses[i].address, NULL);
            multicast_report_all(iface);
        }
        iface->router_solicitations++;
        send_router_solicit(iface);
    }
    bool has_lifetimes = !ip_is_any(&iface->router6);
    for (unsigned i = 0; i < INTERFACE_ADDRESSES; i++)
        has_lifetimes |=
            load_acquire(&iface->addresses[i].is_valid) && load_relaxed(&iface->addresses[i].valid_until_ns);
    if (asks)
        timer_arm(timer, now + SOLICIT_INTERVAL_NS);
    else if (has_lifetimes) /* seconds of slack cost nothing: lifetimes are minutes to days */
        timer_arm(timer, now + 10 * NS_PER_SECOND);
}

void nd_start(struct net_interface *iface)
{
    static const struct ip_address link_local = {.bytes = {0xfe, 0x80}};
    struct ip_address address = with_interface_id(&link_local, iface->mac);
    timer_init(&iface->router_timer, tick);
    if (interface_add_address(iface, &address, 64))
        return;
    /* Later, because the device may not be open yet. */
    timer_arm(&iface->router_timer, clock_monotonic_ns() + SOLICIT_DELAY_NS);
}
