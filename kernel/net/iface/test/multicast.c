/* Groups and their reports. */
#include <string.h>
#include "host.h"

/* The next IGMP message sent; its type, 0: none. */
static uint8_t next_igmp(struct host *host, struct frame *frame)
{
    if (!host_next(host, PROTOCOL_IGMP, frame))
        return 0;
    EXPECT_EQ(frame->ip.ttl, 1);
    EXPECT_EQ(checksum_fold(checksum_add(0, frame->payload, frame->payload_len)), 0);
    return frame->payload[0];
}

TEST(joining_and_leaving_is_reported)
{
    struct host host;
    struct frame frame;
    host_start(&host);
    struct ip_address group = address("239.1.2.3");
    EXPECT(!multicast_is_member(host.iface, &group));
    EXPECT_EQ(multicast_join(host.iface, &group), 0);
    EXPECT_EQ(multicast_join(host.iface, &group), 0);
    EXPECT(multicast_is_member(host.iface, &group));
    REQUIRE(next_igmp(&host, &frame) == 0x22);
    EXPECT_EQ(frame.payload[8], 4);
    EXPECT_BYTES(frame.payload + 12, group.bytes + 12, 4);
    EXPECT_BYTES(frame.bytes, "\x01\x00\x5e\x00\x00\x16", 6);
    EXPECT_EQ(next_igmp(&host, &frame), 0);
    EXPECT_EQ(multicast_leave(host.iface, &group), 0);
    EXPECT(multicast_is_member(host.iface, &group));
    EXPECT_EQ(multicast_leave(host.iface, &group), 0);
    EXPECT(!multicast_is_member(host.iface, &group));
    REQUIRE(next_igmp(&host, &frame) == 0x22);
    EXPECT_EQ(frame.payload[8], 3);
    EXPECT_EQ(multicast_leave(host.iface, &group), -EADDRNOTAVAIL);
    host_stop(&host);
}

TEST(queries_are_answered_in_the_routers_version)
{
    struct host host;
    struct frame frame;
    host_start(&host);
    struct ip_address group = address("239.1.2.3");
    multicast_join(host.iface, &group);
    fake_time_advance(3 * NS_PER_SECOND);
    host_forget_sent(&host);
    uint8_t query[8] = {0x11, 100};
    store_le16(query + 2, checksum_fold(checksum_add(0, query, sizeof query)));
    struct ip_info info = {
        .from = address("10.0.2.2"), .to = address("224.0.0.1"), .protocol = PROTOCOL_IGMP, .ttl = 1};
    host_receive_ip(&host, &info, query, sizeof query);
    fake_time_advance(11 * NS_PER_SECOND);
    REQUIRE(next_igmp(&host, &frame) == 0x16);
    EXPECT_BYTES(frame.payload + 4, group.bytes + 12, 4);
    host_stop(&host);
}

TEST(ipv6_groups_are_reported_with_a_router_alert)
{
    struct host host;
    struct frame frame;
    host_start(&host);
    struct ip_address group = address("ff02::1234");
    host_forget_sent(&host);
    EXPECT_EQ(multicast_join(host.iface, &group), 0);
    REQUIRE(host_next(&host, PROTOCOL_ICMP6, &frame));
    EXPECT_EQ(frame.payload[0], 143);
    EXPECT_EQ(frame.ip.header_len, IPV6_HEADER + 8);
    EXPECT_BYTES(frame.payload + 12, group.bytes, 16);
    struct ip_address own = address("ff02::1:ff12:3456"), all = address("ff02::1"), other = address("ff02::1:ff00:1");
    EXPECT(multicast_is_member(host.iface, &own) && multicast_is_member(host.iface, &all));
    EXPECT(!multicast_is_member(host.iface, &other));
    host_stop(&host);
}

TEST(groups_are_bounded)
{
    struct host host;
    host_start(&host);
    int err = 0;
    unsigned count = 0;
    for (; count < 1000 && !err; count++) {
        struct ip_address group = ip_from_v4(0xef000000 + count);
        err = multicast_join(host.iface, &group);
    }
    EXPECT_EQ(err, -ENOBUFS);
    EXPECT_EQ(count, MEMBERSHIP_MAX + 1);
    host_stop(&host);
}
