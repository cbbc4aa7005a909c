/* Opening and closing: states, resets, TIME_WAIT, blind attacks, listeners. */
#include <arch/cpu.h>
#include "hand.h"

static struct wire wire;
static struct hand hand;
static uint8_t data[64 << 10];

static const struct tcp_info_wire with_timestamps = {
    .has_mss = true, .mss = 1460, .sack_permitted = true, .has_timestamp = true, .timestamp = 1000};

struct count {
    enum tcp_state state;
    unsigned n;
};
static void visit(const struct tcp_summary *summary, void *argument)
{
    struct count *count = argument;
    count->n += summary->state == count->state;
}
static unsigned count_state(struct wire_end *end, enum tcp_state state)
{
    struct count count = {state, 0};
    tcp_for_each(end->stack, visit, &count);
    return count.n;
}

TEST(tcp_connect_is_refused_where_nobody_listens)
{
    wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
    for (int is_v4 = 0; is_v4 < 2; is_v4++) {
        struct tcp_connection *conn = connect_to(&wire.a, &wire.b, is_v4, 81);
        EXPECT_EQ(tcp_connect_result(conn), -EINPROGRESS);
        wire_run(NS_PER_SECOND);
        EXPECT_EQ(tcp_poll(conn) & (POLL_ERR | POLL_HUP | POLL_OUT), POLL_ERR | POLL_HUP | POLL_OUT);
        EXPECT_EQ(tcp_connect_result(conn), -ECONNREFUSED);
        /* The same socket may try again. */
        struct tcp_connection *listener = listen_on(&wire.b, true, 81, 1);
        struct tcp_address peer = {.address = is_v4 ? wire.b.v4 : wire.b.v6, .port = 81};
        EXPECT_EQ(tcp_connect(conn, &peer), -EINPROGRESS);
        EXPECT_EQ(tcp_connect(conn, &peer), -EALREADY);
        wire_run(NS_PER_SECOND);
        EXPECT_EQ(tcp_connect(conn, &peer), 0);
        EXPECT_EQ(tcp_connect(conn, &peer), -EISCONN);
        tcp_close(conn);
        tcp_close(listener);
    }
    wire_close(&wire);
}

TEST(tcp_connect_times_out_when_nothing_answers)
{
    hand_init(&hand, &wire);
    hand.conn = connect_to(&wire.a, &wire.b, true, 9);
    wire_run(200 * NS_PER_SECOND);
    EXPECT_EQ(tcp_connect_result(hand.conn), -ETIMEDOUT);
    EXPECT_EQ(wire_count(&wire, true, TCP_SYN), 7); /* the first and six more */
    hand_close(&hand);
}

TEST(tcp_opens_simultaneously)
{
    wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
    struct tcp_connection *a, *b;
    struct tcp_address at_a = {wire.a.v4, 1000, 0}, at_b = {wire.b.v4, 2000, 0};
    EXPECT_EQ(tcp_create(wire.a.stack, false, &a), 0);
    EXPECT_EQ(tcp_create(wire.b.stack, false, &b), 0);
    EXPECT_EQ(tcp_bind(a, &at_a), 0);
    EXPECT_EQ(tcp_bind(b, &at_b), 0);
    struct pair warm_up = wire_connect(&wire, true);
    EXPECT_EQ(tcp_connect(a, &at_b), -EINPROGRESS);
    EXPECT_EQ(tcp_connect(b, &at_a), -EINPROGRESS);
    wire_run(NS_PER_SECOND);
    EXPECT_EQ(tcp_connect_result(a), 0);
    EXPECT_EQ(tcp_connect_result(b), 0);
    struct pair pair = {.client = a, .server = b};
    EXPECT(transfer(&pair, 100000, 100000, NS_PER_SECOND));
    pair_close(&pair);
    pair_close(&warm_up);
    wire_close(&wire);
}

