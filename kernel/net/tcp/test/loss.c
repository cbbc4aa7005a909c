/* Retransmission: timeouts, duplicate acknowledgements, SACK, probes. The peer is played by hand. */
#include <arch/cpu.h>
#include "hand.h"

static struct wire wire;
static struct hand hand;
static uint8_t data[64 << 10];

TEST(tcp_retransmits_after_timeout_with_doubling_intervals)
{
    hand_init(&hand, &wire);
    hand_accept(&hand, NULL);
    uint64_t at[6];
    unsigned before = hand_count(&hand);
    EXPECT_EQ(send_bytes(hand.conn, "x", 1), 1);
    EXPECT_EQ(hand_count(&hand), before + 1);
    for (unsigned i = 0; i < 6; i++) {
        unsigned n = hand_count(&hand);
        while (hand_count(&hand) == n)
            wire_step(UINT64_MAX);
        at[i] = clock_monotonic_ns();
        EXPECT_EQ(hand_last(&hand)->tcp.seq, hand.ack);
        EXPECT_EQ(hand_last(&hand)->len, 1);
    }
    for (unsigned i = 2; i < 6; i++)
        EXPECT((at[i] - at[i - 1]) == 2 * (at[i - 1] - at[i - 2]));
    hand.ack++;
    hand_send(&hand, TCP_ACK, NULL, 0);
    EXPECT_EQ(tcp_unacked_bytes(hand.conn), 0);
    hand_close(&hand);
}

TEST(tcp_gives_up_after_fifteen_retransmissions)
{
    hand_init(&hand, &wire);
    hand_accept(&hand, NULL);
    EXPECT_EQ(send_bytes(hand.conn, "x", 1), 1);
    wire_run(2000 * NS_PER_SECOND);
    EXPECT(tcp_poll(hand.conn) & POLL_ERR);
    EXPECT_EQ(tcp_take_error(hand.conn), ETIMEDOUT);
    EXPECT_EQ(hand_last(&hand)->tcp.flags & TCP_RST, TCP_RST);
    hand_close(&hand);
}

TEST(tcp_user_timeout_ends_sooner)
{
    hand_init(&hand, &wire);
    hand_accept(&hand, NULL);
    int timeout_ms = 3000;
    EXPECT_EQ(tcp_set_option(hand.conn, 18, &timeout_ms, sizeof timeout_ms), 0);
    EXPECT_EQ(send_bytes(hand.conn, "x", 1), 1);
    wire_run(10 * NS_PER_SECOND);
    EXPECT_EQ(tcp_take_error(hand.conn), ETIMEDOUT);
    hand_close(&hand);
}

TEST(tcp_without_sack_retransmits_on_the_third_duplicate_ack)
{
    struct tcp_info_wire options = {.has_mss = true, .mss = 1000};
    hand_init(&hand, &wire);
    hand_accept(&hand, &options);
    EXPECT_EQ(send_bytes(hand.conn, data, 8000), 8000);
    hand_send(&hand, TCP_ACK, NULL, 0);
    hand_send(&hand, TCP_ACK, NULL, 0);
    EXPECT(hand_last(&hand)->tcp.seq != hand.ack);
    hand_send(&hand, TCP_ACK, NULL, 0);
    EXPECT_EQ(hand_last(&hand)->tcp.seq, hand.ack);
    EXPECT_EQ(hand_last(&hand)->len, 1000);
    /* A partial acknowledgement retransmits the next hole at once (RFC 6582). */
    hand.ack += 3000;
    hand_send(&hand, TCP_ACK, NULL, 0);
    EXPECT_EQ(hand_last(&hand)->tcp.seq, hand.ack);
    hand.ack += 5000;
    hand_send(&hand, TCP_ACK, NULL, 0);
    EXPECT_EQ(tcp_unacked_bytes(hand.conn), 0);
    hand_close(&hand);
}

