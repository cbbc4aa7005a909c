/*
 * The DHCPv4 client (RFC 2131): one for each interface that is configured so. A timer retransmits and renews;
 * everything runs under client->lock in work context (and once in dhcp_start's). Answers are believed only when they
 * carry our transaction and link address, come at a time when we asked, and make sense. Lock order: client->lock, then
 * stack->config_lock, neighbour, interface backlog.
 */
#include <arch/cpu.h>
#include <base/log.h>
#include <common/checked.h>
#include <device/entropy.h>
#include <iface/iface.h>
#include <mm/alloc.h>

enum dhcp_state { SELECTING, REQUESTING, BOUND, RENEWING, REBINDING };
enum {
    CLIENT_PORT = 68,
    SERVER_PORT = 67,
    MESSAGE_SIZE = 548,
    REQUEST_TRIES = 4,
    PATIENCE_TRIES = 4,
    LEASE_MIN_S = 30,
    IPV4_MTU_MIN = 576
};
#define RETRY_FIRST_NS (1 * NS_PER_SECOND)
#define RETRY_MAX_NS   (64 * NS_PER_SECOND)
#define LEASE_FOREVER  0xffffffffu

struct dhcp_client {
    struct net_interface *iface;
    struct spinlock lock; /* guards all below */
    struct timer timer;
    enum dhcp_state state;
    uint32_t transaction;
    unsigned tries; /* messages sent in this state */
    uint64_t started_ns, requested_ns;
    struct dhcp_info offer;                  /* the server's last good word */
    struct ip_address address;               /* in use; any: none */
    uint64_t renew_ns, rebind_ns, expire_ns; /* 0: never */
    bool is_awaited;                         /* counted in stack->wants_address */
};

static struct ip_address v4_any(void)
{
    return ip_from_v4(0);
}

static struct packet *make_message(struct dhcp_client *client, uint8_t type)
{
    struct packet *packet = packet_alloc(UDP_HEADER + MESSAGE_SIZE, ALLOC_ATOMIC);
    if (!packet)
        return NULL;
    struct dhcp_info info = {.type = type, .transaction = client->transaction};
    bool is_extension = client->state == RENEWING || client->state == REBINDING;
    memcpy(info.client_mac, client->iface->mac, 6);
    info.seconds = (uint16_t)((clock_monotonic_ns() - client->started_ns) / NS_PER_SECOND);
    if (is_extension)
        info.client_address = ip_to_v4(&client->address);
    else if (type == DHCP_REQUEST) {
        info.requested = client->offer.your_address;
        info.server = client->offer.server;
    }
    snprintf(info.hostname, sizeof info.hostname, "%s", client->iface->stack->hostname);
    size_t len = wire_build_dhcp(packet->data + UDP_HEADER, MESSAGE_SIZE, &info);
    packet->len = (uint32_t)(UDP_HEADER + len);
    store_be16(packet->data, CLIENT_PORT);
    store_be16(packet->data + 2, SERVER_PORT);
    store_be16(packet->data + 4, (uint16_t)packet->len);
    store_be16(packet->data + 6, 0);
    return packet;
}

static void set_checksum(struct packet *packet, const struct ip_info *info)
{
    uint64_t sum = checksum_pseudo(&info->from, &info->to, PROTOCOL_UDP, packet->len);
    uint16_t folded = checksum_fold(checksum_add(sum, packet->data, packet->len));
    store_le16(packet->data + 6, folded ? folded : 0xffff);
}