TEST(tcp_closes_in_order_and_waits)
{
    wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
    struct pair pair = wire_connect(&wire, true);
    char byte;
    EXPECT_EQ(send_bytes(pair.client, "bye", 3), 3);
    tcp_close(pair.client);
    wire_run(100 * NS_PER_MS);
    EXPECT_EQ(tcp_get_state(pair.server), TCP_CLOSE_WAIT);
    EXPECT_EQ(tcp_poll(pair.server) & (POLL_IN | POLL_RDHUP | POLL_HUP), POLL_IN | POLL_RDHUP);
    for (unsigned i = 0; i < 3; i++)
        EXPECT_EQ(receive_bytes(pair.server, &byte, 1), 1);
    EXPECT_EQ(receive_bytes(pair.server, &byte, 1), 0);
    EXPECT_EQ(count_state(&wire.a, TCP_FIN_WAIT_2), 1);
    tcp_close(pair.server);
    wire_run(100 * NS_PER_MS);
    EXPECT_EQ(count_state(&wire.a, TCP_TIME_WAIT), 1);
    EXPECT_EQ(count_state(&wire.b, TCP_TIME_WAIT), 0);
    wire_run(59 * NS_PER_SECOND);
    EXPECT_EQ(count_state(&wire.a, TCP_TIME_WAIT), 1);
    wire_run(2 * NS_PER_SECOND);
    EXPECT_EQ(count_state(&wire.a, TCP_TIME_WAIT), 0);
    tcp_close(pair.listener);
    wire_close(&wire);
}

TEST(tcp_half_close_lets_the_other_half_go_on)
{
    wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
    struct pair pair = wire_connect(&wire, true);
    EXPECT_EQ(tcp_shutdown(pair.client, TCP_SHUTDOWN_WRITE), 0);
    EXPECT_EQ(send_bytes(pair.client, "x", 1), -EPIPE);
    wire_run(100 * NS_PER_MS);
    char byte;
    EXPECT_EQ(receive_bytes(pair.server, &byte, 1), 0);
    EXPECT(transfer(&pair, 0, 300000, NS_PER_SECOND));
    EXPECT_EQ(tcp_shutdown(pair.server, TCP_SHUTDOWN_WRITE), 0);
    wire_run(100 * NS_PER_MS);
    EXPECT_EQ(receive_bytes(pair.client, &byte, 1), 0);
    EXPECT_EQ(tcp_poll(pair.client) & POLL_HUP, POLL_HUP);
    pair_close(&pair);
    wire_close(&wire);
}

TEST(tcp_closes_simultaneously)
{
    wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
    struct pair pair = wire_connect(&wire, false);
    tcp_close(pair.client);
    tcp_close(pair.server);
    wire_run(NS_PER_SECOND);
    EXPECT_EQ(count_state(&wire.a, TCP_TIME_WAIT), 1);
    EXPECT_EQ(count_state(&wire.b, TCP_TIME_WAIT), 1);
    tcp_close(pair.listener);
    wire_close(&wire);
}

TEST(tcp_close_with_unread_data_resets)
{
    wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
    struct pair pair = wire_connect(&wire, true);
    EXPECT_EQ(send_bytes(pair.client, "unread", 6), 6);
    wire_run(100 * NS_PER_MS);
    tcp_close(pair.server);
    pair.server = NULL;
    wire_run(100 * NS_PER_MS);
    char byte;
    EXPECT_EQ(receive_bytes(pair.client, &byte, 1), -ECONNRESET);
    EXPECT_EQ(receive_bytes(pair.client, &byte, 1), 0);
    EXPECT_EQ(send_bytes(pair.client, "x", 1), -EPIPE);
    pair_close(&pair);
    wire_close(&wire);
}

