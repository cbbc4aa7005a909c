/* IPv6 neighbours, routers and autoconfiguration. */
#include <string.h>
#include "host.h"

static void receive_icmp6(struct host *host, const char *from, const char *to, uint8_t hop_limit, uint8_t *body,
                          size_t len)
{
    struct ip_info info = {.from = address(from), .to = address(to), .protocol = PROTOCOL_ICMP6, .ttl = hop_limit};
    store_le16(body + 2, 0);
    uint64_t sum = checksum_pseudo(&info.from, &info.to, PROTOCOL_ICMP6, (uint32_t)len);
    store_le16(body + 2, checksum_fold(checksum_add(sum, body, len)));
    host_receive_ip(host, &info, body, len);
}

/* A router advertisement for fd00:1::/64 with a source address, MTU 1400 and one resolver. */
static size_t make_advert(uint8_t body[120], uint16_t lifetime_s)
{
    struct ip_address prefix = address("fd00:1::"), resolver = address("fd00:1::53");
    memset(body, 0, 120);
    body[0] = 134;
    store_be16(body + 6, lifetime_s);
    uint8_t *option = body + 16;
    option[0] = 1, option[1] = 1;
    memcpy(option + 2, peer_mac, 6);
    option += 8;
    option[0] = 5, option[1] = 1;
    store_be32(option + 4, 1400);
    option += 8;
    option[0] = 3, option[1] = 4, option[2] = 64, option[3] = 0xc0;
    store_be32(option + 4, 3600);
    store_be32(option + 8, 1800);
    memcpy(option + 16, prefix.bytes, 16);
    option += 32;
    option[0] = 25, option[1] = 3;
    store_be32(option + 4, 600);
    memcpy(option + 8, resolver.bytes, 16);
    return 16 + 8 + 8 + 32 + 24;
}

static bool has_address(struct host *host, const char *text)
{
    struct ip_address wanted = address(text);
    return stack_is_local(host->stack, &wanted);
}

#define OWN_LINK_LOCAL "fe80::5054:ff:fe12:3456"
#define OWN_GLOBAL     "fd00:1::5054:ff:fe12:3456"

TEST(routers_are_solicited_at_start)
{
    struct host host;
    struct frame frame;
    host_start(&host);
    EXPECT(has_address(&host, OWN_LINK_LOCAL));
    unsigned solicitations = 0;
    fake_time_advance(30 * NS_PER_SECOND);
    while (host_next(&host, PROTOCOL_ICMP6, &frame))
        solicitations += frame.payload[0] == 133 && frame.ip.ttl == 255;
    EXPECT_EQ(solicitations, 3);
    host_stop(&host);
}

TEST(an_advertisement_gives_address_route_mtu_and_resolver)
{
    struct host host;
    struct route route;
    uint8_t body[120];
    host_start(&host);
    size_t len = make_advert(body, 1800);
    receive_icmp6(&host, "fe80::1", "ff02::1", 255, body, len);
    EXPECT(has_address(&host, OWN_GLOBAL));
    EXPECT_EQ(host.iface->mtu, 1400);
    EXPECT_EQ(host.stack->resolver_count, 1);
    struct ip_address far = address("2001:db8::1"), any = {.halves = {0, 0}};
    REQUIRE(route_find(host.stack, &far, &any, 0, &route) == 0);
    struct ip_address router = address("fe80::1"), own = address(OWN_GLOBAL);
    EXPECT(ip_equal(&route.neighbour->address, &router) && ip_equal(&route.source, &own));
    route_put(&route);
    len = make_advert(body, 0); /* the router resigns */
    receive_icmp6(&host, "fe80::1", "ff02::1", 255, body, len);
    EXPECT_EQ(route_find(host.stack, &far, &any, 0, &route), -ENETUNREACH);
    host_stop(&host);
}

TEST(lifetimes_end)
{
    struct host host;
    struct route route;
    uint8_t body[120];
    host_start(&host);
    receive_icmp6(&host, "fe80::1", "ff02::1", 255, body, make_advert(body, 1800));
    struct ip_address far = address("2001:db8::1"), any = {.halves = {0, 0}};
    fake_time_advance(1820 * NS_PER_SECOND);
    EXPECT_EQ(route_find(host.stack, &far, &any, 0, &route), -ENETUNREACH);
    EXPECT(has_address(&host, OWN_GLOBAL));
    fake_time_advance(1820 * NS_PER_SECOND);
    EXPECT(!has_address(&host, OWN_GLOBAL));
    EXPECT(has_address(&host, OWN_LINK_LOCAL));
    host_stop(&host);
}