TEST(tcp_with_sack_retransmits_only_the_holes)
{
    struct tcp_info_wire options = {.has_mss = true, .mss = 1000, .sack_permitted = true};
    hand_init(&hand, &wire);
    hand_accept(&hand, &options);
    EXPECT_EQ(send_bytes(hand.conn, data, 9000), 9000);
    unsigned sent = hand_count(&hand);
    hand_send_sack(&hand, 1000, 2000);
    hand_send_sack(&hand, 1000, 3000);
    hand_send_sack(&hand, 4000, 7000); /* holes: 0 and 3000 */
    EXPECT_EQ(hand_count(&hand), sent + 2);
    EXPECT_EQ(hand_last(&hand)->tcp.seq, hand.ack + 3000);
    EXPECT_EQ(hand_last(&hand)->len, 1000);
    hand.ack += 9000;
    hand_send(&hand, TCP_ACK, NULL, 0);
    EXPECT_EQ(tcp_unacked_bytes(hand.conn), 0);
    EXPECT_EQ(hand_count(&hand), sent + 2);
    hand_close(&hand);
}

TEST(tcp_probes_the_tail_before_the_timeout)
{
    struct tcp_info_wire options = {.has_mss = true, .mss = 1000, .sack_permitted = true};
    hand_init(&hand, &wire);
    hand_accept(&hand, &options);
    EXPECT_EQ(send_bytes(hand.conn, data, 5000), 5000);
    unsigned sent = hand_count(&hand);
    wire_run(20 * NS_PER_MS);
    EXPECT_EQ(hand_count(&hand), sent + 1);
    EXPECT_EQ(hand_last(&hand)->tcp.seq, hand.ack + 4000);
    hand_close(&hand);
}

TEST(tcp_recovers_when_the_peer_forgets_what_it_sacked)
{
    struct tcp_info_wire options = {.has_mss = true, .mss = 1000, .sack_permitted = true};
    hand_init(&hand, &wire);
    hand_accept(&hand, &options);
    EXPECT_EQ(send_bytes(hand.conn, data, 5000), 5000);
    hand_send_sack(&hand, 0, 5000); /* all, yet nothing acknowledged: reneging to come */
    for (unsigned i = 0; i < 5; i++) {
        wire_run(20 * NS_PER_SECOND);
        EXPECT_EQ(hand_last(&hand)->tcp.seq, hand.ack);
        hand.ack += 1000;
        hand_send(&hand, TCP_ACK, NULL, 0);
    }
    EXPECT_EQ(tcp_unacked_bytes(hand.conn), 0);
    hand_close(&hand);
}

TEST(tcp_ignores_nonsense_in_sack)
{
    struct tcp_info_wire options = {.has_mss = true, .mss = 1000, .sack_permitted = true};
    hand_init(&hand, &wire);
    hand_accept(&hand, &options);
    EXPECT_EQ(send_bytes(hand.conn, data, 5000), 5000);
    hand_send_sack(&hand, 4000, 3000);
    hand_send_sack(&hand, 6000, 7000);
    hand_send_sack(&hand, 0x80000000u, 0x80001000u);
    hand_send_sack(&hand, 0u - 3000, 2000);
    hand_send_sack(&hand, 1, 2);
    hand_send_sack(&hand, 4999, 5000);
    hand.ack += 5000;
    hand_send(&hand, TCP_ACK, NULL, 0);
    EXPECT_EQ(tcp_unacked_bytes(hand.conn), 0);
    hand_close(&hand);
}

TEST(tcp_probes_a_closed_window_and_goes_on_when_it_opens)
{
    hand_init(&hand, &wire);
    hand_accept(&hand, NULL);
    hand.window = 0;
    EXPECT_EQ(send_bytes(hand.conn, "ab", 2), 2); /* the SYN-ACK's window lets it out */
    hand.ack += 2;
    hand_send(&hand, TCP_ACK, NULL, 0);
    unsigned sent = hand_count(&hand);
    EXPECT_EQ(send_bytes(hand.conn, "cd", 2), 2);
    EXPECT_EQ(hand_count(&hand), sent);
    for (unsigned i = 0; i < 20; i++) { /* answered probes never end the connection */
        unsigned n = hand_count(&hand);
        while (hand_count(&hand) == n)
            wire_step(UINT64_MAX);
        EXPECT_EQ(hand_last(&hand)->tcp.seq, hand.ack - 1);
        hand_send(&hand, TCP_ACK, NULL, 0);
    }
    hand.window = 1000;
    hand_send(&hand, TCP_ACK, NULL, 0);
    EXPECT_EQ(hand_last(&hand)->tcp.seq, hand.ack);
    EXPECT_EQ(hand_last(&hand)->len, 2);
    hand_close(&hand);
}