TEST(tcp_linger_zero_resets)
{
    wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
    struct pair pair = wire_connect(&wire, true);
    EXPECT_EQ(tcp_set(pair.client, TCP_SET_LINGER_S, 0), 0);
    tcp_close(pair.client);
    pair.client = NULL;
    wire_run(100 * NS_PER_MS);
    char byte;
    EXPECT_EQ(receive_bytes(pair.server, &byte, 1), -ECONNRESET);
    EXPECT_EQ(count_state(&wire.a, TCP_TIME_WAIT), 0);
    pair_close(&pair);
    wire_close(&wire);
}

TEST(tcp_linger_waits_for_the_peer)
{
    wire_open(&wire, (struct wire_config){.delay_ns = 300 * NS_PER_MS});
    struct pair pair = wire_connect(&wire, true);
    EXPECT_EQ(tcp_set(pair.client, TCP_SET_LINGER_S, 10), 0);
    EXPECT_EQ(send_bytes(pair.client, "x", 1), 1);
    uint64_t start = clock_monotonic_ns();
    tcp_close(pair.client);
    pair.client = NULL;
    uint64_t took = clock_monotonic_ns() - start;
    EXPECT(took >= 600 * NS_PER_MS && took < 2 * NS_PER_SECOND);
    pair_close(&pair);
    wire_close(&wire);
}

TEST(tcp_data_after_close_is_answered_by_a_reset)
{
    hand_init(&hand, &wire);
    hand_accept(&hand, NULL);
    tcp_close(hand.conn);
    hand.conn = NULL;
    hand.ack++;
    hand_send(&hand, TCP_ACK, NULL, 0);
    hand_send(&hand, TCP_ACK | TCP_PSH, "late", 4);
    EXPECT_EQ(hand_last(&hand)->tcp.flags & TCP_RST, TCP_RST);
    EXPECT_EQ(count_state(&wire.a, TCP_FIN_WAIT_2), 0);
    hand_close(&hand);
}

TEST(tcp_orphan_in_fin_wait_2_ends_after_a_minute)
{
    hand_init(&hand, &wire);
    hand_accept(&hand, NULL);
    tcp_close(hand.conn);
    hand.conn = NULL;
    hand.ack++;
    hand_send(&hand, TCP_ACK, NULL, 0);
    EXPECT_EQ(count_state(&wire.a, TCP_FIN_WAIT_2), 1);
    wire_run(61 * NS_PER_SECOND);
    EXPECT_EQ(count_state(&wire.a, TCP_FIN_WAIT_2), 0);
    hand_close(&hand);
}

TEST(tcp_fin_is_retransmitted_and_orphans_give_up)
{
    hand_init(&hand, &wire);
    hand_accept(&hand, NULL);
    tcp_close(hand.conn);
    hand.conn = NULL;
    wire_run(10 * NS_PER_SECOND);
    EXPECT(wire_count(&wire, true, TCP_FIN) > 3);
    wire_run(600 * NS_PER_SECOND);
    EXPECT_EQ(count_state(&wire.a, TCP_FIN_WAIT_1), 0);
    hand_close(&hand);
}

TEST(tcp_fin_out_of_order_waits_for_the_data_before_it)
{
    hand_init(&hand, &wire);
    hand_accept(&hand, NULL);
    hand_send_at(&hand, hand.seq + 3, TCP_ACK | TCP_FIN, "def", 3);
    EXPECT_EQ(tcp_get_state(hand.conn), TCP_ESTABLISHED);
    hand_send_at(&hand, hand.seq, TCP_ACK, "abc", 3);
    EXPECT_EQ(tcp_get_state(hand.conn), TCP_CLOSE_WAIT);
    EXPECT_EQ(hand_last(&hand)->tcp.ack, hand.seq + 7);
    char text[16] = "";
    EXPECT_EQ(receive_bytes(hand.conn, text, sizeof text), 6);
    EXPECT_STR(text, "abcdef");
    EXPECT_EQ(receive_bytes(hand.conn, text, sizeof text), 0);
    hand_close(&hand);
}

