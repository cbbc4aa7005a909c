/*
 * Deciding what to send: lost data first, then new data as window, congestion and Nagle allow, in pieces as large as
 * the device segments them; and the segments without data. All with conn->lock held.
 */
#include "internal.h"

enum { OUTPUT_BUDGET = 256 }; /* segments a call; the timer or the next ACK goes on */

uint32_t tcp_receive_space(const struct tcp_connection *conn)
{
    uint32_t used = conn->receive_used;
    uint32_t space =
        used < conn->receive_buffer ? (conn->receive_buffer - used) / 2 : 0; /* half for what packets cost */
    if (conn->window_clamp && space > conn->window_clamp)
        space = conn->window_clamp;
    if (tcp_memory_is_tight(conn->tcp))
        space = MIN(space, 4 * conn->receive_mss);
    /* Receiver's side of silly window avoidance: a window below one segment is none (RFC 9293, 3.8.6.2.2). */
    uint32_t least = MIN(conn->receive_mss, conn->receive_buffer / 4);
    return space < least ? 0 : space;
}

static uint8_t data_flags(const struct tcp_connection *conn, uint32_t end)
{
    uint8_t flags = TCP_ACK;
    if (!seq_before(end, conn->write_seq))
        flags |= TCP_PSH;
    if (seq_after(end, conn->write_seq))
        flags |= TCP_FIN;
    return flags;
}

static uint32_t data_len(const struct tcp_connection *conn, uint32_t seq, uint32_t end)
{
    return (seq_after(end, conn->write_seq) ? conn->write_seq : end) - seq;
}

/* Sends [seq, end), which is queued; false when there was no memory for it. What the device then refuses counts as lost
 * on the way. */
static bool send_range(struct tcp_connection *conn, uint32_t seq, uint32_t end, uint64_t now)
{
    uint32_t len = data_len(conn, seq, end);
    struct packet *packet = tcp_build_data(conn, seq, len);
    if (!packet)
        return false;
    tcp_transmit(conn, packet, seq, data_flags(conn, end), len, now);
    if (conn->recovery == RECOVERY_FAST)
        conn->prr_out += end - seq;
    return true;
}

static bool retransmit(struct tcp_connection *conn, struct tcp_sent *sent, uint64_t now)
{
    if (data_len(conn, sent->seq, sent->end) > conn->segments_max &&
        !tcp_sent_split(conn, sent, sent->seq + conn->segments_max))
        return false;
    if (!send_range(conn, sent->seq, sent->end, now))
        return false;
    if (conn->can_undo && !conn->undo_timestamp)
        conn->undo_timestamp = tcp_timestamp(now, conn->ts_offset);
    uint32_t len = sent->end - sent->seq;
    if (sent->flags & SENT_LOST && !(sent->flags & SENT_RETRANSMITTED)) {
        conn->retransmitted_bytes += len;
        sent->flags |= SENT_RETRANSMITTED;
    }
    sent->flags |= SENT_AGAIN;
    sent->sent_ns = now;
    list_remove(&sent->time_link);
    list_add_last(&conn->sent_by_time, &sent->time_link);
    conn->bytes_retransmitted += len;
    conn->total_retransmits++;
    COUNT(conn->tcp, retransmitted);
    return true;
}

/* The lowest piece that is lost and not under way again. */
static struct tcp_sent *next_lost(struct tcp_connection *conn)
{
    if (conn->lost_bytes == conn->retransmitted_bytes)
        return NULL;
    struct tcp_sent *sent = seq_after(conn->lost_hint, conn->snd_una) ? tcp_sent_find(conn, conn->lost_hint) : NULL;
    if (!sent)
        sent = tcp_sent_first(conn);
    for (; sent; sent = tcp_sent_next(sent))
        if ((sent->flags & (SENT_LOST | SENT_RETRANSMITTED)) == SENT_LOST)
            break;
    if (sent)
        conn->lost_hint = sent->seq;
    return sent;
}

