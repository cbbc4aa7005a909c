/* UDP over loopback and over a fake device: look-up, binding, errors, groups, hostile packets. */
#include <arch/cpu.h>
#include <fakes/clock.h>
#include <fakes/memory.h>
#include <fakes/netdev.h>
#include <fakes/sched.h>
#include <fakes/timer.h>
#include <file/poll.h>
#include <string.h>
#include <test/test.h>
#include <udp/udp.h>

static const uint8_t own_mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56}, peer_mac[6] = {0x52, 0x55, 0, 1, 2, 3};
static struct fake_netdev device;
static struct net_stack *stack;
static struct net_interface *iface;
static size_t live_before;

void arch_random_seed(void *to, size_t n)
{
    memset(to, 3, n);
}

static struct ip_address ip(const char *text)
{
    struct ip_address out = {.halves = {0, 0}};
    if (!ip_parse(text, strlen(text), &out))
        test_fail(__FILE__, __LINE__, "%s is not an address", text);
    return out;
}

static struct udp_address at(const char *text, uint16_t port)
{
    return (struct udp_address){ip(text), port, 0};
}

static void start(void)
{
    fake_sched_reset();
    fake_clock_set(1000 * NS_PER_SECOND);
    live_before = fake_memory_live_objects();
    fake_netdev_init(&device, own_mac);
    stack = stack_core_create();
    udp_init(stack);
    iface = interface_add_device(stack, &device.device);
    struct ip_address own = ip("10.0.2.15"), peer = ip("10.0.2.2");
    interface_add_address(iface, &own, 96 + 24);
    neighbour_update(iface, &peer, peer_mac, true);
    fake_netdev_destroy(&device);
}

static void stop(void)
{
    fake_work_run();
    udp_destroy(stack);
    stack_core_destroy(stack);
    fake_netdev_destroy(&device);
    EXPECT_EQ(fake_memory_live_objects(), live_before);
}

static struct udp_socket *make(bool is_v6, const char *address, uint16_t port)
{
    struct udp_socket *socket = NULL;
    if (udp_create(stack, UDP_KIND_UDP, is_v6, &socket))
        test_fail(__FILE__, __LINE__, "no socket");
    if (address) {
        struct udp_address local = at(address, port);
        int err = udp_bind(socket, &local);
        if (err)
            test_fail(__FILE__, __LINE__, "bind to %s port %u: %d", address, port, err);
    }
    return socket;
}

static ssize_t send_to(struct udp_socket *socket, const struct udp_address *to, const void *bytes, size_t len)
{
    struct udp_send_options options = {.to = to, .ttl = -1, .traffic_class = -1};
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, bytes, len);
    ssize_t n = udp_send(socket, &io, &options);
    fake_work_run();
    return n;
}

static ssize_t send_text(struct udp_socket *socket, const char *address, uint16_t port, const char *text)
{
    struct udp_address to = address ? at(address, port) : (struct udp_address){0};
    return send_to(socket, address ? &to : NULL, text, strlen(text));
}

static struct udp_meta last_meta;
static int take_text(struct udp_socket *socket, char *to, size_t size)
{
    struct packet *packet;
    int err = udp_take(socket, false, &packet);
    to[0] = 0;
    if (err)
        return err;
    uint32_t len = packet_total_len(packet);
    last_meta = *udp_meta_of(packet);
    if (len < size) {
        packet_copy_out(packet, 0, to, len);
        to[len] = 0;
    }
    packet_free(packet);
    return (int)len;
}

