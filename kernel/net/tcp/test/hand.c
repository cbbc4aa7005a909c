/* See hand.h. */
#include <arch/cpu.h>
#include "hand.h"

static bool swallow(struct wire *wire, const struct seen *seen)
{
    return seen->from_a;
}

void hand_init(struct hand *hand, struct wire *wire)
{
    wire_open(wire, (struct wire_config){.delay_ns = NS_PER_MS});
    struct pair warm_up = wire_connect(wire, true); /* the neighbours know each other */
    pair_close(&warm_up);
    wire_run(70 * NS_PER_SECOND);
    wire->drops = swallow;
    wire->seen_count = 0;
    *hand = (struct hand){.wire = wire, .port = 7777, .their_port = 80, .isn = 0xfffff000, .window = 65535};
    neighbour_update(wire->a.iface, &wire->b.v4, wire->b.device.address, true);
}

static void set_options(struct tcp_info_wire *tcp, const struct tcp_info_wire *options)
{
    if (!options) {
        tcp->has_mss = tcp->sack_permitted = true;
        tcp->mss = 1460;
        return;
    }
    tcp->has_mss = options->has_mss;
    tcp->mss = options->mss;
    tcp->has_scale = options->has_scale;
    tcp->scale = options->scale;
    tcp->sack_permitted = options->sack_permitted;
    tcp->has_timestamp = options->has_timestamp;
    tcp->timestamp = options->timestamp;
}

static void inject(struct hand *hand, struct tcp_info_wire *tcp, const void *bytes, size_t len)
{
    neighbour_update(hand->wire->a.iface, &hand->wire->b.v4, hand->wire->b.device.address, true);
    tcp->from_port = hand->port;
    tcp->to_port = hand->their_port;
    if (tcp->flags & TCP_ACK)
        tcp->ack = hand->ack;
    tcp->window = hand->window;
    if (hand->has_timestamps) {
        tcp->has_timestamp = true;
        tcp->timestamp = hand->timestamp;
    }
    wire_inject(hand->wire, &hand->wire->a, true, tcp, bytes, len);
}

void hand_accept(struct hand *hand, const struct tcp_info_wire *options)
{
    hand->conn = connect_to(&hand->wire->a, &hand->wire->b, true, hand->port);
    const struct seen *syn = hand_last(hand);
    REQUIRE(syn && syn->tcp.flags == TCP_SYN);
    hand->their_port = syn->tcp.from_port;
    hand->ack = syn->tcp.seq + 1;
    struct tcp_info_wire answer = {.seq = hand->isn, .flags = TCP_SYN | TCP_ACK};
    set_options(&answer, options);
    inject(hand, &answer, NULL, 0);
    hand->has_timestamps = options && options->has_timestamp;
    hand->timestamp = options ? options->timestamp : 0;
    hand->seq = hand->isn + 1;
    EXPECT_EQ(tcp_connect_result(hand->conn), 0);
}

void hand_connect(struct hand *hand, const struct tcp_info_wire *options)
{
    if (!hand->listener)
        hand->listener = listen_on(&hand->wire->a, false, 80, 16);
    struct tcp_info_wire syn = {.seq = hand->isn, .flags = TCP_SYN};
    set_options(&syn, options);
    inject(hand, &syn, NULL, 0);
    const struct seen *answer = hand_last(hand);
    REQUIRE(answer && answer->tcp.flags == (TCP_SYN | TCP_ACK));
    hand->has_timestamps = options && options->has_timestamp;
    hand->timestamp = options ? options->timestamp : 0;
    hand->seq = hand->isn + 1;
    hand->ack = answer->tcp.seq + 1;
    hand_send(hand, TCP_ACK, NULL, 0);
    EXPECT_EQ(tcp_accept(hand->listener, &hand->conn), 0);
}

void hand_send_at(struct hand *hand, uint32_t seq, uint8_t flags, const void *bytes, size_t len)
{
    struct tcp_info_wire tcp = {.seq = seq, .flags = flags};
    inject(hand, &tcp, bytes, len);
}

void hand_send(struct hand *hand, uint8_t flags, const void *bytes, size_t len)
{
    uint32_t seq = hand->seq;
    hand->seq += (uint32_t)len + !!(flags & TCP_FIN) + !!(flags & TCP_SYN);
    hand_send_at(hand, seq, flags, bytes, len);
}

void hand_send_sack(struct hand *hand, uint32_t start, uint32_t end)
{
    struct tcp_info_wire tcp = {
        .seq = hand->seq, .flags = TCP_ACK, .sack_count = 1, .sack = {{hand->ack + start, hand->ack + end}}};
    inject(hand, &tcp, NULL, 0);
}

const struct seen *hand_last(const struct hand *hand)
{
    return wire_last(hand->wire, true);
}

unsigned hand_count(const struct hand *hand)
{
    return wire_count(hand->wire, true, 0);
}

void hand_close(struct hand *hand)
{
    if (hand->conn)
        tcp_close(hand->conn);
    if (hand->listener)
        tcp_close(hand->listener);
    wire_run(1000 * NS_PER_SECOND);
    wire_close(hand->wire);
}
