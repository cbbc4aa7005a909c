/*
 * Loss recovery: fast recovery with proportional rate reduction (RFC 6675, 6937), NewReno where the peer has no SACK
 * (RFC 6582), timeouts, and taking it all back when timestamps show that nothing was lost (RFC 3522).
 */
#include "internal.h"

/* Remembers what an undo would restore. */
static void remember(struct tcp_connection *conn)
{
    conn->undo_cwnd = conn->cwnd;
    conn->undo_ssthresh = conn->ssthresh;
    conn->undo_timestamp = 0;
    conn->can_undo = conn->has_timestamps;
}

static void enter_fast(struct tcp_connection *conn)
{
    remember(conn);
    conn->recovery = RECOVERY_FAST;
    conn->high_seq = conn->snd_nxt;
    conn->ssthresh = conn->congestion->reduce(conn);
    conn->prr_delivered = conn->prr_out = 0;
    conn->prr_flight = MAX(conn->snd_nxt - conn->snd_una, conn->mss);
    conn->tail_probe_out = false;
}

static void leave(struct tcp_connection *conn)
{
    if (conn->recovery == RECOVERY_FAST)
        conn->cwnd = MAX(conn->ssthresh, conn->mss);
    conn->recovery = RECOVERY_OPEN;
    conn->duplicate_acks = 0;
    conn->can_undo = false;
}

static void mark_first_lost(struct tcp_connection *conn)
{
    struct tcp_sent *first = tcp_sent_first(conn);
    if (!first)
        return;
    if (first->end - first->seq > conn->mss && !tcp_sent_split(conn, first, first->seq + conn->mss))
        return;
    if (!(first->flags & SENT_LOST))
        tcp_sent_mark_lost(conn, first);
}

/* RFC 6937: sends in proportion to what is delivered, so that the window glides to ssthresh within one round trip. */
static void reduce_rate(struct tcp_connection *conn, uint32_t delivered)
{
    uint32_t pipe = tcp_pipe(conn), allowed;
    conn->prr_delivered += delivered;
    if (pipe > conn->ssthresh) {
        uint64_t due = ((uint64_t)conn->prr_delivered * conn->ssthresh + conn->prr_flight - 1) / conn->prr_flight;
        allowed = due > conn->prr_out ? (uint32_t)(due - conn->prr_out) : 0;
    } else {
        uint32_t behind = conn->prr_delivered > conn->prr_out ? conn->prr_delivered - conn->prr_out : 0;
        allowed = MIN(conn->ssthresh - pipe, MAX(behind, delivered) + conn->mss);
    }
    if (!conn->prr_out) /* the fast retransmission itself */
        allowed = MAX(allowed, conn->mss);
    conn->cwnd = pipe + allowed;
}

static void restore_marks(struct tcp_connection *conn)
{
    for (struct rb_node *node = rb_last(&conn->sent); node; node = rb_previous(node)) {
        struct tcp_sent *sent = container_of(node, struct tcp_sent, node);
        if ((sent->flags & (SENT_LOST | SENT_RETRANSMITTED)) == SENT_LOST)
            list_add_first(&conn->sent_by_time, &sent->time_link);
        sent->flags &= (uint8_t) ~(SENT_LOST | SENT_RETRANSMITTED);
    }
    conn->lost_bytes = conn->retransmitted_bytes = 0;
}

/* The ACK answers a copy that was sent before our first retransmission: the original had arrived. */
static bool try_undo(struct tcp_connection *conn, const struct tcp_info_wire *wire)
{
    if (!conn->can_undo || !conn->undo_timestamp || !wire->has_timestamp || !wire->timestamp_echo)
        return false;
    if (!seq_before(wire->timestamp_echo, conn->undo_timestamp))
        return false;
    restore_marks(conn);
    conn->cwnd = MAX(conn->cwnd, conn->undo_cwnd);
    conn->ssthresh = MAX(conn->ssthresh, conn->undo_ssthresh);
    conn->recovery = RECOVERY_OPEN;
    conn->can_undo = false;
    COUNT(conn->tcp, spurious_recoveries);
    return true;
}

/* A probe of the tail that was needed means a loss that its own retransmission repaired (RFC 8985, 7.4). */
static void end_tail_probe(struct tcp_connection *conn, const struct tcp_delivery *delivery, uint32_t ack)
{
    if (!conn->tail_probe_out || seq_before(ack, conn->tail_probe_end))
        return;
    if (!conn->tail_probe_is_retransmission || delivery->saw_duplicate)
        conn->tail_probe_out = false;
    else if (seq_after(ack, conn->tail_probe_end)) {
        conn->tail_probe_out = false;
        conn->ssthresh = conn->congestion->reduce(conn);
        conn->cwnd = MIN(conn->cwnd, conn->ssthresh);
    }
}

static void partial_ack(struct tcp_connection *conn, uint32_t delivered)
{
    uint32_t segments = delivered / conn->mss;
    conn->duplicate_acks -= MIN(segments, conn->duplicate_acks);
    mark_first_lost(conn);
}

void tcp_recovery_start(struct tcp_connection *conn)
{
    if (conn->recovery != RECOVERY_OPEN || !conn->lost_bytes)
        return;
    enter_fast(conn);
    reduce_rate(conn, 0);
}

void tcp_recovery_ack(struct tcp_connection *conn, const struct tcp_segment *segment,
                      const struct tcp_delivery *delivery, bool has_advanced)
{
    bool ends = conn->recovery != RECOVERY_OPEN && !seq_before(conn->snd_una, conn->high_seq);
    tcp_sent_adapt_reordering(conn, delivery->saw_duplicate, ends);
    tcp_sent_detect_loss(conn, segment->now_ns);
    if (conn->recovery == RECOVERY_OPEN) {
        if (has_advanced)
            conn->duplicate_acks = 0;
        else if (conn->duplicate_acks == DUPLICATE_THRESHOLD)
            mark_first_lost(conn);
    } else if (has_advanced && try_undo(conn, &segment->wire))
        return;
    end_tail_probe(conn, delivery, segment->wire.ack);
    if (conn->recovery != RECOVERY_OPEN && !seq_before(conn->snd_una, conn->high_seq))
        leave(conn);
    if (conn->recovery == RECOVERY_FAST) {
        if (!conn->has_sack && has_advanced)
            partial_ack(conn, delivery->delivered);
        reduce_rate(conn, delivery->delivered);
        return;
    }
    if (conn->recovery == RECOVERY_OPEN && conn->lost_bytes) {
        enter_fast(conn);
        reduce_rate(conn, delivery->delivered);
        return;
    }
    if (has_advanced)
        tcp_congestion_grow(conn, delivery->delivered, delivery->rtt_ns);
}

void tcp_recovery_timeout(struct tcp_connection *conn)
{
    /* A further timeout of the same data reduces no more (RFC 5681, 3.1). */
    if (conn->recovery != RECOVERY_LOSS) {
        if (conn->recovery == RECOVERY_OPEN)
            remember(conn);
        conn->ssthresh = conn->congestion->reduce(conn);
    }
    conn->recovery = RECOVERY_LOSS;
    conn->high_seq = conn->snd_nxt;
    conn->cwnd = conn->mss;
    conn->duplicate_acks = 0;
    conn->tail_probe_out = false;
    tcp_sent_mark_all_lost(conn);
}