/* Puts a into TIME_WAIT towards us. */
static void reach_time_wait(void)
{
    hand_init(&hand, &wire);
    hand_connect(&hand, &with_timestamps);
    tcp_close(hand.conn);
    hand.conn = NULL;
    hand.ack++;
    hand.timestamp += 10;
    hand_send(&hand, TCP_ACK | TCP_FIN, NULL, 0);
    EXPECT_EQ(count_state(&wire.a, TCP_TIME_WAIT), 1);
}

TEST(tcp_time_wait_answers_a_repeated_fin_and_starts_again)
{
    reach_time_wait();
    wire_run(40 * NS_PER_SECOND);
    unsigned sent = hand_count(&hand);
    hand_send_at(&hand, hand.seq - 1, TCP_ACK | TCP_FIN, NULL, 0);
    EXPECT_EQ(hand_count(&hand), sent + 1);
    EXPECT_EQ(hand_last(&hand)->tcp.ack, hand.seq);
    wire_run(40 * NS_PER_SECOND);
    EXPECT_EQ(count_state(&wire.a, TCP_TIME_WAIT), 1);
    hand_send_at(&hand, hand.seq, TCP_RST, NULL, 0); /* no assassination */
    EXPECT_EQ(count_state(&wire.a, TCP_TIME_WAIT), 1);
    hand_close(&hand);
}

TEST(tcp_time_wait_gives_way_to_a_newer_syn)
{
    reach_time_wait();
    struct tcp_info_wire options = with_timestamps;
    options.timestamp = hand.timestamp + 1000;
    uint32_t old_next = hand.ack;
    hand.has_timestamps = false;
    hand.isn = hand.seq - 5000; /* lower than before: only the timestamp tells */
    hand_connect(&hand, &options);
    EXPECT((int32_t)(hand.ack - old_next) > 65535);
    EXPECT_EQ(tcp_get_state(hand.conn), TCP_ESTABLISHED);
    hand_close(&hand);
}

TEST(tcp_blind_resets_need_the_exact_number)
{
    hand_init(&hand, &wire);
    hand_connect(&hand, NULL);
    unsigned sent = hand_count(&hand);
    hand_send_at(&hand, hand.seq + 100, TCP_RST, NULL, 0);
    EXPECT_EQ(tcp_get_state(hand.conn), TCP_ESTABLISHED);
    EXPECT_EQ(hand_count(&hand), sent + 1); /* a challenge */
    EXPECT_EQ(hand_last(&hand)->tcp.flags, TCP_ACK);
    hand_send_at(&hand, hand.seq + 1000000, TCP_RST, NULL, 0);
    EXPECT_EQ(hand_count(&hand), sent + 1); /* outside the window: nothing */
    hand_send_at(&hand, hand.seq + 10, TCP_SYN, NULL, 0);
    EXPECT_EQ(tcp_get_state(hand.conn), TCP_ESTABLISHED);
    EXPECT_EQ(hand_count(&hand), sent + 2);
    hand_send_at(&hand, hand.seq, TCP_RST, NULL, 0);
    char byte;
    EXPECT_EQ(receive_bytes(hand.conn, &byte, 1), -ECONNRESET);
    hand_close(&hand);
}

TEST(tcp_blind_data_needs_a_plausible_ack)
{
    hand_init(&hand, &wire);
    hand_connect(&hand, NULL);
    uint32_t right = hand.ack;
    hand.ack = right + 10; /* never sent */
    hand_send_at(&hand, hand.seq, TCP_ACK, "evil", 4);
    EXPECT_EQ(tcp_readable_bytes(hand.conn), 0);
    hand.ack = right - 1000000;
    hand_send_at(&hand, hand.seq, TCP_ACK, "evil", 4);
    EXPECT_EQ(tcp_readable_bytes(hand.conn), 0);
    hand.ack = right;
    hand_send(&hand, TCP_ACK, "good", 4);
    EXPECT_EQ(tcp_readable_bytes(hand.conn), 4);
    hand_close(&hand);
}

