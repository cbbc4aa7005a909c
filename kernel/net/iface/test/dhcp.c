/* The DHCP client against a server of the test, friendly and hostile. */
#include <string.h>
#include "host.h"

static const uint32_t SERVER = 0x0a000202, ADDRESS = 0x0a00020f;

/* The client's next message. */
static bool next_message(struct host *host, struct dhcp_info *out)
{
    struct frame frame;
    struct udp_info udp;
    if (!host_next(host, PROTOCOL_UDP, &frame) || !wire_parse_udp(frame.payload, frame.payload_len, &udp))
        return false;
    EXPECT_EQ(udp.from_port, 68);
    EXPECT_EQ(udp.to_port, 67);
    uint64_t sum = checksum_pseudo(&frame.ip.from, &frame.ip.to, PROTOCOL_UDP, udp.len);
    EXPECT_EQ(checksum_fold(checksum_add(sum, frame.payload, udp.len)), 0);
    return wire_parse_dhcp(frame.payload + UDP_HEADER, frame.payload_len - UDP_HEADER, out);
}

static struct dhcp_info answer_to(const struct dhcp_info *question, uint8_t type)
{
    struct dhcp_info answer = {.type = type,
                               .transaction = question->transaction,
                               .your_address = ADDRESS,
                               .server = SERVER,
                               .netmask = 0xffffff00,
                               .router = SERVER,
                               .dns = {0x0a000203},
                               .lease_s = 1000,
                               .hostname = "boat"};
    memcpy(answer.client_mac, own_mac, 6);
    return answer;
}

static void deliver(struct host *host, const struct dhcp_info *info)
{
    uint8_t bytes[600];
    size_t len = wire_build_dhcp(bytes, sizeof bytes, info);
    EXPECT(dhcp_receive(host->iface, bytes, len));
}

/* Through discover, offer, request, acknowledgement. */
static bool get_lease(struct host *host)
{
    struct dhcp_info question, answer;
    if (dhcp_start(host->iface) || !next_message(host, &question) || question.type != DHCP_DISCOVER)
        return false;
    answer = answer_to(&question, DHCP_OFFER);
    deliver(host, &answer);
    if (!next_message(host, &question) || question.type != DHCP_REQUEST)
        return false;
    EXPECT_EQ(question.requested, 0);
    answer = answer_to(&question, DHCP_ACK);
    deliver(host, &answer);
    return true;
}

static bool has_address(struct host *host)
{
    struct interface_address own;
    return interface_address(host->iface, true, &own) && ip_to_v4(&own.address) == ADDRESS && own.prefix == 96 + 24;
}

TEST(dhcp_sets_address_route_resolver_and_name)
{
    struct host host;
    struct route route;
    host_start(&host);
    REQUIRE(get_lease(&host));
    EXPECT(has_address(&host));
    EXPECT_EQ(host.stack->wants_address, 0);
    EXPECT_EQ(host.stack->resolver_count, 1);
    EXPECT_STR(host.stack->hostname, "boat");
    struct ip_address far = address("93.184.216.34"), any = ip_from_v4(0);
    REQUIRE(route_find(host.stack, &far, &any, 0, &route) == 0);
    EXPECT_EQ(ip_to_v4(&route.neighbour->address), SERVER);
    EXPECT_EQ(ip_to_v4(&route.source), ADDRESS);
    route_put(&route);
    host_stop(&host);
}

TEST(dhcp_asks_again_with_growing_pauses)
{
    struct host host;
    struct dhcp_info question;
    host_start(&host);
    REQUIRE(dhcp_start(host.iface) == 0);
    EXPECT(next_message(&host, &question));
    uint32_t transaction = question.transaction;
    fake_time_advance(2 * NS_PER_SECOND);
    EXPECT(next_message(&host, &question) && question.transaction == transaction && question.type == DHCP_DISCOVER);
    fake_time_advance(3 * NS_PER_SECOND);
    EXPECT(next_message(&host, &question));
    EXPECT(!next_message(&host, &question));
    EXPECT_EQ(host.stack->wants_address, 1);
    fake_time_advance(60 * NS_PER_SECOND);
    EXPECT_EQ(host.stack->wants_address, 0); /* nobody waits for ever */
    host_stop(&host);
}