static unsigned retransmit_lost(struct tcp_connection *conn, unsigned budget, uint64_t now)
{
    while (budget) {
        struct tcp_sent *sent = next_lost(conn);
        uint32_t pipe = tcp_pipe(conn);
        if (!sent || pipe >= conn->cwnd)
            break;
        uint32_t room = conn->cwnd - pipe, len = sent->end - sent->seq;
        if (len > conn->mss && len > room) { /* no more than the window lets out: at least one segment */
            uint32_t part = room < conn->mss ? conn->mss : room - room % conn->mss;
            if (part < len && !tcp_sent_split(conn, sent, sent->seq + part))
                break;
        }
        if (!retransmit(conn, sent, now))
            break;
        budget--;
    }
    return budget;
}

/* May a segment that is not full go? Nagle as amended by Minshall: unless another such one is unacknowledged. */
static bool may_send_small(const struct tcp_connection *conn)
{
    if (conn->fin_queued)
        return true;
    if (conn->cork || conn->more)
        return false;
    return conn->no_delay || !seq_after(conn->small_end, conn->snd_una);
}

static uint32_t window_room(const struct tcp_connection *conn)
{
    uint32_t edge = conn->snd_una + conn->snd_wnd;
    return seq_after(edge, conn->snd_nxt) ? edge - conn->snd_nxt : 0;
}

/* How many bytes of new data go into the next packet; 0: none may. `forced` overrides Nagle and silly window avoidance.
 */
static uint32_t next_len(struct tcp_connection *conn, uint32_t unsent, bool forced)
{
    uint32_t window = window_room(conn), pipe = tcp_pipe(conn);
    uint32_t room = conn->cwnd > pipe ? conn->cwnd - pipe : 0;
    uint32_t len = MIN(MIN(unsent, window), conn->segments_max);
    if (len > room) {
        conn->is_cwnd_limited = true;
        if (room < conn->mss)
            len = pipe || forced ? 0 : MIN(len, conn->mss);
        else
            len = room;
    }
    if (forced)
        return MIN(len, conn->mss);
    bool is_last = len == unsent;
    if (len >= conn->mss) {
        uint32_t rest = len % conn->mss;
        return rest && (!is_last || !may_send_small(conn)) ? len - rest : len;
    }
    if (is_last)
        return may_send_small(conn) ? len : 0;
    return len && len >= conn->max_window / 2 ? len : 0; /* sender's side of silly window avoidance */
}

static bool send_new(struct tcp_connection *conn, uint32_t len, bool with_fin, uint64_t now)
{
    uint32_t seq = conn->snd_nxt, end = seq + len + with_fin;
    if (!tcp_sent_add(conn, seq, end, now))
        return false;
    store_relaxed(&conn->snd_nxt, end);
    if (!send_range(conn, seq, end, now)) {
        /* Stays queued as sent and lost: it goes when there is memory again. */
        tcp_sent_mark_lost(conn, tcp_sent_find(conn, seq));
        tcp_arm_retransmit(conn, now);
        return false;
    }
    if (len % conn->mss)
        conn->small_end = end;
    if (conn->last_data_received_ns && now - conn->last_data_received_ns < DELAYED_ACK_NS)
        conn->is_interactive = true;
    return true;
}

static bool fin_is_due(const struct tcp_connection *conn, uint32_t len, uint32_t unsent)
{
    return conn->fin_queued && len == unsent && !seq_after(conn->snd_nxt, conn->write_seq) && window_room(conn) > len;
}

static uint32_t unsent_data(const struct tcp_connection *conn)
{
    return seq_before(conn->snd_nxt, conn->write_seq) ? conn->write_seq - conn->snd_nxt : 0;
}

