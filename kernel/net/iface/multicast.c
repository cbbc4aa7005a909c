/*
 * Multicast groups of an interface and what routers are told of them: IGMPv3 (RFC 3376) and MLDv2 (RFC 3810) reports,
 * in the older version (IGMPv2, MLDv1) once a router of that version was heard. Groups are joined for all sources.
 * Queries are answered for all groups at once after a random delay. All-nodes groups and the solicited-node groups of
 * our addresses are joined by having an address.
 */
#include <arch/cpu.h>
#include <common/checked.h>
#include <device/entropy.h>
#include <iface/iface.h>
#include <mm/alloc.h>

enum {
    IGMP_QUERY = 0x11,
    IGMP_REPORT2 = 0x16,
    IGMP_LEAVE2 = 0x17,
    IGMP_REPORT3 = 0x22,
    MLD_QUERY = 130,
    MLD_REPORT1 = 131,
    MLD_DONE1 = 132,
    MLD_REPORT2 = 143,
    IS_EXCLUDE = 2,
    TO_INCLUDE = 3,
    TO_EXCLUDE = 4,
    IGMP_LEN = 8,
    MLD1_LEN = 24,
    IPV4_ALERT_HEADER = 24,
    HOP_BY_HOP = 8,
    QUERY_DELAY_MAX_MS = 10000,
};
#define ALL_SYSTEMS  0xe0000001u /* 224.0.0.1 */
#define ALL_ROUTERS  0xe0000002u
#define IGMP_REPORTS 0xe0000016u

static bool is_all_nodes(const struct ip_address *group)
{
    if (ip_is_v4(group))
        return ip_to_v4(group) == ALL_SYSTEMS;
    static const struct ip_address link = {.bytes = {0xff, 2, [15] = 1}}, host = {.bytes = {0xff, 1, [15] = 1}};
    return ip_equal(group, &link) || ip_equal(group, &host);
}

static struct ip_address solicited_node(const struct ip_address *address)
{
    struct ip_address group = {.bytes = {0xff, 2, [11] = 1, [12] = 0xff}};
    memcpy(group.bytes + 13, address->bytes + 13, 3);
    return group;
}

static bool is_solicited_node(struct net_interface *iface, const struct ip_address *group)
{
    for (unsigned i = 0; i < INTERFACE_ADDRESSES; i++) {
        if (!load_acquire(&iface->addresses[i].is_valid) || ip_is_v4(&iface->addresses[i].address))
            continue;
        struct ip_address own = solicited_node(&iface->addresses[i].address);
        if (ip_equal(&own, group))
            return true;
    }
    return false;
}

static void multicast_mac(const struct ip_address *to, uint8_t mac[6])
{
    static const uint8_t v4[3] = {0x01, 0x00, 0x5e};
    memcpy(mac, v4, 3);
    memcpy(mac + 3, to->bytes + 13, 3);
    mac[3] &= 0x7f;
    if (!ip_is_v4(to)) {
        mac[0] = mac[1] = 0x33;
        memcpy(mac + 2, to->bytes + 12, 4);
    }
}

/* IPv4 header with the router alert option (RFC 2113). */
static void send_igmp(struct net_interface *iface, uint32_t to, const uint8_t *body, uint32_t len)
{
    struct packet *packet = packet_alloc(len, ALLOC_ATOMIC);
    struct interface_address own = {.address = ip_from_v4(0)};
    if (!packet)
        return;
    memcpy(packet->data, body, len);
    packet->len = len;
    store_le16(packet->data + 2, checksum_fold(checksum_add(0, packet->data, len)));
    interface_address(iface, true, &own);
    struct ip_info info = {.is_v4 = true,
                           .from = own.address,
                           .to = ip_from_v4(to),
                           .protocol = PROTOCOL_IGMP,
                           .ttl = 1,
                           .traffic_class = 0xc0,
                           .payload_len = (uint16_t)(len + 4)};
    uint8_t *header = packet_push(packet, IPV4_ALERT_HEADER), mac[6];
    wire_build_ip(header, &info);
    header[0] = 0x46;
    store_be32(header + IPV4_HEADER, 0x94040000);
    store_le16(header + 10, 0);
    store_le16(header + 10, checksum_fold(checksum_add(0, header, IPV4_ALERT_HEADER)));
    multicast_mac(&info.to, mac);
    interface_send_ethernet(iface, packet, mac, ETHERTYPE_IPV4);
}