/* A UDP packet from the peer; a negative checksum_error leaves a good checksum. */
static void receive(const char *from, uint16_t from_port, const char *to, uint16_t to_port, const void *bytes,
                    size_t len, int checksum_error)
{
    uint8_t frame[2048], *udp = frame + ETHERNET_HEADER + IPV4_HEADER;
    struct ip_info info = {.is_v4 = true,
                           .from = ip(from),
                           .to = ip(to),
                           .protocol = PROTOCOL_UDP,
                           .ttl = 33,
                           .traffic_class = 16,
                           .payload_len = (uint16_t)(len + UDP_HEADER)};
    memcpy(frame, own_mac, 6);
    memcpy(frame + 6, peer_mac, 6);
    store_be16(frame + 12, ETHERTYPE_IPV4);
    wire_build_ip(frame + ETHERNET_HEADER, &info);
    store_be16(udp, from_port);
    store_be16(udp + 2, to_port);
    store_be16(udp + 4, info.payload_len);
    store_be16(udp + 6, 0);
    memcpy(udp + UDP_HEADER, bytes, len);
    uint64_t sum = checksum_pseudo(&info.from, &info.to, PROTOCOL_UDP, info.payload_len);
    store_le16(udp + 6, (uint16_t)(checksum_fold(checksum_add(sum, udp, info.payload_len)) + (checksum_error > 0)));
    fake_netdev_receive(&device, frame, ETHERNET_HEADER + IPV4_HEADER + info.payload_len);
}

TEST(a_packet_goes_over_loopback_and_back)
{
    struct udp_address from;
    char text[64];
    start();
    struct udp_socket *server = make(false, "127.0.0.1", 7000), *client = make(false, NULL, 0);
    EXPECT_EQ(send_text(client, "127.0.0.1", 7000, "ping"), 4);
    EXPECT(udp_poll(server) & POLL_IN);
    EXPECT_EQ(udp_next_len(server), 4);
    EXPECT_EQ(take_text(server, text, sizeof text), 4);
    EXPECT_STR(text, "ping");
    udp_get_local(client, &from);
    EXPECT(from.port >= 32768 && from.port == last_meta.from_port);
    EXPECT_EQ(send_text(server, "127.0.0.1", from.port, ""), 0);
    EXPECT_EQ(take_text(client, text, sizeof text), 0);
    EXPECT_EQ(take_text(client, text, sizeof text), -EAGAIN);
    udp_close(server);
    udp_close(client);
    stop();
}

TEST(a_dual_stack_socket_hears_both_families_and_a_v6_only_one_does_not)
{
    char text[64];
    start();
    struct udp_socket *dual = make(true, "::", 7000), *client = make(false, NULL, 0), *client6 = make(true, NULL, 0);
    EXPECT_EQ(send_text(client, "127.0.0.1", 7000, "four"), 4);
    EXPECT_EQ(take_text(dual, text, sizeof text), 4);
    EXPECT(ip_is_v4(&last_meta.from));
    EXPECT_EQ(send_text(client6, "::1", 7000, "six"), 3);
    EXPECT_EQ(take_text(dual, text, sizeof text), 3);
    struct udp_socket *four = NULL;
    struct udp_address local = at("0.0.0.0", 7000);
    udp_create(stack, UDP_KIND_UDP, false, &four);
    EXPECT_EQ(udp_bind(four, &local), -EADDRINUSE);
    udp_close(dual);
    udp_create(stack, UDP_KIND_UDP, true, &dual);
    EXPECT_EQ(udp_set(dual, UDP_SET_V6_ONLY, 1), 0);
    struct udp_address any = at("::", 7000);
    EXPECT_EQ(udp_bind(dual, &any), 0);
    EXPECT_EQ(udp_bind(four, &local), 0);
    EXPECT_EQ(send_text(client, "127.0.0.1", 7000, "four"), 4);
    EXPECT_EQ(take_text(four, text, sizeof text), 4);
    EXPECT_EQ(take_text(dual, text, sizeof text), -EAGAIN);
    udp_close(dual);
    udp_close(four);
    udp_close(client);
    udp_close(client6);
    stop();
}

TEST(a_connected_socket_hears_only_its_peer)
{
    char text[64];
    start();
    struct udp_socket *socket = make(false, "10.0.2.15", 7000), *other = make(false, NULL, 0);
    struct udp_address peer = at("10.0.2.2", 53), local = at("10.0.2.15", 7000), name;
    EXPECT_EQ(udp_get_peer(socket, &name), -ENOTCONN);
    EXPECT_EQ(udp_connect(socket, &peer), 0);
    receive("10.0.2.2", 54, "10.0.2.15", 7000, "no", 2, -1);
    EXPECT_EQ(take_text(socket, text, sizeof text), -EAGAIN);
    receive("10.0.2.2", 53, "10.0.2.15", 7000, "yes", 3, -1);
    EXPECT_EQ(take_text(socket, text, sizeof text), 3);
    EXPECT_EQ(last_meta.ttl, 33);
    EXPECT_EQ(last_meta.traffic_class, 16);
    EXPECT_EQ(last_meta.iface_index, iface->index);
    EXPECT_EQ(udp_bind(other, &local), -EADDRINUSE);
    EXPECT_EQ(udp_connect(socket, NULL), 0);
    receive("10.0.2.2", 54, "10.0.2.15", 7000, "now", 3, -1);
    EXPECT_EQ(take_text(socket, text, sizeof text), 3);
    udp_close(socket);
    udp_close(other);
    stop();
}