TEST(tcp_challenges_are_limited)
{
    hand_init(&hand, &wire);
    hand_connect(&hand, NULL);
    unsigned sent = hand_count(&hand);
    for (unsigned i = 0; i < 3000; i++)
        hand_send_at(&hand, hand.seq + 100, TCP_RST, NULL, 0);
    EXPECT(tcp_get_counters(wire.a.stack)->challenge_acks <= 1500);
    EXPECT(tcp_get_counters(wire.a.stack)->challenge_acks >= 500);
    EXPECT(sent);
    hand_close(&hand);
}

TEST(tcp_rejects_segments_from_the_past)
{
    hand_init(&hand, &wire);
    hand_connect(&hand, &with_timestamps);
    hand.timestamp += 100;
    hand_send(&hand, TCP_ACK, "new", 3);
    hand.timestamp -= 50;
    unsigned sent = hand_count(&hand);
    hand_send_at(&hand, hand.seq, TCP_ACK, "old", 3);
    EXPECT_EQ(tcp_readable_bytes(hand.conn), 3);
    EXPECT_EQ(tcp_get_counters(wire.a.stack)->paws_rejected, 1);
    EXPECT_EQ(hand_count(&hand), sent + 1);
    hand.timestamp += 50;
    hand_send(&hand, TCP_ACK, "now", 3);
    EXPECT_EQ(tcp_readable_bytes(hand.conn), 6);
    hand_close(&hand);
}

TEST(tcp_backlog_limits_requests_and_cookies_take_over)
{
    hand_init(&hand, &wire);
    hand.listener = listen_on(&wire.a, false, 80, 2);
    struct tcp_info_wire syn = {.from_port = 1,
                                .to_port = 80,
                                .seq = 100,
                                .flags = TCP_SYN,
                                .window = 1000,
                                .has_mss = true,
                                .mss = 1460,
                                .has_timestamp = true,
                                .timestamp = 5,
                                .sack_permitted = true,
                                .has_scale = true,
                                .scale = 6};
    for (unsigned i = 0; i < 100; i++) {
        syn.from_port = (uint16_t)(1000 + i);
        wire_inject(&wire, &wire.a, true, &syn, NULL, 0);
    }
    EXPECT_EQ(count_state(&wire.a, TCP_SYN_RECEIVED), 2);
    EXPECT_EQ(tcp_get_counters(wire.a.stack)->cookies_sent, 98);
    const struct seen *answer = hand_last(&hand);
    EXPECT_EQ(answer->tcp.flags, TCP_SYN | TCP_ACK);
    struct tcp_info_wire ack = {.from_port = 1099,
                                .to_port = 80,
                                .seq = 101,
                                .ack = answer->tcp.seq,
                                .flags = TCP_ACK,
                                .window = 1000,
                                .has_timestamp = true,
                                .timestamp = 6,
                                .timestamp_echo = answer->tcp.timestamp};
    wire_inject(&wire, &wire.a, true, &ack, NULL, 0); /* wrong: one too low */
    EXPECT_EQ(tcp_get_counters(wire.a.stack)->cookies_failed, 1);
    ack.ack++;
    wire_inject(&wire, &wire.a, true, &ack, "hello", 5);
    REQUIRE(tcp_accept(hand.listener, &hand.conn) == 0);
    EXPECT_EQ(tcp_readable_bytes(hand.conn), 5);
    struct {
        uint8_t start[5], options, scales;
    } info;
    size_t len = sizeof info;
    EXPECT_EQ(tcp_get_option(hand.conn, 11, &info, &len), 0);
    EXPECT_EQ(info.options, 7); /* timestamps, SACK, scale: all kept in the cookie */
    EXPECT_EQ(info.scales & 15, 6);
    hand_close(&hand);
}