/* IPv6 with a hop-by-hop router alert (RFC 2711). */
static void send_mld(struct net_interface *iface, const struct ip_address *to, const uint8_t *body, uint32_t len)
{
    static const uint8_t alert[HOP_BY_HOP] = {PROTOCOL_ICMP6, 0, 5, 2, 0, 0, 1, 0};
    struct packet *packet = packet_alloc(len, ALLOC_ATOMIC);
    if (!packet)
        return;
    memcpy(packet->data, body, len);
    packet->len = len;
    struct ip_info info = {.to = *to, .protocol = 0, .ttl = 1, .payload_len = (uint16_t)(len + HOP_BY_HOP)};
    for (unsigned i = 0; i < INTERFACE_ADDRESSES; i++)
        if (load_acquire(&iface->addresses[i].is_valid) && ip_is_link_local(&iface->addresses[i].address))
            info.from = iface->addresses[i].address;
    uint64_t sum = checksum_pseudo(&info.from, to, PROTOCOL_ICMP6, len);
    store_le16(packet->data + 2, checksum_fold(checksum_add(sum, packet->data, len)));
    memcpy(packet_push(packet, HOP_BY_HOP), alert, HOP_BY_HOP);
    wire_build_ip(packet_push(packet, IPV6_HEADER), &info);
    uint8_t mac[6];
    multicast_mac(to, mac);
    interface_send_ethernet(iface, packet, mac, ETHERTYPE_IPV6);
}

static void report4(struct net_interface *iface, const struct ip_address *group, uint8_t record)
{
    uint8_t body[16] = {0};
    if (iface->has_old_querier4) {
        body[0] = record == TO_INCLUDE ? IGMP_LEAVE2 : IGMP_REPORT2;
        memcpy(body + 4, group->bytes + 12, 4);
        send_igmp(iface, record == TO_INCLUDE ? ALL_ROUTERS : ip_to_v4(group), body, IGMP_LEN);
        return;
    }
    body[0] = IGMP_REPORT3;
    body[7] = 1;
    body[8] = record;
    memcpy(body + 12, group->bytes + 12, 4);
    send_igmp(iface, IGMP_REPORTS, body, sizeof body);
}

static void report6(struct net_interface *iface, const struct ip_address *group, uint8_t record)
{
    static const struct ip_address reports = {.bytes = {0xff, 2, [15] = 0x16}},
                                   routers = {.bytes = {0xff, 2, [15] = 2}};
    uint8_t body[28] = {0};
    if (iface->has_old_querier6) {
        body[0] = record == TO_INCLUDE ? MLD_DONE1 : MLD_REPORT1;
        memcpy(body + 8, group->bytes, 16);
        send_mld(iface, record == TO_INCLUDE ? &routers : group, body, MLD1_LEN);
        return;
    }
    body[0] = MLD_REPORT2;
    body[7] = 1;
    body[8] = record;
    memcpy(body + 12, group->bytes, 16);
    send_mld(iface, &reports, body, sizeof body);
}

static void report(struct net_interface *iface, const struct ip_address *group, uint8_t record)
{
    if (!iface->device || is_all_nodes(group))
        return;
    if (ip_is_v4(group))
        report4(iface, group, record);
    else
        report6(iface, group, record);
}

static struct membership *find_locked(struct net_interface *iface, const struct ip_address *group)
{
    for (unsigned i = 0; i < MEMBERSHIP_MAX; i++)
        if (iface->memberships[i].users && ip_equal(&iface->memberships[i].group, group))
            return &iface->memberships[i];
    return NULL;
}

static void report_soon(struct net_interface *iface, uint32_t delay_max_ms)
{
    if (iface->device)
        timer_arm(&iface->report_timer, clock_monotonic_ns() + random_u64() % (delay_max_ms + 1) * (uint64_t)NS_PER_MS);
}