TEST(tcp_sends_a_piece_when_a_small_window_stays_small)
{
    hand_init(&hand, &wire);
    hand_accept(&hand, NULL);
    EXPECT_EQ(send_bytes(hand.conn, data, 1460), 1460);
    hand.ack += 1460;
    hand.window = 100;
    hand_send(&hand, TCP_ACK, NULL, 0);
    unsigned sent = hand_count(&hand);
    EXPECT_EQ(send_bytes(hand.conn, data, 1000), 1000);
    EXPECT_EQ(hand_count(&hand), sent); /* silly window avoidance */
    wire_run(2 * NS_PER_SECOND);
    EXPECT(hand_count(&hand) > sent);
    EXPECT_EQ(hand_last(&hand)->tcp.seq, hand.ack);
    EXPECT_EQ(hand_last(&hand)->len, 100);
    hand_close(&hand);
}

TEST(tcp_keepalive_probes_and_then_drops)
{
    hand_init(&hand, &wire);
    hand_accept(&hand, NULL);
    int idle = 10, interval = 2, count = 3;
    EXPECT_EQ(tcp_set_option(hand.conn, 4, &idle, sizeof idle), 0);
    EXPECT_EQ(tcp_set_option(hand.conn, 5, &interval, sizeof interval), 0);
    EXPECT_EQ(tcp_set_option(hand.conn, 6, &count, sizeof count), 0);
    EXPECT_EQ(tcp_set(hand.conn, TCP_SET_KEEPALIVE, 1), 0);
    unsigned sent = hand_count(&hand);
    wire_run(9 * NS_PER_SECOND);
    EXPECT_EQ(hand_count(&hand), sent);
    wire_run(2 * NS_PER_SECOND);
    EXPECT_EQ(hand_count(&hand), sent + 1);
    EXPECT_EQ(hand_last(&hand)->tcp.seq, hand.ack - 1);
    hand_send(&hand, TCP_ACK, NULL, 0); /* alive */
    wire_run(9 * NS_PER_SECOND);
    EXPECT_EQ(hand_count(&hand), sent + 1);
    wire_run(20 * NS_PER_SECOND);
    EXPECT_EQ(tcp_take_error(hand.conn), ETIMEDOUT);
    hand_close(&hand);
}

TEST(tcp_nagle_holds_small_segments_back_and_nodelay_does_not)
{
    hand_init(&hand, &wire);
    hand_accept(&hand, NULL);
    unsigned sent = hand_count(&hand);
    EXPECT_EQ(send_bytes(hand.conn, "a", 1), 1);
    EXPECT_EQ(send_bytes(hand.conn, "b", 1), 1);
    EXPECT_EQ(send_bytes(hand.conn, "c", 1), 1);
    EXPECT_EQ(hand_count(&hand), sent + 1);
    hand.ack++;
    hand_send(&hand, TCP_ACK, NULL, 0);
    EXPECT_EQ(hand_last(&hand)->len, 2);
    int on = 1, off = 0;
    EXPECT_EQ(tcp_set_option(hand.conn, 1, &on, sizeof on), 0);
    EXPECT_EQ(send_bytes(hand.conn, "d", 1), 1);
    EXPECT_EQ(hand_last(&hand)->len, 1);
    hand.ack += 3;
    hand_send(&hand, TCP_ACK, NULL, 0);
    EXPECT_EQ(tcp_set_option(hand.conn, 3, &on, sizeof on), 0); /* TCP_CORK */
    sent = hand_count(&hand);
    EXPECT_EQ(send_bytes(hand.conn, "e", 1), 1);
    EXPECT_EQ(hand_count(&hand), sent);
    EXPECT_EQ(send_bytes(hand.conn, data, 1460), 1460);
    EXPECT_EQ(hand_count(&hand), sent + 1);
    EXPECT_EQ(hand_last(&hand)->len, 1460);
    EXPECT_EQ(tcp_set_option(hand.conn, 3, &off, sizeof off), 0);
    EXPECT_EQ(hand_last(&hand)->len, 1);
    hand_close(&hand);
}

