/*
 * Received data: the in-order queue, the out-of-order tree, what is told by SACK (RFC 2018, 2883), and how large the
 * receive buffer should be. Memory is accounted by what packets hold, not by their payload, so that a peer gains
 * nothing by sending crumbs. All with conn->lock held.
 */
#include "internal.h"

static uint32_t packet_memory(const struct packet *packet)
{
    uint32_t n = 0;
    for (; packet; packet = packet->next)
        n += (uint32_t)sizeof *packet + packet->capacity;
    return n;
}

static void drop_front(struct packet *packet, uint32_t n)
{
    for (; packet && n; packet = packet->next) {
        uint32_t part = MIN(packet->len, n);
        packet->data += part;
        packet->len -= part;
        n -= part;
    }
}

static void discharge(struct tcp_connection *conn, struct packet *packet)
{
    uint32_t truesize = received_of(packet)->truesize;
    conn->receive_used -= truesize;
    tcp_uncharge(conn, truesize);
}

/* Cuts [start, end) out of the packet's range; end counts the FIN. */
static void trim(struct packet *packet, uint32_t start, uint32_t end)
{
    struct tcp_received *received = received_of(packet);
    if (seq_after(start, received->seq)) {
        drop_front(packet, start - received->seq);
        received->seq = start;
    }
    if (seq_before(end, received->end)) {
        packet_trim(packet, end - received->seq);
        received->end = end;
        received->has_fin = 0;
    }
}

/* A packet whose buffers are mostly empty is copied into a tight one when memory counts. */
static struct packet *compact(struct packet *packet, uint32_t len)
{
    struct packet *tight = packet_alloc(len, ALLOC_ATOMIC);
    if (!tight)
        return packet;
    packet_copy_out(packet, 0, tight->data, len);
    tight->len = len;
    memcpy(tight->private_data, packet->private_data, sizeof tight->private_data);
    packet_free(packet);
    return tight;
}

/* Accounts for the packet; NULL (freed) when there is no room. must: nothing else is queued, so it has to be taken. */
static struct packet *admit(struct tcp_connection *conn, struct packet *packet, bool must)
{
    struct tcp_received *received = received_of(packet);
    uint32_t len = received->end - received->seq - received->has_fin, truesize = packet_memory(packet);
    bool is_crowded = conn->receive_used > conn->receive_buffer / 2 || tcp_memory_is_tight(conn->tcp);
    if (is_crowded && len < truesize / 2) {
        packet = compact(packet, len);
        received = received_of(packet);
        truesize = packet_memory(packet);
    }
    bool is_full = conn->receive_used > conn->receive_buffer;
    if ((is_full && !must) || !tcp_charge(conn, truesize, must && !conn->receive_used)) {
        COUNT(conn->tcp, memory_drops);
        packet_free(packet);
        return NULL;
    }
    received->truesize = truesize;
    conn->receive_used += truesize;
    return packet;
}

static void append(struct tcp_connection *conn, struct packet *packet)
{
    struct tcp_received *received = received_of(packet);
    uint32_t len = received->end - received->seq - received->has_fin;
    bool has_fin = received->has_fin;
    conn->rcv_nxt = received->end - has_fin;
    conn->bytes_received += len;
    if (len) {
        received->end = conn->rcv_nxt;
        list_add_last(&conn->received, &packet->link);
        store_relaxed(&conn->readable, conn->readable + len);
        conn->wake |= POLL_IN | POLL_RDNORM;
    } else {
        discharge(conn, packet);
        packet_free(packet);
    }
    if (has_fin)
        tcp_receive_fin(conn);
}

static void forget_sack_below(struct tcp_connection *conn)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < conn->sack_count; i++)
        if (seq_after(conn->sack[i].end, conn->rcv_nxt))
            conn->sack[kept++] = conn->sack[i];
    conn->sack_count = kept;
}

/* Moves what has become in order out of the tree. */
static void drain_out_of_order(struct tcp_connection *conn)
{
    struct rb_node *node;
    while ((node = rb_first(&conn->out_of_order))) {
        struct packet *packet = packet_of_received(node);
        struct tcp_received *received = received_of(packet);
        if (seq_after(received->seq, conn->rcv_nxt))
            break;
        rb_remove(&conn->out_of_order, node, NULL);
        conn->out_of_order_count--;
        if (seq_after(received->end, conn->rcv_nxt) && !(conn->shutdown & SHUTDOWN_PEER)) {
            trim(packet, conn->rcv_nxt, received->end);
            append(conn, packet);
        } else {
            discharge(conn, packet);
            packet_free(packet);
        }
    }
    forget_sack_below(conn);
}