TEST(dhcp_renews_with_the_server_then_with_all_then_gives_up_the_address)
{
    struct host host;
    struct dhcp_info question, answer;
    host_start(&host);
    REQUIRE(get_lease(&host));
    struct ip_address server = ip_from_v4(SERVER);
    neighbour_update(host.iface, &server, peer_mac, true);
    host_forget_sent(&host);
    fake_time_advance(501 * NS_PER_SECOND);
    neighbour_update(host.iface, &server, peer_mac, true);
    REQUIRE(next_message(&host, &question));
    EXPECT_EQ(question.type, DHCP_REQUEST);
    EXPECT_EQ(question.client_address, ADDRESS);
    answer = answer_to(&question, DHCP_ACK);
    deliver(&host, &answer);
    host_forget_sent(&host);
    fake_time_advance(400 * NS_PER_SECOND);
    EXPECT(!next_message(&host, &question)); /* the lease is new */
    fake_time_advance(480 * NS_PER_SECOND);
    bool has_asked = false;
    while (next_message(&host, &question))
        has_asked |= question.client_address == ADDRESS;
    EXPECT(has_asked);
    EXPECT(has_address(&host));
    fake_time_advance(200 * NS_PER_SECOND);
    EXPECT(!has_address(&host));
    bool starts_over = false;
    while (next_message(&host, &question))
        starts_over |= question.type == DHCP_DISCOVER;
    EXPECT(starts_over);
    host_stop(&host);
}

TEST(dhcp_starts_over_when_refused)
{
    struct host host;
    struct dhcp_info question, answer;
    host_start(&host);
    REQUIRE(dhcp_start(host.iface) == 0 && next_message(&host, &question));
    answer = answer_to(&question, DHCP_OFFER);
    deliver(&host, &answer);
    REQUIRE(next_message(&host, &question));
    answer = answer_to(&question, DHCP_NAK);
    deliver(&host, &answer);
    REQUIRE(next_message(&host, &question));
    EXPECT_EQ(question.type, DHCP_DISCOVER);
    EXPECT(!has_address(&host));
    host_stop(&host);
}

TEST(dhcp_does_not_believe_what_makes_no_sense)
{
    struct host host;
    struct dhcp_info question, good, bad;
    host_start(&host);
    REQUIRE(dhcp_start(host.iface) == 0 && next_message(&host, &question));
    good = answer_to(&question, DHCP_OFFER);
#define REFUSED(change)                                                                                                \
    bad = good;                                                                                                        \
    change;                                                                                                            \
    deliver(&host, &bad);                                                                                              \
    EXPECT(!next_message(&host, &question))
    REFUSED(bad.transaction++);
    REFUSED(bad.client_mac[5]++);
    REFUSED(bad.your_address = 0);
    REFUSED(bad.your_address = 0x7f000001);
    REFUSED(bad.your_address = 0xe0000001);
    REFUSED(bad.your_address = 0xffffffff);
    REFUSED(bad.netmask = 0xff00ff00);
    REFUSED(bad.server = 0);
    REFUSED(bad.router = 0xefffffff);
    REFUSED(bad.type = DHCP_ACK);
    deliver(&host, &good);
    REQUIRE(next_message(&host, &question));
    good = answer_to(&question, DHCP_ACK);
    REFUSED(bad.server++);
    REFUSED(bad.your_address++);
    EXPECT(!has_address(&host));
    deliver(&host, &good);
    EXPECT(has_address(&host));
    host_stop(&host);
}

TEST(dhcp_survives_any_bytes)
{
    struct host host;
    struct dhcp_info question;
    host_start(&host);
    REQUIRE(dhcp_start(host.iface) == 0 && next_message(&host, &question));
    struct dhcp_info good = answer_to(&question, DHCP_OFFER);
    for (unsigned round = 0; round < 3000; round++) {
        uint8_t bytes[600];
        size_t len = wire_build_dhcp(bytes, sizeof bytes, &good);
        unsigned changes = (unsigned)(test_random() % 8);
        for (unsigned i = 0; i < changes; i++)
            bytes[test_random() % len] = (uint8_t)test_random();
        dhcp_receive(host.iface, bytes, test_random() % (len + 1));
        host_forget_sent(&host);
    }
    host_stop(&host);
}