TEST(tcp_cork_holds_no_longer_than_the_timer)
{
    hand_init(&hand, &wire);
    hand_accept(&hand, NULL);
    int on = 1;
    EXPECT_EQ(tcp_set_option(hand.conn, 3, &on, sizeof on), 0);
    EXPECT_EQ(send_bytes(hand.conn, "e", 1), 1);
    wire_run(300 * NS_PER_MS);
    EXPECT_EQ(hand_last(&hand)->len, 1);
    hand_close(&hand);
}

TEST(tcp_delays_acks_but_not_of_every_second_segment)
{
    hand_init(&hand, &wire);
    hand_accept(&hand, NULL);
    int off = 0;
    EXPECT_EQ(tcp_set_option(hand.conn, 12, &off, sizeof off), 0); /* TCP_QUICKACK */
    unsigned sent = hand_count(&hand);
    hand_send(&hand, TCP_ACK | TCP_PSH, data, 1460);
    EXPECT_EQ(hand_count(&hand), sent);
    wire_run(41 * NS_PER_MS);
    EXPECT_EQ(hand_count(&hand), sent + 1);
    EXPECT_EQ(hand_last(&hand)->tcp.ack, hand.seq);
    hand_send(&hand, TCP_ACK, data, 1460);
    EXPECT_EQ(hand_count(&hand), sent + 1);
    hand_send(&hand, TCP_ACK, data, 1460);
    EXPECT_EQ(hand_count(&hand), sent + 2);
    /* An answer carries the acknowledgement. */
    hand_send(&hand, TCP_ACK | TCP_PSH, data, 100);
    EXPECT_EQ(send_bytes(hand.conn, "answer", 6), 6);
    EXPECT_EQ(hand_count(&hand), sent + 3);
    EXPECT_EQ(hand_last(&hand)->tcp.ack, hand.seq);
    wire_run(100 * NS_PER_MS);
    EXPECT_EQ(hand_last(&hand)->len, 6);
    hand_close(&hand);
}

TEST(tcp_acks_out_of_order_data_at_once_with_sack)
{
    hand_init(&hand, &wire);
    hand_accept(&hand, NULL);
    unsigned sent = hand_count(&hand);
    hand_send_at(&hand, hand.seq + 1000, TCP_ACK, data, 500);
    EXPECT_EQ(hand_count(&hand), sent + 1);
    EXPECT_EQ(hand_last(&hand)->tcp.ack, hand.seq);
    EXPECT_EQ(hand_last(&hand)->tcp.sack_count, 1);
    EXPECT_EQ(hand_last(&hand)->tcp.sack[0].start, hand.seq + 1000);
    EXPECT_EQ(hand_last(&hand)->tcp.sack[0].end, hand.seq + 1500);
    hand_send_at(&hand, hand.seq + 2000, TCP_ACK, data, 500);
    EXPECT_EQ(hand_last(&hand)->tcp.sack_count, 2);
    EXPECT_EQ(hand_last(&hand)->tcp.sack[0].start, hand.seq + 2000);
    hand_send_at(&hand, hand.seq + 1500, TCP_ACK, data, 500);
    EXPECT_EQ(hand_last(&hand)->tcp.sack_count, 1);
    EXPECT_EQ(hand_last(&hand)->tcp.sack[0].start, hand.seq + 1000);
    EXPECT_EQ(hand_last(&hand)->tcp.sack[0].end, hand.seq + 2500);
    hand_send_at(&hand, hand.seq + 1000, TCP_ACK, data, 500); /* again: a duplicate block (RFC 2883) */
    EXPECT_EQ(hand_last(&hand)->tcp.sack_count, 2);
    EXPECT_EQ(hand_last(&hand)->tcp.sack[0].start, hand.seq + 1000);
    EXPECT_EQ(hand_last(&hand)->tcp.sack[0].end, hand.seq + 1500);
    hand_send_at(&hand, hand.seq, TCP_ACK, data, 1200); /* overlaps what is there */
    EXPECT_EQ(hand_last(&hand)->tcp.ack, hand.seq + 2500);
    EXPECT_EQ(tcp_readable_bytes(hand.conn), 2500);
    hand_close(&hand);
}