TEST(advertisements_from_afar_or_with_broken_options_are_ignored)
{
    struct host host;
    uint8_t body[120];
    host_start(&host);
    size_t len = make_advert(body, 1800);
    receive_icmp6(&host, "fe80::1", "ff02::1", 64, body, len);
    receive_icmp6(&host, "2001:db8::1", "ff02::1", 255, body, len);
    body[17] = 0; /* an option of length 0 */
    receive_icmp6(&host, "fe80::1", "ff02::1", 255, body, len);
    make_advert(body, 1800);
    receive_icmp6(&host, "fe80::1", "ff02::1", 255, body, len - 4);
    EXPECT(!has_address(&host, OWN_GLOBAL));
    EXPECT_EQ(host.stack->resolver_count, 0);
    for (unsigned round = 0; round < 2000; round++) {
        len = make_advert(body, 1800);
        for (unsigned i = 0; i < 6; i++)
            body[test_random() % len] = (uint8_t)test_random();
        receive_icmp6(&host, "fe80::1", "ff02::1", 255, body, 8 + test_random() % (len - 7));
        host_forget_sent(&host);
    }
    EXPECT(has_address(&host, OWN_LINK_LOCAL));
    host_stop(&host);
}

TEST(a_solicitation_is_answered)
{
    struct host host;
    struct frame frame;
    uint8_t body[32] = {135};
    host_start(&host);
    struct ip_address own = address(OWN_LINK_LOCAL);
    memcpy(body + 8, own.bytes, 16);
    body[24] = 1, body[25] = 1;
    memcpy(body + 26, peer_mac, 6);
    host_forget_sent(&host);
    receive_icmp6(&host, "fe80::2", "ff02::1:ff12:3456", 255, body, sizeof body);
    REQUIRE(host_next(&host, PROTOCOL_ICMP6, &frame));
    EXPECT_EQ(frame.payload[0], 136);
    EXPECT_EQ(frame.payload[4], 0x60);
    EXPECT_BYTES(frame.bytes, peer_mac, 6);
    EXPECT_BYTES(frame.payload + 8, own.bytes, 16);
    EXPECT_BYTES(frame.payload + 26, own_mac, 6);
    host_stop(&host);
}

TEST(an_address_that_another_machine_defends_is_given_up)
{
    struct host host;
    uint8_t body[32] = {136, 0, 0, 0, 0x20};
    host_start(&host);
    struct ip_address own = address(OWN_LINK_LOCAL);
    memcpy(body + 8, own.bytes, 16);
    body[24] = 2, body[25] = 1;
    memcpy(body + 26, peer_mac, 6);
    receive_icmp6(&host, OWN_LINK_LOCAL, "ff02::1", 255, body, sizeof body);
    EXPECT(!has_address(&host, OWN_LINK_LOCAL));
    host_stop(&host);
}

TEST(packets_wait_for_the_neighbours_address)
{
    struct host host;
    struct frame frame;
    struct route route;
    host_start(&host);
    struct ip_info info = {.from = address(OWN_LINK_LOCAL), .to = address("fe80::2"), .protocol = 253, .ttl = 64};
    REQUIRE(route_find(host.stack, &info.to, &info.from, 0, &route) == 0);
    struct packet *packet = packet_alloc(100, ALLOC_WAIT);
    memset(packet->data, 5, 100);
    packet->len = 100;
    host_forget_sent(&host);
    EXPECT_EQ(ip_send(host.stack, &route, packet, &info), 0);
    REQUIRE(host_next(&host, PROTOCOL_ICMP6, &frame));
    EXPECT_EQ(frame.payload[0], 135);
    EXPECT_BYTES(frame.bytes, "\x33\x33\xff\x00\x00\x02", 6);
    uint8_t body[32] = {136, 0, 0, 0, 0x60};
    memcpy(body + 8, info.to.bytes, 16);
    body[24] = 2, body[25] = 1;
    memcpy(body + 26, peer_mac, 6);
    receive_icmp6(&host, "fe80::2", OWN_LINK_LOCAL, 255, body, sizeof body);
    REQUIRE(host_next(&host, 253, &frame));
    EXPECT_BYTES(frame.bytes, peer_mac, 6);
    route_put(&route);
    host_stop(&host);
}

static int reported_error;
static unsigned reports;
static void note_error(struct net_stack *stack, const struct ip_info *original, const uint8_t *bytes, size_t len, int err,
                       uint32_t mtu)
{
    struct ip_address to = address("fe80::2");
    EXPECT(ip_equal(&original->to, &to));
    EXPECT(len >= 8 && bytes[0] == 5 && !mtu && stack);
    reported_error = err;
    reports++;
}

TEST(senders_hear_that_a_neighbour_does_not_answer)
{
    static const struct protocol protocol = {.error = note_error};
    struct host host;
    struct route route;
    host_start(&host);
    stack_set_protocol(host.stack, 253, &protocol);
    struct ip_info info = {.from = address(OWN_LINK_LOCAL), .to = address("fe80::2"), .protocol = 253, .ttl = 64};
    REQUIRE(route_find(host.stack, &info.to, &info.from, 0, &route) == 0);
    struct packet *packet = packet_alloc(100, ALLOC_WAIT);
    memset(packet->data, 5, 100);
    packet->len = 100;
    reports = 0;
    EXPECT_EQ(ip_send(host.stack, &route, packet, &info), 0);
    fake_time_advance(2 * NS_PER_SECOND);
    EXPECT_EQ(reports, 0);
    fake_time_advance(2 * NS_PER_SECOND);
    EXPECT_EQ(reports, 1);
    EXPECT_EQ(reported_error, EHOSTUNREACH);
    route_put(&route);
    host_stop(&host);
}
