/* Reassembly and fragmentation. */
#include <string.h>
#include "host.h"

static uint8_t whole[8000], received[70000];
static size_t received_len;
static unsigned received_count;

static void take_datagram(struct net_stack *stack, struct net_interface *iface, struct packet *packet,
                          struct ip_info *info)
{
    received_len = packet_total_len(packet);
    packet_copy_out(packet, 0, received, (uint32_t)received_len);
    EXPECT_EQ(info->payload_len, received_len);
    received_count++;
    packet_free(packet);
}
static const struct protocol taker = {.receive = take_datagram};
enum { TEST_PROTOCOL = 253 };

static void start(struct host *host)
{
    host_start(host);
    struct ip_address own = address("10.0.2.15"), own6 = address("fd00::1");
    interface_add_address(host->iface, &own, 96 + 24);
    interface_add_address(host->iface, &own6, 64);
    stack_set_protocol(host->stack, TEST_PROTOCOL, &taker);
    received_count = 0;
    for (unsigned i = 0; i < sizeof whole; i++)
        whole[i] = (uint8_t)test_random();
}

static void send_piece(struct host *host, uint32_t id, unsigned offset, unsigned len, bool more)
{
    struct ip_info info = {.from = address("10.0.2.2"),
                           .to = address("10.0.2.15"),
                           .protocol = TEST_PROTOCOL,
                           .ttl = 9,
                           .fragment_id = id,
                           .fragment_offset = (uint16_t)offset,
                           .more_fragments = more};
    host_receive_ip(host, &info, whole + offset, len);
}

TEST(fragments_in_any_order_make_the_datagram)
{
    struct host host;
    start(&host);
    send_piece(&host, 1, 2000, 500, false);
    send_piece(&host, 1, 0, 1000, true);
    EXPECT_EQ(received_count, 0);
    send_piece(&host, 1, 1000, 1000, true);
    REQUIRE(received_count == 1);
    EXPECT_EQ(received_len, 2500);
    EXPECT_BYTES(received, whole, 2500);
    host_stop(&host);
}

TEST(a_repeated_fragment_does_no_harm)
{
    struct host host;
    start(&host);
    send_piece(&host, 1, 0, 1000, true);
    send_piece(&host, 1, 0, 1000, true);
    send_piece(&host, 1, 1000, 8, false);
    EXPECT_EQ(received_count, 1);
    host_stop(&host);
}

TEST(overlapping_fragments_condemn_the_datagram)
{
    struct host host;
    start(&host);
    send_piece(&host, 1, 0, 1000, true);
    send_piece(&host, 1, 992, 1000, true);
    send_piece(&host, 1, 1000, 992, true);
    send_piece(&host, 1, 1992, 8, false);
    send_piece(&host, 1, 0, 1000, true);
    EXPECT_EQ(received_count, 0);
    fake_clock_advance(31 * NS_PER_SECOND);
    send_piece(&host, 1, 0, 1000, true);
    send_piece(&host, 1, 1000, 8, false);
    EXPECT_EQ(received_count, 1);
    host_stop(&host);
}

TEST(fragments_that_contradict_each_other_or_reach_too_far_are_dropped)
{
    struct host host;
    start(&host);
    send_piece(&host, 1, 1000, 8, false);
    send_piece(&host, 1, 2000, 8, false); /* another end */
    send_piece(&host, 1, 0, 1000, true);
    EXPECT_EQ(received_count, 0);
    send_piece(&host, 2, 0, 999, true); /* not a multiple of 8 */
    send_piece(&host, 2, 999, 8, false);
    EXPECT_EQ(received_count, 0);
    struct ip_info info = {.from = address("10.0.2.2"),
                           .to = address("10.0.2.15"),
                           .protocol = TEST_PROTOCOL,
                           .fragment_id = 3,
                           .fragment_offset = 65528};
    host_receive_ip(&host, &info, whole, 100); /* ends past 65535 */
    EXPECT_EQ(received_count, 0);
    host_stop(&host);
}

TEST(incomplete_datagrams_are_bounded_in_number_and_memory)
{
    struct host host;
    start(&host);
    size_t before = fake_memory_live_objects();
    for (uint32_t id = 0; id < 5000; id++)
        send_piece(&host, id, 0, 1400, true);
    EXPECT(fake_memory_live_objects() - before <= 64);
    for (unsigned i = 0; i < 400; i++) /* many small parts of one */
        send_piece(&host, 77777, i * 16, 8, true);
    EXPECT(fake_memory_live_objects() - before <= 64 + 128);
    host_stop(&host);
}

/* What is sent in pieces comes back through the device as it was. */
static void send_and_rejoin(struct host *host, const char *from, const char *to, unsigned len)
{
    struct ip_info info = {.from = address(from), .to = address(to), .protocol = TEST_PROTOCOL, .ttl = 64};
    struct route route;
    struct frame frame;
    neighbour_update(host->iface, &info.to, peer_mac, true);
    REQUIRE(route_find(host->stack, &info.to, &info.from, 0, &route) == 0);
    struct packet *packet = packet_alloc(len, ALLOC_WAIT);
    memcpy(packet->data, whole, len);
    packet->len = len;
    host_forget_sent(host);
    EXPECT_EQ(ip_send(host->stack, &route, packet, &info), 0);
    route_put(&route);
    unsigned pieces = 0;
    while (host_next(host, TEST_PROTOCOL, &frame)) {
        EXPECT(frame.len <= 1500 + ETHERNET_HEADER);
        pieces++;
        /* Back to us: swap the addresses. Only the pseudo-free header matters here. */
        uint8_t *ip = frame.bytes + ETHERNET_HEADER;
        unsigned at = frame.ip.is_v4 ? 12 : 8, size = frame.ip.is_v4 ? 4 : 16;
        uint8_t swap[16];
        memcpy(swap, ip + at, size);
        memcpy(ip + at, ip + at + size, size);
        memcpy(ip + at + size, swap, size);
        memcpy(frame.bytes, own_mac, 6);
        fake_netdev_receive(&host->device, frame.bytes, frame.len);
    }
    EXPECT_EQ(pieces, (len + 1479) / 1480);
    EXPECT_EQ(received_count, 1);
    EXPECT_EQ(received_len, len);
    EXPECT_BYTES(received, whole, len);
    received_count = 0;
}

TEST(long_packets_are_sent_in_fragments)
{
    struct host host;
    start(&host);
    send_and_rejoin(&host, "10.0.2.15", "10.0.2.2", 4001);
    send_and_rejoin(&host, "fd00::1", "fd00::2", 4001);
    host_stop(&host);
}

TEST(packets_that_must_not_be_fragmented_are_not)
{
    struct host host;
    struct route route;
    start(&host);
    struct ip_info info = {.from = address("10.0.2.15"),
                           .to = address("10.0.2.2"),
                           .protocol = TEST_PROTOCOL,
                           .ttl = 64,
                           .dont_fragment = true};
    REQUIRE(route_find(host.stack, &info.to, &info.from, 0, &route) == 0);
    struct packet *packet = packet_alloc(4000, ALLOC_WAIT);
    memset(packet->data, 0, 4000);
    packet->len = 4000;
    EXPECT_EQ(ip_send(host.stack, &route, packet, &info), -EMSGSIZE);
    route_put(&route);
    host_stop(&host);
}