TEST(tcp_accept_queue_holds_one_more_than_the_backlog)
{
    wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
    struct tcp_connection *listener = listen_on(&wire.b, true, 80, 2), *clients[6], *child;
    for (unsigned i = 0; i < 6; i++) {
        clients[i] = connect_to(&wire.a, &wire.b, true, 80);
        wire_run(10 * NS_PER_MS);
    }
    unsigned n = 0;
    EXPECT(tcp_poll(listener) & POLL_IN);
    while (!tcp_accept(listener, &child)) {
        n++;
        tcp_close(child);
    }
    EXPECT_EQ(n, 3);
    EXPECT_EQ(tcp_poll(listener) & POLL_IN, 0);
    wire_run(20 * NS_PER_SECOND); /* the others' SYNs come again */
    while (!tcp_accept(listener, &child)) {
        n++;
        tcp_close(child);
    }
    EXPECT_EQ(n, 6);
    for (unsigned i = 0; i < 6; i++)
        tcp_close(clients[i]);
    tcp_close(listener);
    wire_close(&wire);
}

TEST(tcp_closing_a_listener_resets_who_was_not_accepted)
{
    wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
    struct tcp_connection *listener = listen_on(&wire.b, true, 80, 2);
    struct tcp_connection *client = connect_to(&wire.a, &wire.b, true, 80);
    wire_run(100 * NS_PER_MS);
    EXPECT_EQ(tcp_connect_result(client), 0);
    tcp_close(listener);
    wire_run(100 * NS_PER_MS);
    EXPECT_EQ(tcp_take_error(client), ECONNRESET);
    tcp_close(client);
    wire_close(&wire);
}

TEST(tcp_children_inherit_options)
{
    wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
    struct pair pair = {.listener = listen_on(&wire.b, true, 80, 16)};
    int on = 1, value = 0;
    size_t len = sizeof value;
    EXPECT_EQ(tcp_set_option(pair.listener, 1, &on, sizeof on), 0);
    EXPECT_EQ(tcp_set_option(pair.listener, 13, "reno", 4), 0);
    EXPECT_EQ(tcp_set(pair.listener, TCP_SET_RECEIVE_BUFFER, 30000), 0);
    pair.client = connect_to(&wire.a, &wire.b, true, 80);
    wire_run(100 * NS_PER_MS);
    REQUIRE(tcp_accept(pair.listener, &pair.server) == 0);
    EXPECT_EQ(tcp_get_option(pair.server, 1, &value, &len), 0);
    EXPECT_EQ(value, 1);
    EXPECT_EQ(tcp_get(pair.server, TCP_SET_RECEIVE_BUFFER), 60000);
    char name[16];
    len = sizeof name;
    EXPECT_EQ(tcp_get_option(pair.server, 13, name, &len), 0);
    EXPECT_STR(name, "reno");
    EXPECT(transfer(&pair, 300000, 300000, 10 * NS_PER_SECOND));
    pair_close(&pair);
    wire_close(&wire);
}

TEST(tcp_scales_the_window)
{
    wire_open(&wire, (struct wire_config){.delay_ns = 20 * NS_PER_MS});
    struct pair pair = wire_connect(&wire, true);
    EXPECT(transfer(&pair, 4 << 20, 0, 60 * NS_PER_SECOND));
    bool was_large = false;
    for (unsigned i = 0; i < wire.seen_count && i < SEEN_MAX; i++)
        was_large |= !wire.seen[i].from_a && !(wire.seen[i].tcp.flags & TCP_SYN) &&
                     (uint32_t)wire.seen[i].tcp.window << 7 > 500000;
    EXPECT(was_large);
    pair_close(&pair);
    wire_close(&wire);
}

