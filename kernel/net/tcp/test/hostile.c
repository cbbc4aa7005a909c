/* Peers that want harm, and memory that runs out. */
#include <arch/cpu.h>
#include "hand.h"

static struct wire wire;
static struct hand hand;

static struct tcp_info_wire random_segment(uint32_t seq, uint32_t ack, uint16_t port)
{
    uint64_t r = test_random();
    struct tcp_info_wire tcp = {
        .from_port = port, .to_port = 80, .flags = (uint8_t)(r & 0x3f), .window = (uint16_t)(r >> 8)};
    /* Near the truth mostly, so that the segment gets far. */
    tcp.seq = seq + (r & 1 << 24 ? (uint32_t)test_random() : (uint32_t)(test_random() % 4000) - 1000);
    tcp.ack = ack + (r & 1 << 25 ? (uint32_t)test_random() : (uint32_t)(test_random() % 4000) - 1000);
    if (r >> 26 & 3)
        tcp.flags = (uint8_t)((tcp.flags | TCP_ACK) & ~(TCP_RST | TCP_SYN));
    tcp.has_mss = r >> 28 & 1;
    tcp.mss = (uint16_t)(r >> 32);
    tcp.has_timestamp = r >> 29 & 1;
    tcp.timestamp = (uint32_t)test_random() >> (r >> 40 & 31);
    tcp.timestamp_echo = (uint32_t)test_random() >> (r >> 45 & 31);
    if (!tcp.has_mss && r >> 30 & 1) {
        tcp.sack_count = (uint8_t)(1 + (r >> 50) % 3);
        for (unsigned i = 0; i < tcp.sack_count; i++) {
            tcp.sack[i].start = ack + (uint32_t)(test_random() % 20000) - 2000;
            tcp.sack[i].end = tcp.sack[i].start + (uint32_t)(test_random() % 5000) - 100;
        }
    }
    return tcp;
}

TEST(tcp_survives_random_segments_in_every_state)
{
    static uint8_t bytes[2000];
    for (unsigned round = 0; round < 40; round++) {
        hand_init(&hand, &wire);
        struct tcp_info_wire options = {.has_mss = true,
                                        .mss = (uint16_t)(round & 1 ? 1460 : 1),
                                        .sack_permitted = round & 2,
                                        .has_scale = true,
                                        .scale = 14,
                                        .has_timestamp = round & 4,
                                        .timestamp = 100};
        hand_connect(&hand, &options);
        REQUIRE(hand.conn);
        uint32_t seq = hand.seq, ack = hand.ack;
        for (unsigned i = 0; i < 400; i++) {
            struct tcp_info_wire tcp = random_segment(seq, ack, i % 8 ? hand.port : (uint16_t)(5000 + i));
            if (round & 4 && i % 4)
                tcp.has_timestamp = true;
            size_t len = test_random() % 3 ? 0 : test_random() % sizeof bytes;
            wire_inject(&wire, &wire.a, true, &tcp, bytes, len);
            if (i % 3 == 0)
                send_bytes(hand.conn, bytes, test_random() % sizeof bytes);
            if (i % 5 == 0) {
                ssize_t n = receive_bytes(hand.conn, bytes, test_random() % sizeof bytes);
                if (n > 0)
                    seq += (uint32_t)n;
            }
            const struct seen *last = hand_last(&hand);
            if (last->tcp.flags & TCP_ACK && last->tcp.to_port == hand.port) {
                seq = last->tcp.ack;
                ack = last->tcp.seq + last->len - (uint32_t)(test_random() % 3000);
            }
            if (i == 200 && round & 8)
                tcp_shutdown(hand.conn, TCP_SHUTDOWN_WRITE);
            wire_run(test_random() % (50 * NS_PER_MS));
        }
        hand_close(&hand);
    }
}

/* Bytes that are no segment: short, with impossible header lengths, with broken options; the checksum is right. */
TEST(tcp_survives_random_bytes)
{
    hand_init(&hand, &wire);
    hand_connect(&hand, NULL);
    for (unsigned i = 0; i < 20000; i++) {
        struct packet *packet = packet_alloc(128, ALLOC_ATOMIC);
        REQUIRE(packet);
        uint32_t len = (uint32_t)(test_random() % 100);
        for (uint32_t k = 0; k < len; k++)
            packet->data[k] = (uint8_t)test_random();
        if (len >= 20) {
            store_be16(packet->data, hand.port);
            store_be16(packet->data + 2, 80);
            store_be32(packet->data + 4, hand.seq);
            store_be32(packet->data + 8, hand.ack);
            packet->data[13] &= (uint8_t)~TCP_RST;
        }
        packet->len = len;
        packet->offload = PACKET_CHECKSUM_VALID;
        struct ip_info info = {.from = wire.b.v4,
                               .to = wire.a.v4,
                               .is_v4 = true,
                               .protocol = PROTOCOL_TCP,
                               .ttl = 64,
                               .payload_len = (uint16_t)len};
        wire.a.stack->protocols[PROTOCOL_TCP]->receive(wire.a.stack, wire.a.iface, packet, &info);
    }
    hand_close(&hand);
}

