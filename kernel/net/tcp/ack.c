/* Acknowledgements: which are valid (RFC 5961), the peer's window, round-trip times (RFC 6298), freeing what arrived.
 */
#include "internal.h"

static void challenge(struct tcp_connection *conn, uint64_t now_ns)
{
    if (tcp_challenge_allowed(conn->tcp, now_ns))
        tcp_send_ack(conn);
}

static bool update_window(struct tcp_connection *conn, const struct tcp_segment *segment)
{
    uint32_t ack = segment->wire.ack, window = (uint32_t)segment->wire.window << conn->send_scale;
    bool is_newer = seq_after(ack, conn->snd_una) || seq_after(segment->seq, conn->snd_wl1) ||
                    (segment->seq == conn->snd_wl1 && window > conn->snd_wnd);
    if (!is_newer)
        return false;
    bool has_changed = window != conn->snd_wnd;
    conn->snd_wl1 = segment->seq;
    conn->snd_wl2 = ack;
    conn->snd_wnd = window;
    conn->max_window = MAX(conn->max_window, window);
    return has_changed;
}

static void free_acknowledged(struct tcp_connection *conn)
{
    while (!list_is_empty(&conn->buffers)) {
        struct tcp_buffer *buffer = list_first(&conn->buffers, struct tcp_buffer, link);
        if (seq_after(buffer->seq + buffer->len, conn->snd_una))
            break;
        list_remove(&buffer->link);
        buffer->is_queued = false;
        if (conn->cursor == buffer)
            conn->cursor = NULL;
        tcp_uncharge(conn, buffer->capacity);
        if (refcount_put(&buffer->refs))
            kfree(buffer);
    }
}

void tcp_measure_rtt(struct tcp_connection *conn, uint64_t rtt)
{
    conn->rtt_min = MIN(conn->rtt_min, rtt);
    if (!conn->srtt) {
        conn->srtt = rtt;
        conn->rttvar = rtt / 2;
    } else {
        uint64_t difference = rtt > conn->srtt ? rtt - conn->srtt : conn->srtt - rtt;
        conn->rttvar = conn->rttvar - conn->rttvar / 4 + difference / 4;
        conn->srtt = conn->srtt - conn->srtt / 8 + rtt / 8;
    }
    conn->rto = conn->srtt + MAX(4 * conn->rttvar, (uint64_t)RTO_MIN_NS);
    conn->rto = MIN(conn->rto, (uint64_t)RTO_MAX_NS);
}

/* Where every acknowledged byte was sent twice only the echoed timestamp tells which copy arrived (RFC 7323, 4.3). */
static void sample_rtt(struct tcp_connection *conn, const struct tcp_segment *segment, struct tcp_delivery *delivery)
{
    if (!delivery->rtt_ns && segment->wire.has_timestamp && segment->wire.timestamp_echo) {
        uint32_t ms = tcp_timestamp(segment->now_ns, conn->ts_offset) - segment->wire.timestamp_echo;
        if (ms < RTO_MAX_NS / NS_PER_MS)
            delivery->rtt_ns = MAX((uint64_t)ms * NS_PER_MS, (uint64_t)NS_PER_MS);
    }
    if (delivery->rtt_ns)
        tcp_measure_rtt(conn, delivery->rtt_ns);
}

/* Twice the congestion window lets the sender keep it full while ACKs are on their way. */
static void tune_send_buffer(struct tcp_connection *conn)
{
    if (conn->send_buffer_locked || tcp_memory_is_tight(conn->tcp))
        return;
    uint32_t wanted = MIN(2 * conn->cwnd, (uint32_t)SEND_BUFFER_MAX);
    if (wanted > conn->send_buffer)
        store_relaxed(&conn->send_buffer, wanted);
}

static void report_space(struct tcp_connection *conn)
{
    if (!conn->wants_space)
        return;
    uint32_t queued = conn->write_seq - conn->snd_una;
    if (queued + queued / 2 > conn->send_buffer)
        return;
    conn->wants_space = false;
    conn->wake |= POLL_OUT | POLL_WRNORM;
}

static void advance(struct tcp_connection *conn, const struct tcp_segment *segment, struct tcp_delivery *delivery)
{
    uint32_t ack = segment->wire.ack;
    conn->bytes_acked += ack - conn->snd_una;
    store_relaxed(&conn->snd_una, ack);
    tcp_sent_acknowledge(conn, ack, delivery);
    free_acknowledged(conn);
    conn->retries = conn->backoff = 0;
    conn->soft_error = 0;
    if (!seq_after(conn->small_end, ack))
        conn->small_end = ack;
    neighbour_confirm(conn->route.neighbour, segment->now_ns);
}

bool tcp_ack(struct tcp_connection *conn, struct tcp_segment *segment)
{
    uint32_t ack = segment->wire.ack;
    if (seq_after(ack, conn->snd_nxt) || seq_before(ack, conn->snd_una - conn->max_window)) {
        challenge(conn, segment->now_ns);
        return false;
    }
    struct tcp_delivery delivery = {.now_ns = segment->now_ns};
    bool has_advanced = seq_after(ack, conn->snd_una);
    bool is_old = seq_before(ack, conn->snd_una);
    bool window_changed = !is_old && update_window(conn, segment);
    bool was_in_flight = conn->snd_nxt != conn->snd_una;
    conn->probes = 0;
    if (window_changed && conn->snd_wnd && conn->retransmit_kind == RETRANSMIT_WINDOW_PROBE)
        conn->backoff = 0;
    if (has_advanced)
        advance(conn, segment, &delivery);
    if (!was_in_flight)
        return true;
    if (conn->has_sack && segment->wire.sack_count)
        tcp_sent_sack(conn, &segment->wire, &delivery);
    bool is_duplicate = !has_advanced && !is_old && !window_changed && !segment->len && segment->end == segment->seq;
    if (!conn->has_sack && is_duplicate) {
        conn->duplicate_acks++;
        delivery.delivered = conn->mss;
    }
    if (has_advanced || delivery.rtt_ns)
        sample_rtt(conn, segment, &delivery);
    tcp_recovery_ack(conn, segment, &delivery, has_advanced);
    if (has_advanced) {
        tune_send_buffer(conn);
        report_space(conn);
        conn->retransmit_at = NEVER;
        tcp_arm_retransmit(conn, segment->now_ns);
    }
    return true;
}