int multicast_join(struct net_interface *iface, const struct ip_address *group)
{
    struct net_stack *stack = iface->stack;
    bool is_new = false;
    spin_lock(&stack->config_lock);
    struct membership *entry = find_locked(iface, group);
    for (unsigned i = 0; i < MEMBERSHIP_MAX && !entry; i++)
        if (!iface->memberships[i].users) {
            entry = &iface->memberships[i];
            entry->group = *group;
            is_new = true;
        }
    if (entry)
        entry->users++;
    spin_unlock(&stack->config_lock);
    if (is_new) {
        report(iface, group, TO_EXCLUDE);
        report_soon(iface, 1000); /* once more, in case the first was lost */
    }
    return entry ? 0 : -ENOBUFS;
}

int multicast_leave(struct net_interface *iface, const struct ip_address *group)
{
    spin_lock(&iface->stack->config_lock);
    struct membership *entry = find_locked(iface, group);
    bool is_last = entry && --entry->users == 0;
    spin_unlock(&iface->stack->config_lock);
    if (is_last)
        report(iface, group, TO_INCLUDE);
    return entry ? 0 : -EADDRNOTAVAIL;
}

bool multicast_is_member(struct net_interface *iface, const struct ip_address *group)
{
    if (is_all_nodes(group) || is_solicited_node(iface, group))
        return true;
    spin_lock(&iface->stack->config_lock);
    bool is_member = find_locked(iface, group);
    spin_unlock(&iface->stack->config_lock);
    return is_member;
}

void multicast_report_all(struct net_interface *iface)
{
    struct ip_address groups[MEMBERSHIP_MAX];
    unsigned count = 0;
    spin_lock(&iface->stack->config_lock);
    for (unsigned i = 0; i < MEMBERSHIP_MAX; i++)
        if (iface->memberships[i].users)
            groups[count++] = iface->memberships[i].group;
    spin_unlock(&iface->stack->config_lock);
    for (unsigned i = 0; i < count; i++)
        report(iface, &groups[i], IS_EXCLUDE);
    for (unsigned i = 0; i < INTERFACE_ADDRESSES; i++)
        if (load_acquire(&iface->addresses[i].is_valid) && !ip_is_v4(&iface->addresses[i].address)) {
            struct ip_address group = solicited_node(&iface->addresses[i].address);
            report(iface, &group, IS_EXCLUDE);
        }
}

static void receive_igmp(struct net_stack *stack, struct net_interface *iface, struct packet *packet,
                         struct ip_info *info)
{
    uint8_t body[IGMP_LEN];
    uint32_t len = packet_total_len(packet);
    if (info->is_v4 && len >= IGMP_LEN && !checksum_fold(packet_checksum_add(0, packet, 0)) && iface->device) {
        packet_copy_out(packet, 0, body, sizeof body);
        if (body[0] == IGMP_QUERY) {
            iface->has_old_querier4 |= len == IGMP_LEN;
            report_soon(iface, MIN((body[1] ? body[1] : 100u) * 100u, (unsigned)QUERY_DELAY_MAX_MS));
        }
    }
    packet_free(packet);
}

void mld_receive(struct net_interface *iface, const struct packet *packet, const struct ip_info *info)
{
    uint8_t body[MLD1_LEN];
    uint32_t len = packet_total_len(packet);
    if (len < MLD1_LEN || info->ttl != 1 || !ip_is_link_local(&info->from) || !iface->device)
        return;
    packet_copy_out(packet, 0, body, sizeof body);
    iface->has_old_querier6 |= len == MLD1_LEN;
    uint32_t delay_ms = load_be16(body + 4);
    report_soon(iface, MIN(delay_ms, (uint32_t)QUERY_DELAY_MAX_MS));
}

static const struct protocol igmp_protocol = {.receive = receive_igmp};

void multicast_register(struct net_stack *stack)
{
    stack_set_protocol(stack, PROTOCOL_IGMP, &igmp_protocol);
}

static void report_due(struct timer *timer)
{
    multicast_report_all(container_of(timer, struct net_interface, report_timer));
}

void multicast_start(struct net_interface *iface)
{
    timer_init(&iface->report_timer, report_due);
}