TEST(packets_are_framed_with_checksum_and_sent_to_the_neighbour)
{
    uint8_t frame[2048];
    struct udp_info udp;
    struct ip_info info;
    start();
    struct udp_socket *socket = make(false, NULL, 0);
    udp_set(socket, UDP_SET_TTL, 7);
    udp_set(socket, UDP_SET_TOS, 8);
    EXPECT_EQ(send_text(socket, "10.0.2.2", 53, "question"), 8);
    size_t len = fake_netdev_take(&device, frame, sizeof frame);
    REQUIRE(len == ETHERNET_HEADER + IPV4_HEADER + UDP_HEADER + 8);
    EXPECT_BYTES(frame, peer_mac, 6);
    uint8_t *p = frame + ETHERNET_HEADER;
    REQUIRE(wire_parse_ip(p, len - ETHERNET_HEADER, len - ETHERNET_HEADER, &info));
    EXPECT_EQ(info.ttl, 7);
    EXPECT_EQ(info.traffic_class, 8);
    EXPECT(info.dont_fragment);
    REQUIRE(wire_parse_udp(p + IPV4_HEADER, 16, &udp));
    uint64_t sum = checksum_pseudo(&info.from, &info.to, PROTOCOL_UDP, 16);
    EXPECT_EQ(checksum_fold(checksum_add(sum, p + IPV4_HEADER, 16)), 0);
    udp_close(socket);
    stop();
}

TEST(large_packets_travel_in_fragments_and_too_large_ones_do_not)
{
    static uint8_t big[70000];
    static char back[70000];
    start();
    for (unsigned i = 0; i < sizeof big; i++)
        big[i] = (uint8_t)test_random();
    struct udp_socket *a = make(false, "127.0.0.1", 7000), *b = make(false, NULL, 0);
    struct udp_address to = at("127.0.0.1", 7000), far = at("10.0.2.2", 9);
    EXPECT_EQ(send_to(b, &to, big, 65507), 65507);
    EXPECT_EQ(take_text(a, back, sizeof back), 65507);
    EXPECT_BYTES(back, big, 65507);
    EXPECT_EQ(send_to(b, &to, big, 65508), -EMSGSIZE);
    EXPECT_EQ(send_to(b, &far, big, 4000), 4000);
    EXPECT_EQ(device.sent_count, 3);
    udp_set(b, UDP_SET_MTU_DISCOVER, 2);
    EXPECT_EQ(send_to(b, &far, big, 4000), -EMSGSIZE);
    udp_close(a);
    udp_close(b);
    stop();
}

TEST(an_icmp_error_reaches_the_connected_socket_only)
{
    char text[16];
    start();
    struct udp_socket *a = make(false, NULL, 0), *b = make(false, NULL, 0);
    struct udp_address closed = at("127.0.0.1", 9999);
    EXPECT_EQ(udp_connect(a, &closed), 0);
    EXPECT_EQ(send_text(a, NULL, 0, "x"), 1);
    EXPECT_EQ(send_text(b, "127.0.0.1", 9999, "x"), 1);
    EXPECT(udp_poll(a) & POLL_ERR);
    EXPECT_EQ(take_text(a, text, sizeof text), -ECONNREFUSED);
    EXPECT_EQ(take_text(a, text, sizeof text), -EAGAIN);
    EXPECT_EQ(take_text(b, text, sizeof text), -EAGAIN);
    udp_close(a);
    udp_close(b);
    stop();
}