/* To everybody: no route is needed, and there is no address yet or the server does not answer. */
static void broadcast(struct dhcp_client *client, uint8_t type)
{
    static const uint8_t everyone[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct packet *packet = make_message(client, type);
    if (!packet)
        return;
    struct ip_info info = {.is_v4 = true,
                           .from = v4_any(),
                           .to = ip_from_v4(0xffffffff),
                           .protocol = PROTOCOL_UDP,
                           .ttl = 64,
                           .payload_len = (uint16_t)packet->len};
    if (client->state == REBINDING)
        info.from = client->address;
    set_checksum(packet, &info);
    wire_build_ip(packet_push(packet, IPV4_HEADER), &info);
    interface_send_ethernet(client->iface, packet, everyone, ETHERTYPE_IPV4);
}

static void unicast_renewal(struct dhcp_client *client)
{
    struct ip_info info = {
        .from = client->address, .to = ip_from_v4(client->offer.server), .protocol = PROTOCOL_UDP, .ttl = 64};
    struct route route;
    struct packet *packet = make_message(client, DHCP_REQUEST);
    if (!packet)
        return;
    if (route_find(client->iface->stack, &info.to, &info.from, client->iface->index, &route)) {
        packet_free(packet);
        return;
    }
    set_checksum(packet, &info);
    ip_send(client->iface->stack, &route, packet, &info);
    route_put(&route);
}

/* 1, 2, 4, … 64 s, each shifted by up to half a second so that machines started together do not stay in step. */
static uint64_t retry_delay_ns(unsigned tries)
{
    uint64_t delay = tries >= 7 ? (uint64_t)RETRY_MAX_NS : (uint64_t)RETRY_FIRST_NS << (tries ? tries - 1 : 0);
    return delay - NS_PER_SECOND / 2 + random_u64() % NS_PER_SECOND;
}

static void stop_waiting(struct dhcp_client *client)
{
    if (!client->is_awaited)
        return;
    client->is_awaited = false;
    atomic_fetch_sub(&client->iface->stack->wants_address, 1u);
    wake_up_all(&client->iface->stack->configured, 0);
}

static void send_current(struct dhcp_client *client)
{
    client->tries++;
    client->requested_ns = clock_monotonic_ns();
    if (client->state == SELECTING)
        broadcast(client, DHCP_DISCOVER);
    else if (client->state == RENEWING)
        unicast_renewal(client);
    else
        broadcast(client, DHCP_REQUEST);
}

static void start_selecting(struct dhcp_client *client)
{
    client->state = SELECTING;
    client->tries = 0;
    client->transaction = (uint32_t)random_u64();
    client->started_ns = clock_monotonic_ns();
    send_current(client);
    timer_arm(&client->timer, client->requested_ns + retry_delay_ns(1));
}

static void drop_address(struct dhcp_client *client)
{
    if (ip_is_any(&client->address))
        return;
    route_remove_interface(client->iface, true, true);
    interface_remove_address(client->iface, &client->address);
    client->address = v4_any();
}

static uint64_t extension_deadline(const struct dhcp_client *client, uint64_t limit_ns)
{
    uint64_t now = clock_monotonic_ns(), half = limit_ns > now ? (limit_ns - now) / 2 : 0;
    return now + MAX(half, (uint64_t)(60 * NS_PER_SECOND));
}

static void move_on(struct dhcp_client *client)
{
    uint64_t now = clock_monotonic_ns();
    if (client->state >= BOUND && now >= client->expire_ns) {
        log_warning("%s: the DHCP lease ran out", client->iface->name);
        drop_address(client);
        start_selecting(client);
    } else if (client->state >= BOUND) {
        bool is_late = now >= client->rebind_ns;
        if (client->state == BOUND) {
            client->transaction = (uint32_t)random_u64();
            client->started_ns = now;
        }
        client->state = is_late ? REBINDING : RENEWING;
        send_current(client);
        uint64_t limit = is_late ? client->expire_ns : client->rebind_ns;
        timer_arm(&client->timer, MIN(extension_deadline(client, limit), limit));
    } else if (client->state == REQUESTING && client->tries >= REQUEST_TRIES)
        start_selecting(client);
    else {
        if (client->tries >= PATIENCE_TRIES)
            stop_waiting(client);
        send_current(client);
        timer_arm(&client->timer, now + retry_delay_ns(client->tries));
    }
}

static void timer_fired(struct timer *timer)
{
    struct dhcp_client *client = container_of(timer, struct dhcp_client, timer);
    spin_lock(&client->lock);
    move_on(client);
    spin_unlock(&client->lock);
}

static bool is_host_address(uint32_t address)
{
    return address && address >> 24 != 127 && address >> 28 < 0xe && address >> 24;
}

static unsigned prefix_of(uint32_t netmask, uint32_t address)
{
    if (!netmask) /* not told: the old classes */
        return 96 + (address >> 31 == 0 ? 8 : address >> 30 == 2 ? 16 : 24);
    return 96 + (unsigned)__builtin_popcount(netmask);
}

static bool is_mask(uint32_t netmask)
{
    uint32_t rest = ~netmask;
    return (rest & (rest + 1)) == 0;
}

static bool answer_makes_sense(const struct dhcp_info *info)
{
    return is_host_address(info->your_address) && is_host_address(info->server) && is_mask(info->netmask) &&
           (!info->router || is_host_address(info->router)) && info->router != info->your_address;
}

static void set_times(struct dhcp_client *client, const struct dhcp_info *info)
{
    uint64_t start = client->requested_ns;
    if (info->lease_s == LEASE_FOREVER) {
        client->renew_ns = client->rebind_ns = client->expire_ns = UINT64_MAX;
        return;
    }
    uint64_t lease = info->lease_s < LEASE_MIN_S ? LEASE_MIN_S : info->lease_s;
    uint64_t rebind = info->rebind_s && info->rebind_s < lease ? info->rebind_s : lease * 7 / 8;
    uint64_t renew = info->renew_s && info->renew_s < rebind ? info->renew_s : MIN(lease / 2, rebind);
    client->renew_ns = start + renew * (uint64_t)NS_PER_SECOND;
    client->rebind_ns = start + rebind * (uint64_t)NS_PER_SECOND;
    client->expire_ns = start + lease * (uint64_t)NS_PER_SECOND;
}

static void set_names(struct net_stack *stack, const struct dhcp_info *info)
{
    for (unsigned i = 0; i < 3; i++)
        if (is_host_address(info->dns[i]) || info->dns[i] >> 24 == 127) {
            struct ip_address resolver = ip_from_v4(info->dns[i]);
            stack_add_resolver(stack, &resolver);
        }
    spin_lock(&stack->config_lock);
    if (!stack->hostname[0])
        snprintf(stack->hostname, sizeof stack->hostname, "%s", info->hostname);
    if (!stack->domain[0])
        snprintf(stack->domain, sizeof stack->domain, "%s", info->domain);
    spin_unlock(&stack->config_lock);
}

static void use_address(struct dhcp_client *client, const struct dhcp_info *info)
{
    struct net_interface *iface = client->iface;
    struct ip_address address = ip_from_v4(info->your_address);
    unsigned prefix = prefix_of(info->netmask, info->your_address);
    if (!ip_equal(&address, &client->address)) {
        drop_address(client);
        /* Router and resolvers first: who waits for the address finds all of it. */
        if (info->router) {
            struct ip_address router = ip_from_v4(info->router);
            struct route_entry on_link = {.network = router, .prefix = 128, .iface = iface};
            struct route_entry all = {
                .network = v4_any(), .gateway = router, .prefix = 96, .metric = 100, .iface = iface};
            if (!ip_matches(&router, &address, prefix))
                route_add(iface->stack, &on_link);
            route_add(iface->stack, &all);
        }
        if (info->mtu >= IPV4_MTU_MIN && info->mtu < iface->mtu)
            store_relaxed(&iface->mtu, (uint32_t)info->mtu);
        set_names(iface->stack, info);
        interface_add_address(iface, &address, prefix);
        client->address = address;
        arp_announce(iface, info->your_address);
    }
    stop_waiting(client);
}

static void receive_ack(struct dhcp_client *client, const struct dhcp_info *info)
{
    client->offer = *info;
    client->state = BOUND;
    client->tries = 0;
    set_times(client, info);
    use_address(client, info);
    if (client->expire_ns == UINT64_MAX)
        timer_cancel(&client->timer);
    else
        timer_arm(&client->timer, client->renew_ns);
}

static void receive_message(struct dhcp_client *client, const struct dhcp_info *info)
{
    bool asks = client->state == REQUESTING || client->state == RENEWING || client->state == REBINDING;
    bool is_from_server = client->state == REBINDING || info->server == client->offer.server;
    if (info->type == DHCP_OFFER && client->state == SELECTING && answer_makes_sense(info)) {
        client->offer = *info;
        client->state = REQUESTING;
        client->tries = 0;
        send_current(client);
        timer_arm(&client->timer, client->requested_ns + retry_delay_ns(1));
    } else if (info->type == DHCP_ACK && asks && is_from_server && answer_makes_sense(info)) {
        if (client->state != REQUESTING || info->your_address == client->offer.your_address)
            receive_ack(client, info);
    } else if (info->type == DHCP_NAK && asks && is_from_server) {
        drop_address(client);
        start_selecting(client);
    }
}

bool dhcp_receive(struct net_interface *iface, const uint8_t *bytes, size_t len)
{
    struct dhcp_client *client = load_acquire(&iface->dhcp);
    struct dhcp_info info;
    if (!client)
        return false;
    if (!len || bytes[0] != 2 || !wire_parse_dhcp(bytes, len, &info))
        return true;
    spin_lock(&client->lock);
    if (info.transaction == client->transaction && !memcmp(info.client_mac, iface->mac, 6))
        receive_message(client, &info);
    spin_unlock(&client->lock);
    return true;
}

int dhcp_start(struct net_interface *iface)
{
    if (!iface->device || iface->dhcp)
        return iface->dhcp ? -EALREADY : -ENODEV;
    struct dhcp_client *client = kzalloc(sizeof *client, ALLOC_WAIT);
    if (!client)
        return -ENOMEM;
    client->iface = iface;
    client->address = v4_any();
    client->is_awaited = true;
    timer_init(&client->timer, timer_fired);
    atomic_fetch_add(&iface->stack->wants_address, 1u);
    store_release(&iface->dhcp, client);
    spin_lock(&client->lock);
    start_selecting(client);
    spin_unlock(&client->lock);
    return 0;
}

/* No traffic any more. */
void dhcp_stop(struct net_interface *iface)
{
    struct dhcp_client *client = iface->dhcp;
    if (!client)
        return;
    timer_cancel_wait(&client->timer);
    stop_waiting(client);
    store_release(&iface->dhcp, NULL);
    kfree(client);
}