/* The newest block stands first; blocks that it touches are joined to it (RFC 2018, 4). */
static void note_sack(struct tcp_connection *conn, uint32_t start, uint32_t end)
{
    struct sack_block fresh = {start, end}, kept[SACK_BLOCKS];
    unsigned n = 0;
    for (unsigned i = 0; i < conn->sack_count; i++) {
        struct sack_block *block = &conn->sack[i];
        if (seq_after(block->start, fresh.end) || seq_before(block->end, fresh.start)) {
            kept[n++] = *block;
            continue;
        }
        if (seq_before(block->start, fresh.start))
            fresh.start = block->start;
        if (seq_after(block->end, fresh.end))
            fresh.end = block->end;
    }
    n = MIN(n, (unsigned)SACK_BLOCKS - 1);
    conn->sack[0] = fresh;
    memcpy(&conn->sack[1], kept, n * sizeof kept[0]);
    conn->sack_count = n + 1;
}

void tcp_note_duplicate(struct tcp_connection *conn, uint32_t start, uint32_t end)
{
    if (!conn->has_sack || !seq_before(start, end))
        return;
    conn->duplicate = (struct sack_block){start, end};
    conn->has_duplicate = true;
}

static struct packet *find_before(struct tcp_connection *conn, uint32_t seq)
{
    struct rb_node *node = conn->out_of_order.root, *best = NULL;
    while (node) {
        if (seq_after(container_of(node, struct tcp_received, node)->seq, seq))
            node = node->left;
        else {
            best = node;
            node = node->right;
        }
    }
    return best ? packet_of_received(best) : NULL;
}

static void insert(struct tcp_connection *conn, struct packet *packet)
{
    struct rb_node **link = &conn->out_of_order.root, *parent = NULL;
    struct tcp_received *received = received_of(packet);
    while (*link) {
        parent = *link;
        bool is_left = seq_before(received->seq, container_of(parent, struct tcp_received, node)->seq);
        link = is_left ? &parent->left : &parent->right;
    }
    rb_insert(&conn->out_of_order, &received->node, parent, link, NULL);
    conn->out_of_order_count++;
}

/* Removes what the packet covers wholly and cuts it where it runs into a later one. */
static void settle_overlaps(struct tcp_connection *conn, struct packet *packet)
{
    struct tcp_received *received = received_of(packet);
    for (;;) {
        struct rb_node *node = rb_next(&received->node);
        if (!node)
            return;
        struct packet *later = packet_of_received(node);
        if (!seq_before(received_of(later)->seq, received->end))
            return;
        if (seq_after(received_of(later)->end, received->end)) {
            trim(packet, received->seq, received_of(later)->seq);
            return;
        }
        tcp_note_duplicate(conn, received_of(later)->seq, received_of(later)->end);
        rb_remove(&conn->out_of_order, node, NULL);
        conn->out_of_order_count--;
        discharge(conn, later);
        packet_free(later);
    }
}

static void queue_out_of_order(struct tcp_connection *conn, struct packet *packet)
{
    struct tcp_received *received = received_of(packet);
    uint32_t start = received->seq, end = received->end;
    COUNT(conn->tcp, out_of_order);
    struct packet *before = find_before(conn, start);
    if (before && seq_after(received_of(before)->end, start)) {
        if (!seq_after(end, received_of(before)->end)) {
            tcp_note_duplicate(conn, start, end);
            packet_free(packet);
            return;
        }
        tcp_note_duplicate(conn, start, received_of(before)->end);
        trim(packet, received_of(before)->end, end);
    }
    if (conn->out_of_order_count >= OUT_OF_ORDER_MAX || tcp_memory_is_tight(conn->tcp)) {
        COUNT(conn->tcp, memory_drops);
        packet_free(packet);
        return;
    }
    packet = admit(conn, packet, false);
    if (!packet)
        return;
    insert(conn, packet);
    settle_overlaps(conn, packet);
    if (conn->has_sack)
        note_sack(conn, start, end);
}

/* How the data asks to be acknowledged: at once in slow start of a bulk transfer, else every second segment or 40 ms.
 */
static void schedule_ack(struct tcp_connection *conn, const struct tcp_segment *segment)
{
    uint64_t now = segment->now_ns;
    uint32_t unit = segment->packet && segment->packet->segment_size ? segment->packet->segment_size : segment->len;
    if (unit > conn->receive_mss || (unit >= MSS_DEFAULT_V4 && conn->receive_mss > 2 * unit))
        conn->receive_mss = MIN(unit, 65535u);
    if (!conn->last_data_received_ns || now - conn->last_data_received_ns > conn->rto)
        conn->quick_acks = conn->is_interactive ? 0 : 16;
    conn->last_data_received_ns = now;
    if (conn->quick_acks && !conn->is_interactive)
        conn->ack_now = true;
    else if (conn->rcv_nxt - conn->last_ack_sent > conn->receive_mss)
        conn->ack_now = true;
    else if (!conn->ack_now)
        tcp_arm_delayed_ack(conn, now);
}