TEST(broadcast_needs_permission)
{
    start();
    struct udp_socket *socket = make(false, NULL, 0);
    EXPECT_EQ(send_text(socket, "10.0.2.255", 9, "x"), -EACCES);
    EXPECT_EQ(send_text(socket, "255.255.255.255", 9, "x"), -EACCES);
    udp_set(socket, UDP_SET_BROADCAST, 1);
    EXPECT_EQ(send_text(socket, "255.255.255.255", 9, "x"), 1);
    EXPECT_EQ(device.sent_count, 1);
    udp_close(socket);
    stop();
}

TEST(group_packets_reach_every_member_and_loop_back)
{
    char text[16];
    start();
    struct ip_address group = ip("239.1.1.1");
    struct udp_socket *a = NULL, *b = NULL;
    struct udp_address any = at("0.0.0.0", 7000);
    udp_create(stack, UDP_KIND_UDP, false, &a);
    udp_create(stack, UDP_KIND_UDP, false, &b);
    udp_set(a, UDP_SET_REUSE_ADDRESS, 1);
    udp_set(b, UDP_SET_REUSE_ADDRESS, 1);
    EXPECT(!udp_bind(a, &any) && !udp_bind(b, &any));
    receive("10.0.2.2", 1, "239.1.1.1", 7000, "x", 1, -1);
    EXPECT_EQ(take_text(a, text, sizeof text), -EAGAIN);
    EXPECT_EQ(udp_join(a, &group, iface->index), 0);
    EXPECT_EQ(udp_join(a, &group, iface->index), -EADDRINUSE);
    EXPECT_EQ(udp_join(b, &group, 0), 0);
    receive("10.0.2.2", 1, "239.1.1.1", 7000, "x", 1, -1);
    EXPECT_EQ(take_text(a, text, sizeof text), 1);
    EXPECT_EQ(take_text(b, text, sizeof text), 1);
    EXPECT_EQ(send_text(a, "239.1.1.1", 7000, "mine"), 4);
    EXPECT_EQ(take_text(a, text, sizeof text), 4);
    EXPECT_EQ(take_text(b, text, sizeof text), 4);
    udp_set(a, UDP_SET_MULTICAST_LOOP4, 0);
    EXPECT_EQ(send_text(a, "239.1.1.1", 7000, "mine"), 4);
    EXPECT_EQ(take_text(b, text, sizeof text), -EAGAIN);
    EXPECT_EQ(udp_leave(b, &group, 0), 0);
    udp_set(b, UDP_SET_MULTICAST_ALL4, 0);
    receive("10.0.2.2", 1, "239.1.1.1", 7000, "x", 1, -1);
    EXPECT_EQ(take_text(a, text, sizeof text), 1);
    EXPECT_EQ(take_text(b, text, sizeof text), -EAGAIN);
    udp_close(a);
    udp_close(b);
    EXPECT(!multicast_is_member(iface, &group));
    stop();
}

TEST(a_reuse_port_group_shares_the_flows)
{
    enum { SOCKETS = 4 };
    struct udp_socket *sockets[SOCKETS];
    unsigned counts[SOCKETS] = {0};
    char text[16];
    start();
    struct udp_address any = at("0.0.0.0", 7000);
    for (unsigned i = 0; i < SOCKETS; i++) {
        udp_create(stack, UDP_KIND_UDP, false, &sockets[i]);
        udp_set(sockets[i], UDP_SET_REUSE_PORT, 1);
        EXPECT_EQ(udp_bind(sockets[i], &any), 0);
    }
    for (uint16_t port = 1; port <= 400; port++)
        receive("10.0.2.2", port, "10.0.2.15", 7000, "x", 1, -1);
    for (unsigned i = 0; i < SOCKETS; i++) {
        while (take_text(sockets[i], text, sizeof text) > 0)
            counts[i]++;
        EXPECT(counts[i] > 40 && counts[i] < 200);
        udp_close(sockets[i]);
    }
    EXPECT_EQ(counts[0] + counts[1] + counts[2] + counts[3], 400);
    stop();
}