void tcp_output(struct tcp_connection *conn)
{
    if (!tcp_state_is(conn->state, STATES_TRANSMIT))
        return;
    unsigned budget = OUTPUT_BUDGET;
    uint64_t now = clock_monotonic_ns();
    uint32_t before = conn->snd_nxt;
    bool is_idle = before == conn->snd_una;
    if (conn->lost_bytes)
        budget = retransmit_lost(conn, budget, now);
    if (is_idle && (unsent_data(conn) || conn->fin_queued))
        tcp_congestion_after_idle(conn, now);
    conn->is_cwnd_limited = false;
    while (budget--) {
        uint32_t unsent = unsent_data(conn);
        uint32_t len = unsent ? next_len(conn, unsent, false) : 0;
        bool with_fin = fin_is_due(conn, len, unsent);
        if ((!len && !with_fin) || !send_new(conn, len, with_fin, now))
            break;
    }
    bool is_waiting = unsent_data(conn) || conn->fin_queued || conn->snd_nxt != conn->snd_una;
    bool is_other_timer = conn->snd_nxt != before && conn->retransmit_kind != RETRANSMIT_TIMEOUT;
    if (is_waiting && (conn->retransmit_at == NEVER || is_other_timer))
        tcp_arm_retransmit(conn, now);
}

bool tcp_force_output(struct tcp_connection *conn)
{
    uint32_t unsent = unsent_data(conn);
    uint32_t len = unsent ? next_len(conn, unsent, true) : 0;
    bool with_fin = fin_is_due(conn, len, unsent);
    return (len || with_fin) && send_new(conn, len, with_fin, clock_monotonic_ns());
}

/* RFC 8985, 7.3: something new if the window allows, else the end of what was sent once more. */
bool tcp_send_tail_probe(struct tcp_connection *conn)
{
    uint32_t unsent = unsent_data(conn), room = window_room(conn);
    uint64_t now = clock_monotonic_ns();
    conn->tail_probe_is_retransmission = false;
    if (unsent && room && send_new(conn, MIN(MIN(unsent, room), conn->mss), false, now))
        return true;
    struct rb_node *node = rb_last(&conn->sent);
    if (!node)
        return false;
    struct tcp_sent *sent = container_of(node, struct tcp_sent, node);
    if (sent->flags & (SENT_SACKED | SENT_LOST))
        return false;
    if (sent->end - sent->seq > conn->mss) {
        uint32_t whole = (sent->end - sent->seq - 1) / conn->mss * conn->mss;
        if (!tcp_sent_split(conn, sent, sent->seq + whole))
            return false;
        sent = tcp_sent_next(sent);
    }
    conn->tail_probe_is_retransmission = true;
    return retransmit(conn, sent, now);
}

void tcp_flush(struct tcp_connection *conn)
{
    if (conn->state == TCP_CLOSED || conn->state == TCP_LISTEN)
        return;
    if (conn->ack_now && (conn->sack_count || conn->has_duplicate))
        tcp_send_ack(conn); /* data segments carry no SACK */
    tcp_output(conn);
    if (conn->ack_now)
        tcp_send_ack(conn);
}

static void send_empty(struct tcp_connection *conn, uint32_t seq, uint8_t flags)
{
    struct packet *packet = packet_alloc(0, ALLOC_ATOMIC);
    if (packet)
        tcp_transmit(conn, packet, seq, flags, 0, clock_monotonic_ns());
}

void tcp_send_ack(struct tcp_connection *conn)
{
    struct packet *packet = packet_alloc(0, ALLOC_ATOMIC);
    if (packet)
        tcp_transmit(conn, packet, conn->snd_nxt, TCP_ACK, 0, clock_monotonic_ns());
    else
        tcp_arm_delayed_ack(conn, clock_monotonic_ns());
}

void tcp_send_syn(struct tcp_connection *conn)
{
    if (tcp_source_route(conn))
        return;
    send_empty(conn, conn->iss, conn->state == TCP_SYN_SENT ? TCP_SYN : TCP_SYN | TCP_ACK);
}

void tcp_send_reset(struct tcp_connection *conn)
{
    COUNT(conn->tcp, resets_out);
    send_empty(conn, conn->snd_nxt, TCP_RST | TCP_ACK);
}

/* One below what the peer expects: it answers with an ACK, which tells its window. */
void tcp_send_probe(struct tcp_connection *conn)
{
    send_empty(conn, conn->snd_una - 1, TCP_ACK);
}