TEST(tcp_memory_of_a_connection_is_bounded_whatever_is_sent)
{
    hand_init(&hand, &wire);
    hand_connect(&hand, NULL);
    size_t before = fake_memory_live_objects();
    /* One-byte segments with gaps, all over the window. */
    for (uint32_t i = 0; i < 60000; i += 2)
        hand_send_at(&hand, hand.seq + 1 + i, TCP_ACK, "x", 1);
    EXPECT(fake_memory_live_objects() - before < 9000);
    /* And in order, never read. */
    for (unsigned i = 0; i < 20000; i++)
        hand_send(&hand, TCP_ACK, "y", 1);
    EXPECT(fake_memory_live_objects() - before < 9000);
    hand_close(&hand);
}

TEST(tcp_survives_a_syn_flood)
{
    hand_init(&hand, &wire);
    hand.listener = listen_on(&wire.a, false, 80, 64);
    size_t before = fake_memory_live_objects();
    struct tcp_info_wire syn = {.to_port = 80, .flags = TCP_SYN, .window = 1000, .has_mss = true, .mss = 1460};
    for (unsigned i = 0; i < 20000; i++) {
        syn.from_port = (uint16_t)(1 + i);
        syn.seq = (uint32_t)test_random();
        wire_inject(&wire, &wire.a, true, &syn, NULL, 0);
    }
    EXPECT(fake_memory_live_objects() - before <= 64 + 1);
    hand_connect(&hand, NULL); /* by cookie */
    hand_send(&hand, TCP_ACK, "hi", 2);
    EXPECT_EQ(tcp_readable_bytes(hand.conn), 2);
    hand_close(&hand);
}

/* Every single allocation fails once; a connection may be refused for it but never hangs or leaks. */
TEST(tcp_recovers_from_each_failed_allocation)
{
    for (unsigned n = 1;; n++) {
        wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
        struct pair pair = {0};
        fake_memory_fail_nth(n);
        struct tcp_connection *listener = listen_on(&wire.b, true, 80, 4);
        if (!listener) {
            wire_close(&wire);
            continue;
        }
        pair.listener = listener;
        struct tcp_address peer = {.address = wire.b.v4, .port = 80};
        int err = tcp_create(wire.a.stack, false, &pair.client);
        if (!err)
            err = tcp_connect(pair.client, &peer);
        if (err == -EINPROGRESS) {
            uint64_t limit = clock_monotonic_ns() + 60 * NS_PER_SECOND;
            while (tcp_accept(listener, &pair.server) && wire_step(limit)) {
            }
            EXPECT(pair.server);
            if (pair.server)
                EXPECT(transfer(&pair, 50000, 50000, 60 * NS_PER_SECOND));
        } else
            EXPECT(err == -ENOMEM || err == -ENETUNREACH);
        bool has_failed = fake_memory_failed();
        fake_memory_fail_nth(0);
        if (pair.client)
            tcp_close(pair.client);
        if (pair.server)
            tcp_close(pair.server);
        tcp_close(listener);
        wire_close(&wire);
        if (!has_failed)
            break;
    }
}

/* Memory comes and goes all the time. */
TEST(tcp_carries_data_while_allocations_fail_at_random)
{
    wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
    struct pair pair = wire_connect(&wire, true);
    static uint8_t bytes[8192], got[8192], wanted[8192];
    size_t sent = 0, received = 0, total = 200000;
    for (unsigned i = 0; i < 200000 && received < total; i++) {
        fake_memory_fail_nth(1 + (unsigned)(test_random() % 20));
        size_t n = total - sent < sizeof bytes ? total - sent : sizeof bytes;
        pattern(bytes, sent, n, 1);
        ssize_t done = n ? send_bytes(pair.client, bytes, n) : 0;
        if (done > 0)
            sent += (size_t)done;
        wire_step(UINT64_MAX);
        done = receive_bytes(pair.server, got, sizeof got);
        if (done > 0) {
            pattern(wanted, received, (size_t)done, 1);
            EXPECT(!memcmp(got, wanted, (size_t)done));
            received += (size_t)done;
        }
    }
    fake_memory_fail_nth(0);
    EXPECT_EQ(received, total);
    pair_close(&pair);
    wire_close(&wire);
}
