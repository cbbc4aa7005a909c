/* Segments in: to their connection, request, TIME_WAIT entry or listener; the state machine of RFC 9293, 3.10.7. */
#include "internal.h"

/* At most 1000 challenge ACKs a second, so that they cannot be counted to find connections (RFC 5961, 10). */
bool tcp_challenge_allowed(struct tcp_stack *tcp, uint64_t now_ns)
{
    enum { PER_SECOND = 1000 };
    uint64_t second = now_ns / NS_PER_SECOND;
    if (load_relaxed(&tcp->challenge_second) != second) {
        store_relaxed(&tcp->challenge_second, second);
        store_relaxed(&tcp->challenge_count, PER_SECOND / 2 + (uint32_t)(random_u64() % PER_SECOND));
    }
    uint32_t left = load_relaxed(&tcp->challenge_count);
    if (!left)
        return false;
    store_relaxed(&tcp->challenge_count, left - 1);
    COUNT(tcp, challenge_acks);
    return true;
}

static void challenge(struct tcp_connection *conn, const struct tcp_segment *segment)
{
    if (tcp_challenge_allowed(conn->tcp, segment->now_ns))
        tcp_send_ack(conn);
}

/* Answers what does not belong into the window; rarely where it holds no data, so that two confused ends fall silent.
 */
static void reject(struct tcp_connection *conn, const struct tcp_segment *segment)
{
    if (segment->flags & TCP_RST)
        return;
    if (!segment->len && conn->last_reject_ack_ns && segment->now_ns - conn->last_reject_ack_ns < RATE_LIMIT_ACK_NS)
        return;
    if (!segment->len)
        conn->last_reject_ack_ns = segment->now_ns;
    if (seq_before(segment->seq, conn->rcv_nxt)) {
        uint32_t end = seq_after(segment->end, conn->rcv_nxt) ? conn->rcv_nxt : segment->end;
        tcp_note_duplicate(conn, segment->seq, end);
    }
    tcp_send_ack(conn);
}

/* RFC 7323, 5.3: a timestamp older than the last one in order is a segment from the past. Not on loopback, where
 * nothing survives from former connections but CPUs overtake each other. */
static bool is_from_the_past(const struct tcp_connection *conn, const struct tcp_segment *segment)
{
    if (!conn->has_timestamps || !segment->wire.has_timestamp || segment->flags & TCP_RST || !conn->ts_recent_ns)
        return false;
    if (!seq_before(segment->wire.timestamp, conn->ts_recent) || segment->iface->index == 1)
        return false;
    return segment->now_ns - conn->ts_recent_ns < PAWS_LIMIT_NS;
}

static bool is_acceptable(const struct tcp_connection *conn, const struct tcp_segment *segment)
{
    return !seq_before(segment->end, conn->last_ack_sent) && !seq_after(segment->seq, conn->rcv_edge);
}

static void receive_reset(struct tcp_connection *conn, const struct tcp_segment *segment)
{
    if (segment->seq != conn->rcv_nxt) { /* RFC 5961, 3.2 */
        challenge(conn, segment);
        return;
    }
    int err = conn->state == TCP_CLOSE_WAIT ? EPIPE : conn->state == TCP_SYN_RECEIVED ? ECONNREFUSED : ECONNRESET;
    COUNT(conn->tcp, established_resets);
    tcp_done(conn, conn->state == TCP_LAST_ACK || conn->state == TCP_CLOSING ? 0 : err);
}

/* Checks that are made before the ACK is looked at; false: the segment was dealt with. */
static bool validate(struct tcp_connection *conn, struct tcp_segment *segment)
{
    /* The other half of a simultaneous open: its SYN again, now with the ACK of ours. */
    bool is_crossing = conn->state == TCP_SYN_RECEIVED && segment->seq + 1 == conn->rcv_nxt &&
                       (segment->flags & (TCP_SYN | TCP_ACK | TCP_RST)) == (TCP_SYN | TCP_ACK);
    if (is_crossing) {
        segment->seq++;
        segment->flags &= (uint8_t)~TCP_SYN;
    }
    if (is_from_the_past(conn, segment)) {
        COUNT(conn->tcp, paws_rejected);
        reject(conn, segment);
        return false;
    }
    if (!is_acceptable(conn, segment)) {
        if (segment->flags & TCP_SYN && !(segment->flags & TCP_RST))
            challenge(conn, segment);
        else
            reject(conn, segment);
        return false;
    }
    if (segment->flags & TCP_RST) {
        receive_reset(conn, segment);
        return false;
    }
    if (segment->flags & TCP_SYN) { /* RFC 5961, 4.2 */
        challenge(conn, segment);
        return false;
    }
    return segment->flags & TCP_ACK;
}