TEST(tcp_stops_when_the_peer_does_not_read)
{
    wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
    struct pair pair = wire_connect(&wire, true);
    size_t sent = 0;
    for (unsigned i = 0; i < 1000; i++) {
        ssize_t n = send_bytes(pair.client, data, sizeof data);
        if (n > 0)
            sent += (size_t)n;
        wire_run(10 * NS_PER_MS);
    }
    EXPECT_EQ(tcp_poll(pair.client) & POLL_OUT, 0);
    EXPECT(sent < 1 << 20);
    wire_run(300 * NS_PER_SECOND); /* probed, not dropped */
    size_t received = 0;
    while (received < sent) {
        ssize_t n = receive_bytes(pair.server, data, sizeof data);
        if (n > 0)
            received += (size_t)n;
        else if (!wire_step(clock_monotonic_ns() + 200 * NS_PER_SECOND))
            break;
    }
    EXPECT_EQ(received, sent);
    EXPECT(tcp_poll(pair.client) & POLL_OUT);
    pair_close(&pair);
    wire_close(&wire);
}

TEST(tcp_peeks_and_discards)
{
    wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
    struct pair pair = wire_connect(&wire, true);
    struct io_segment segment;
    struct io_vector to;
    char text[16] = "";
    EXPECT_EQ(send_bytes(pair.client, "abcdef", 6), 6);
    wire_run(100 * NS_PER_MS);
    io_vector_kernel(&to, &segment, text, sizeof text);
    EXPECT_EQ(tcp_receive(pair.server, &to, TCP_RECEIVE_PEEK), 6);
    EXPECT_STR(text, "abcdef");
    io_vector_kernel(&to, &segment, text, 2);
    EXPECT_EQ(tcp_receive(pair.server, &to, TCP_RECEIVE_DISCARD), 2);
    memset(text, 0, sizeof text);
    EXPECT_EQ(receive_bytes(pair.server, text, sizeof text), 4);
    EXPECT_STR(text, "cdef");
    EXPECT_EQ(receive_bytes(pair.server, text, sizeof text), -EAGAIN);
    pair_close(&pair);
    wire_close(&wire);
}

static int try_bind(struct wire_end *end, bool is_v6, bool is_v6_only, const struct ip_address *address, uint16_t port,
                    int reuse, bool listens, struct tcp_connection **out)
{
    struct tcp_address local = {.address = *address, .port = port};
    EXPECT_EQ(tcp_create(end->stack, is_v6, out), 0);
    if (reuse & 1)
        tcp_set(*out, TCP_SET_REUSE_ADDRESS, 1);
    if (reuse & 2)
        tcp_set(*out, TCP_SET_REUSE_PORT, 1);
    if (is_v6_only)
        EXPECT_EQ(tcp_set(*out, TCP_SET_V6_ONLY, 1), 0);
    int err = tcp_bind(*out, &local);
    if (!err && listens)
        err = tcp_listen(*out, 1);
    return err;
}

TEST(tcp_bind_follows_the_rules_of_linux)
{
    wire_open(&wire, (struct wire_config){.delay_ns = NS_PER_MS});
    struct ip_address any4 = ip_from_v4(0), any6 = {.halves = {0}}, other = ip_from_v4(0x01020304);
    struct wire_end *end = &wire.a;
    struct {
        bool is_v6, is_v6_only;
        struct ip_address address;
        int reuse;
        bool listens;
        bool second_is_v6, second_is_v6_only;
        struct ip_address second;
        int second_reuse;
        bool second_listens;
        int result;
    } cases[] = {
        {false, false, any4, 0, true, false, false, any4, 0, true, -EADDRINUSE},
        {false, false, any4, 1, true, false, false, any4, 1, true, -EADDRINUSE},
        {false, false, any4, 1, false, false, false, any4, 1, false, 0},
        {false, false, any4, 2, true, false, false, any4, 2, true, 0},
        {false, false, any4, 2, true, false, false, any4, 1, true, -EADDRINUSE},
        {true, false, any6, 0, true, false, false, any4, 0, true, -EADDRINUSE},
        {true, true, any6, 0, true, false, false, any4, 0, true, 0},
        {false, false, end->v4, 0, true, false, false, any4, 0, true, -EADDRINUSE},
        {false, false, end->v4, 0, true, true, false, end->v6, 0, true, 0},
        {false, false, other, 0, true, false, false, any4, 0, true, -EADDRNOTAVAIL},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tcp_connection *first, *second;
        int err = try_bind(end, cases[i].is_v6, cases[i].is_v6_only, &cases[i].address, 99, cases[i].reuse,
                           cases[i].listens, &first);
        if (!err)
            err = try_bind(end, cases[i].second_is_v6, cases[i].second_is_v6_only, &cases[i].second, 99,
                           cases[i].second_reuse, cases[i].second_listens, &second);
        else
            second = NULL;
        if (err != cases[i].result)
            test_fail(__FILE__, __LINE__, "case %u: %d, expected %d", i, err, cases[i].result);
        tcp_close(first);
        if (second)
            tcp_close(second);
    }
    struct tcp_connection *conn;
    struct tcp_address local;
    EXPECT_EQ(try_bind(end, true, false, &any6, 0, 0, false, &conn), 0);
    tcp_get_local(conn, &local);
    EXPECT(local.port >= 32768 && local.port <= 60999);
    tcp_close(conn);
    wire_close(&wire);
}

