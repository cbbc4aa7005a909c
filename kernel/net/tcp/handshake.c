/* The active side of opening, simultaneous opens included; conn->lock held. */
#include "internal.h"

void tcp_take_syn_options(struct tcp_connection *conn, const struct tcp_info_wire *wire)
{
    conn->has_timestamps = wire->has_timestamp;
    conn->has_sack = wire->sack_permitted;
    conn->has_scale = wire->has_scale;
    conn->send_scale = wire->has_scale ? wire->scale : 0;
    conn->receive_scale = wire->has_scale ? RECEIVE_SCALE : 0;
    uint32_t standard = tcp_is_v4(conn) ? MSS_DEFAULT_V4 : MSS_DEFAULT_V6;
    conn->peer_mss = wire->has_mss && wire->mss ? wire->mss : standard;
}

/* What both sides do once the handshake is through: sizes that depend on the path, the first round-trip time. */
void tcp_established(struct tcp_connection *conn, const struct tcp_segment *segment)
{
    store_relaxed(&conn->snd_una, conn->iss + 1);
    store_relaxed(&conn->snd_nxt, conn->iss + 1);
    conn->small_end = conn->snd_una;
    conn->highest_sacked = conn->lost_hint = conn->snd_una;
    conn->snd_wnd = (uint32_t)segment->wire.window << (segment->flags & TCP_SYN ? 0 : conn->send_scale);
    conn->max_window = MAX(conn->snd_wnd, 1u);
    conn->snd_wl1 = segment->seq;
    conn->snd_wl2 = segment->wire.ack;
    if (tcp_source_route(conn) == 0)
        tcp_update_mss(conn);
    conn->cwnd = INITIAL_WINDOW_SEGMENTS * conn->mss;
    conn->cubic.round_end = conn->snd_una;
    conn->cubic.w_max = 0;
    conn->congestion->reset(conn);
    conn->receive_mss = MIN(conn->mss, 65535u);
    if (!conn->receive_buffer_locked && conn->receive_buffer < 8 * conn->mss)
        store_relaxed(&conn->receive_buffer, 8 * conn->mss); /* large segments (loopback) need room for several */
    if (!conn->send_buffer_locked && conn->send_buffer < 4 * conn->mss)
        store_relaxed(&conn->send_buffer, 4 * conn->mss);
    conn->retries = conn->backoff = conn->probes = 0;
    conn->soft_error = 0;
    conn->retransmit_at = NEVER;
    conn->was_connected = true;
    conn->last_received_ns = segment->now_ns;
    tcp_set_state(conn, TCP_ESTABLISHED);
    tcp_arm_keepalive(conn, segment->now_ns);
    conn->wake |= POLL_OUT | POLL_WRNORM;
}

static void take_peer_sequence(struct tcp_connection *conn, const struct tcp_segment *segment)
{
    uint32_t window = conn->rcv_edge - conn->rcv_nxt; /* told in the SYN */
    conn->irs = segment->seq;
    conn->rcv_nxt = conn->copied_seq = conn->last_ack_sent = segment->seq + 1;
    conn->rcv_edge = conn->rcv_nxt + window;
    tcp_take_syn_options(conn, &segment->wire);
    if (conn->has_timestamps) {
        conn->ts_recent = segment->wire.timestamp;
        conn->ts_recent_ns = segment->now_ns;
    }
}

/* RFC 9293, 3.10.7.3. */
void tcp_process_syn_sent(struct tcp_connection *conn, struct tcp_segment *segment)
{
    bool has_ack = segment->flags & TCP_ACK;
    if (has_ack && segment->wire.ack != conn->iss + 1) {
        tcp_answer_reset(conn->stack, segment);
        return;
    }
    if (segment->flags & TCP_RST) {
        if (has_ack)
            tcp_done(conn, ECONNREFUSED);
        return;
    }
    if (!(segment->flags & TCP_SYN))
        return;
    take_peer_sequence(conn, segment);
    conn->retransmit_at = NEVER;
    if (!has_ack) { /* simultaneous open */
        tcp_set_state(conn, TCP_SYN_RECEIVED);
        conn->retries = conn->backoff = 0;
        tcp_send_syn(conn);
        conn->retransmit_at = segment->now_ns + RTO_INITIAL_NS;
        tcp_timer_update(conn);
        return;
    }
    bool was_repeated = conn->retries != 0;
    uint64_t sent_ns = conn->last_sent_ns;
    tcp_established(conn, segment);
    if (!was_repeated)
        tcp_measure_rtt(conn, MAX(segment->now_ns - sent_ns, UINT64_C(1)));
    /* Data in a SYN-ACK is left to be sent again; a program that speaks first carries the ACK with it, but waking it
     * takes longer than the peer should wait. */
    conn->ack_now = true;
    tcp_defer_output(conn);
}