static void note_timestamp(struct tcp_connection *conn, const struct tcp_segment *segment)
{
    if (!conn->has_timestamps || !segment->wire.has_timestamp || seq_after(segment->seq, conn->last_ack_sent))
        return;
    if (conn->ts_recent_ns && seq_before(segment->wire.timestamp, conn->ts_recent) &&
        segment->now_ns - conn->ts_recent_ns < PAWS_LIMIT_NS)
        return;
    conn->ts_recent = segment->wire.timestamp;
    conn->ts_recent_ns = segment->now_ns;
}

/* Our FIN was acknowledged. */
static void fin_acknowledged(struct tcp_connection *conn)
{
    if (conn->state == TCP_FIN_WAIT_1) {
        tcp_set_state(conn, TCP_FIN_WAIT_2);
        conn->wake |= POLL_OUT | POLL_WRNORM;
        tcp_arm_keepalive(conn, clock_monotonic_ns());
    } else if (conn->state == TCP_CLOSING)
        tcp_enter_time_wait(conn);
    else if (conn->state == TCP_LAST_ACK)
        tcp_done(conn, 0);
}

/* Data for a socket that nobody will read any more: the peer learns it by a reset (RFC 9293, 3.6.1). */
static bool is_unwanted(const struct tcp_connection *conn, const struct tcp_segment *segment)
{
    return conn->is_orphan && segment->len && seq_after(segment->end - (segment->flags & TCP_FIN), conn->rcv_nxt);
}

void tcp_process(struct tcp_connection *conn, struct tcp_segment *segment)
{
    conn->segments_in++;
    if (conn->state == TCP_SYN_SENT) {
        tcp_process_syn_sent(conn, segment);
        return;
    }
    if (!validate(conn, segment))
        return;
    conn->last_received_ns = segment->now_ns;
    if (conn->state == TCP_SYN_RECEIVED) {
        if (segment->wire.ack != conn->iss + 1) {
            tcp_answer_reset(conn->stack, segment);
            return;
        }
        tcp_established(conn, segment);
    }
    if (!tcp_ack(conn, segment))
        return;
    note_timestamp(conn, segment);
    if (conn->fin_queued && seq_after(conn->snd_una, conn->write_seq)) {
        fin_acknowledged(conn);
        if (conn->state == TCP_CLOSED)
            return;
    }
    if (is_unwanted(conn, segment)) {
        tcp_send_reset(conn);
        tcp_done(conn, ECONNRESET);
        return;
    }
    if (tcp_state_is(conn->state, STATES_CAN_RECEIVE))
        tcp_receive_segment(conn, segment);
    else if (segment->end != segment->seq)
        conn->ack_now = true; /* the peer's FIN again */
    if (conn->state == TCP_CLOSED)
        return;
    bool has_work = conn->ack_now || conn->lost_bytes || seq_before(conn->snd_nxt, conn->write_seq) ||
                    (conn->fin_queued && !seq_after(conn->snd_nxt, conn->write_seq));
    if (has_work)
        tcp_defer_output(conn);
}

static bool parse(struct net_stack *stack, struct tcp_segment *segment, struct ip_info *info)
{
    struct tcp_stack *tcp = tcp_of(stack);
    struct packet *packet = segment->packet;
    COUNT(tcp, segments_in);
    uint32_t total = packet_total_len(packet);
    if (info->is_broadcast || ip_is_multicast(&info->to) || ip_is_any(&info->from) || total < TCP_HEADER)
        return false;
    /* Not more than the header: a payload that a loopback sender lends is not copied. */
    packet = packet_make_contiguous(packet, TCP_HEADER);
    if (packet)
        packet = packet_make_contiguous(packet, MIN(total, (packet->data[12] >> 4) * 4u));
    segment->packet = packet;
    if (!packet)
        return false;
    if (!wire_parse_tcp(packet->data, packet->len, &segment->wire) ||
        !transport_checksum_is_good(packet, info, PROTOCOL_TCP)) {
        COUNT(tcp, bad_segments);
        return false;
    }
    packet_pull(packet, segment->wire.header_len);
    segment->flags = segment->wire.flags;
    segment->seq = segment->wire.seq;
    segment->len = total - segment->wire.header_len;
    segment->end = segment->seq + segment->len + !!(segment->flags & TCP_SYN) + !!(segment->flags & TCP_FIN);
    return true;
}

static void to_listener(struct net_stack *stack, struct tcp_segment *segment, const struct tcp_tuple *tuple,
                        uint32_t iss_floor)
{
    struct tcp_connection *listener =
        tcp_find_listener(tcp_of(stack), segment->info, segment->iface->index, tuple->local_port, tuple);
    if (!listener) {
        tcp_answer_reset(stack, segment);
        return;
    }
    tcp_listener_input(listener, segment, tuple, iss_floor);
    tcp_put_ref(listener);
}