/* The receiver's round-trip time, from how long a window takes to fill (there may be nothing of ours to measure). */
static void measure_receive_rtt(struct tcp_connection *conn, uint64_t now)
{
    if (conn->receive_rtt_ns && seq_before(conn->rcv_nxt, conn->receive_rtt_seq))
        return;
    if (conn->receive_rtt_ns) {
        uint64_t rtt = now - conn->receive_rtt_ns;
        conn->receive_rtt = conn->receive_rtt ? MIN(conn->receive_rtt, rtt) : rtt;
    }
    conn->receive_rtt_seq = conn->rcv_edge;
    conn->receive_rtt_ns = now;
}

/* Dynamic right-sizing: what the program took within a round trip, doubled, is what the window must hold. */
void tcp_tune_receive_buffer(struct tcp_connection *conn, uint32_t copied, uint64_t now)
{
    conn->tune_copied += copied;
    uint64_t rtt = conn->srtt && conn->receive_rtt ? MIN(conn->srtt, conn->receive_rtt) : conn->receive_rtt;
    if (!rtt)
        rtt = conn->srtt;
    if (!conn->tune_started_ns || !rtt) {
        conn->tune_started_ns = now;
        conn->tune_copied = 0;
        return;
    }
    if (now - conn->tune_started_ns < rtt)
        return;
    uint32_t taken = conn->tune_copied;
    conn->tune_copied = 0;
    conn->tune_started_ns = now;
    if (taken <= conn->tune_space)
        return;
    conn->tune_space = taken;
    if (conn->receive_buffer_locked || tcp_memory_is_tight(conn->tcp))
        return;
    uint64_t wanted = ((uint64_t)2 * taken + 16 * conn->receive_mss) * 2; /* window is half of the buffer */
    wanted = MIN(wanted, (uint64_t)RECEIVE_BUFFER_MAX);
    if (wanted > conn->receive_buffer)
        store_relaxed(&conn->receive_buffer, (uint32_t)wanted);
}

static void receive_in_order(struct tcp_connection *conn, struct packet *packet, uint64_t now)
{
    bool had_holes = conn->out_of_order.root != NULL;
    packet = admit(conn, packet, list_is_empty(&conn->received));
    if (!packet) {
        conn->ack_now = true; /* tells the window */
        return;
    }
    append(conn, packet);
    if (had_holes) {
        drain_out_of_order(conn);
        conn->ack_now = true; /* a hole was filled (RFC 5681, 4.2) */
    }
    measure_receive_rtt(conn, now);
}

void tcp_receive_segment(struct tcp_connection *conn, struct tcp_segment *segment)
{
    bool has_fin = segment->flags & TCP_FIN;
    if (!segment->len && !has_fin)
        return;
    if (!seq_after(segment->end, conn->rcv_nxt) || conn->shutdown & SHUTDOWN_PEER) {
        tcp_note_duplicate(conn, segment->seq, segment->end);
        conn->ack_now = true;
        return;
    }
    if (!seq_before(segment->seq, conn->rcv_edge) && (segment->len || segment->seq != conn->rcv_edge)) {
        conn->ack_now = true; /* nothing of it fits: a probe of a closed window */
        return;
    }
    struct packet *packet = segment->packet;
    struct tcp_received *received = received_of(packet);
    *received = (struct tcp_received){.seq = segment->seq, .end = segment->end, .has_fin = has_fin};
    uint32_t edge = conn->rcv_edge + (has_fin && segment->end == conn->rcv_edge + 1);
    if (seq_before(segment->seq, conn->rcv_nxt))
        tcp_note_duplicate(conn, segment->seq, conn->rcv_nxt);
    trim(packet, seq_before(segment->seq, conn->rcv_nxt) ? conn->rcv_nxt : segment->seq,
         seq_after(segment->end, edge) ? edge : segment->end);
    bool is_in_order = received->seq == conn->rcv_nxt;
    if (segment->len && is_in_order)
        schedule_ack(conn, segment);
    segment->packet = NULL;
    if (is_in_order)
        receive_in_order(conn, packet, segment->now_ns);
    else {
        queue_out_of_order(conn, packet);
        conn->ack_now = true;
    }
    /* schedule_ack looked before rcv_nxt moved. */
    if (conn->rcv_nxt - conn->last_ack_sent > conn->receive_mss)
        conn->ack_now = true;
}

void tcp_purge_receive_queue(struct tcp_connection *conn)
{
    while (!list_is_empty(&conn->received)) {
        struct packet *packet = list_first(&conn->received, struct packet, link);
        list_remove(&packet->link);
        discharge(conn, packet);
        packet_free(packet);
    }
    store_relaxed(&conn->readable, 0u);
}

void tcp_purge_out_of_order(struct tcp_connection *conn)
{
    struct rb_node *node;
    while ((node = rb_first(&conn->out_of_order))) {
        struct packet *packet = packet_of_received(node);
        rb_remove(&conn->out_of_order, node, NULL);
        discharge(conn, packet);
        packet_free(packet);
    }
    conn->out_of_order_count = 0;
    conn->sack_count = 0;
}