TEST(tcp_defer_accept_waits_for_data)
{
    hand_init(&hand, &wire);
    hand.listener = listen_on(&wire.a, false, 80, 4);
    int seconds = 5;
    EXPECT_EQ(tcp_set_option(hand.listener, 9, &seconds, sizeof seconds), 0);
    struct tcp_info_wire syn = {.from_port = 7777, .to_port = 80, .seq = 100, .flags = TCP_SYN, .window = 1000};
    wire_inject(&wire, &wire.a, true, &syn, NULL, 0);
    hand.ack = hand_last(&hand)->tcp.seq + 1;
    hand.seq = 101;
    hand_send(&hand, TCP_ACK, NULL, 0);
    EXPECT_EQ(tcp_accept(hand.listener, &hand.conn), -EAGAIN);
    hand_send(&hand, TCP_ACK, "GET", 3);
    EXPECT_EQ(tcp_accept(hand.listener, &hand.conn), 0);
    hand_close(&hand);
}

TEST(tcp_icmp_errors_end_a_connect_but_not_a_connection)
{
    hand_init(&hand, &wire);
    hand.conn = connect_to(&wire.a, &wire.b, true, hand.port);
    const struct seen *syn = hand_last(&hand);
    uint8_t quoted[8];
    struct ip_info original = {.from = wire.a.v4, .to = wire.b.v4, .is_v4 = true, .protocol = PROTOCOL_TCP};
    store_be16(quoted, syn->tcp.from_port);
    store_be16(quoted + 2, hand.port);
    store_be32(quoted + 4, syn->tcp.seq + 77);
    const struct protocol *tcp = wire.a.stack->protocols[PROTOCOL_TCP];
    tcp->error(wire.a.stack, &original, quoted, sizeof quoted, EHOSTUNREACH, 0);
    EXPECT_EQ(tcp_get_state(hand.conn), TCP_SYN_SENT); /* a guess */
    store_be32(quoted + 4, syn->tcp.seq);
    tcp->error(wire.a.stack, &original, quoted, sizeof quoted, EHOSTUNREACH, 0);
    EXPECT_EQ(tcp_connect_result(hand.conn), -EHOSTUNREACH);
    tcp_close(hand.conn);
    hand_accept(&hand, NULL);
    EXPECT_EQ(send_bytes(hand.conn, "x", 1), 1);
    store_be16(quoted, hand.their_port);
    store_be32(quoted + 4, hand.ack);
    tcp->error(wire.a.stack, &original, quoted, sizeof quoted, EHOSTUNREACH, 0);
    EXPECT_EQ(tcp_get_state(hand.conn), TCP_ESTABLISHED);
    hand_close(&hand);
}