static void to_entry(struct net_stack *stack, struct tcp_entry *entry, struct tcp_segment *segment)
{
    uint32_t iss_floor = 0;
    if (entry->kind == TCP_KIND_CONNECTION) {
        struct tcp_connection *conn = connection_of(entry);
        tcp_lock(conn);
        if (conn->state == TCP_CLOSED)
            tcp_answer_reset(stack, segment);
        else
            tcp_process(conn, segment);
        tcp_unlock(conn);
    } else if (entry->kind == TCP_KIND_REQUEST)
        tcp_request_input(container_of(entry, struct tcp_request, entry), segment);
    else if (tcp_time_wait_input(tcp_of(stack), entry, segment, &iss_floor))
        to_listener(stack, segment, &entry->tuple, iss_floor);
}

void tcp_input(struct net_stack *stack, struct net_interface *iface, struct packet *packet, struct ip_info *info)
{
    struct tcp_segment segment = {.packet = packet, .info = info, .iface = iface, .now_ns = clock_monotonic_ns()};
    if (parse(stack, &segment, info)) {
        struct tcp_tuple tuple = {.local = info->to,
                                  .peer = info->from,
                                  .local_port = segment.wire.to_port,
                                  .peer_port = segment.wire.from_port};
        if (ip_is_link_local(&tuple.peer))
            tuple.scope = iface->index;
        struct tcp_entry *entry = tcp_table_find(tcp_of(stack), &tuple);
        if (entry) {
            to_entry(stack, entry, &segment);
            tcp_entry_put(entry);
        } else
            to_listener(stack, &segment, &tuple, 0);
    }
    packet_free(segment.packet);
}

/* RFC 8201, RFC 1191: smaller segments from now on; what is out and too large goes again at once. */
static void reduce_path_mtu(struct tcp_connection *conn, uint32_t mtu)
{
    uint32_t least = tcp_is_v4(conn) ? 552 : 1280;
    mtu = MAX(mtu, least);
    if (conn->path_mtu && mtu >= conn->path_mtu)
        return;
    uint32_t before = conn->mss;
    conn->path_mtu = mtu;
    tcp_update_mss(conn);
    if (conn->mss >= before || !tcp_state_is(conn->state, STATES_TRANSMIT))
        return;
    conn->cwnd = MAX(conn->cwnd / before * conn->mss, conn->mss);
    for (struct tcp_sent *sent = tcp_sent_first(conn); sent; sent = tcp_sent_next(sent))
        if (sent->end - sent->seq > conn->mss)
            tcp_sent_mark_lost(conn, sent);
    if (conn->recovery == RECOVERY_OPEN && conn->lost_bytes) { /* nothing was congested: no reduction */
        conn->recovery = RECOVERY_LOSS;
        conn->high_seq = conn->snd_nxt;
    }
    tcp_output(conn);
}

static void connection_error(struct tcp_connection *conn, uint32_t seq, int err, uint32_t mtu)
{
    bool is_ours = !seq_before(seq, conn->snd_una) && seq_before(seq, conn->snd_nxt + (conn->snd_nxt == conn->snd_una));
    if (conn->state == TCP_SYN_SENT || conn->state == TCP_SYN_RECEIVED)
        is_ours = seq == conn->iss;
    if (!is_ours)
        return; /* a guess (RFC 5927) */
    if (err == EMSGSIZE) {
        reduce_path_mtu(conn, mtu);
        return;
    }
    if (conn->state == TCP_SYN_SENT)
        tcp_done(conn, err);
    else
        conn->soft_error = (uint32_t)err;
}

void tcp_error(struct net_stack *stack, const struct ip_info *original, const uint8_t *bytes, size_t len, int err,
               uint32_t mtu)
{
    if (len < 8)
        return;
    struct tcp_tuple tuple = {.local = original->from,
                              .peer = original->to,
                              .local_port = load_be16(bytes),
                              .peer_port = load_be16(bytes + 2)};
    if (ip_is_link_local(&tuple.peer))
        return;
    struct tcp_entry *entry = tcp_table_find(tcp_of(stack), &tuple);
    if (!entry)
        return;
    if (entry->kind == TCP_KIND_CONNECTION) {
        struct tcp_connection *conn = connection_of(entry);
        tcp_lock(conn);
        if (conn->state != TCP_CLOSED)
            connection_error(conn, load_be32(bytes + 4), err, mtu);
        tcp_unlock(conn);
    }
    tcp_entry_put(entry);
}