TEST(the_queue_is_bounded_by_the_receive_buffer)
{
    static uint8_t block[1000];
    char text[16];
    start();
    struct udp_socket *socket = make(false, "10.0.2.15", 7000);
    udp_set(socket, UDP_SET_RECEIVE_BUFFER, 10000);
    EXPECT_EQ(udp_get(socket, UDP_SET_RECEIVE_BUFFER), 20000);
    for (unsigned i = 0; i < 100; i++)
        receive("10.0.2.2", 1, "10.0.2.15", 7000, block, sizeof block, -1);
    unsigned count = 0;
    while (take_text(socket, text, sizeof text) > 0)
        count++;
    EXPECT(count > 5 && count < 20);
    EXPECT_EQ(udp_get_counters(stack)->buffer_full, 100 - count);
    udp_close(socket);
    stop();
}

TEST(damaged_packets_are_dropped)
{
    char text[16];
    uint8_t frame[64];
    start();
    struct udp_socket *socket = make(false, "10.0.2.15", 7000);
    receive("10.0.2.2", 1, "10.0.2.15", 7000, "x", 1, 1);
    EXPECT_EQ(take_text(socket, text, sizeof text), -EAGAIN);
    EXPECT_EQ(udp_get_counters(stack)->bad, 1);
    for (unsigned round = 0; round < 3000; round++) { /* any bytes behind a good IP header */
        struct ip_info info = {.is_v4 = true,
                               .from = ip("10.0.2.2"),
                               .to = ip("10.0.2.15"),
                               .protocol = PROTOCOL_UDP,
                               .ttl = 1,
                               .payload_len = (uint16_t)(test_random() % 20)};
        memcpy(frame, own_mac, 6);
        memcpy(frame + 6, peer_mac, 6);
        store_be16(frame + 12, ETHERTYPE_IPV4);
        wire_build_ip(frame + ETHERNET_HEADER, &info);
        for (unsigned i = 0; i < 20; i++)
            frame[ETHERNET_HEADER + IPV4_HEADER + i] = (uint8_t)(test_random() % 24);
        fake_netdev_receive(&device, frame, ETHERNET_HEADER + IPV4_HEADER + info.payload_len);
    }
    udp_close(socket);
    stop();
}

TEST(an_address_that_is_not_ours_cannot_be_bound)
{
    start();
    struct udp_socket *socket = make(false, NULL, 0);
    struct udp_address local = at("10.0.2.99", 7000);
    EXPECT_EQ(udp_bind(socket, &local), -EADDRNOTAVAIL);
    local = at("10.0.2.15", 0);
    EXPECT_EQ(udp_bind(socket, &local), 0);
    EXPECT_EQ(udp_bind(socket, &local), -EINVAL);
    udp_close(socket);
    stop();
}

TEST(ping_and_raw_sockets_see_the_echo)
{
    uint8_t request[16] = {8, 0, 0, 0, 0, 0, 0, 1, 'd', 'a', 't', 'a'};
    struct udp_socket *ping, *raw;
    struct packet *packet;
    start();
    udp_create(stack, UDP_KIND_PING, false, &ping);
    udp_create(stack, UDP_KIND_RAW, false, &raw);
    udp_set(raw, UDP_SET_ICMP_FILTER, 1 << 8);
    struct udp_address to = at("127.0.0.1", 0), local;
    EXPECT_EQ(send_to(ping, &to, request, sizeof request), 16);
    REQUIRE(udp_take(ping, false, &packet) == 0);
    udp_get_local(ping, &local);
    EXPECT_EQ(packet->data[0], 0);
    EXPECT_EQ(load_be16(packet->data + 4), local.port);
    EXPECT_BYTES(packet->data + 8, "data", 4);
    packet_free(packet);
    REQUIRE(udp_take(raw, false, &packet) == 0); /* the reply, with its IP header; the request is filtered */
    EXPECT_EQ(packet->len, IPV4_HEADER + 16);
    EXPECT_EQ(packet->data[IPV4_HEADER], 0);
    packet_free(packet);
    EXPECT_EQ(udp_take(raw, false, &packet), -EAGAIN);
    request[0] = 3;
    EXPECT_EQ(send_to(ping, &to, request, sizeof request), -EINVAL);
    udp_close(ping);
    udp_close(raw);
    stop();
}
