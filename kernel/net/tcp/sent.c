/*
 * What is in flight: a tree of stretches by sequence number, which selective acknowledgements mark, and a list of those
 * under way by time of sending, from which RACK (RFC 8985) finds the lost ones. Stretches are split only at whole
 * segments, so their number is bounded by the window; neighbours that are both SACKed are joined.
 */
#include "internal.h"

static struct tcp_sent *sent_of(struct rb_node *node)
{
    return node ? container_of(node, struct tcp_sent, node) : NULL;
}

struct tcp_sent *tcp_sent_first(const struct tcp_connection *conn)
{
    return sent_of(rb_first(&conn->sent));
}

struct tcp_sent *tcp_sent_next(struct tcp_sent *sent)
{
    return sent_of(rb_next(&sent->node));
}

struct tcp_sent *tcp_sent_find(const struct tcp_connection *conn, uint32_t seq)
{
    struct rb_node *node = conn->sent.root;
    while (node) {
        struct tcp_sent *sent = sent_of(node);
        if (seq_before(seq, sent->seq))
            node = node->left;
        else if (!seq_before(seq, sent->end))
            node = node->right;
        else
            return sent;
    }
    return NULL;
}

static void insert(struct tcp_connection *conn, struct tcp_sent *fresh)
{
    struct rb_node **link = &conn->sent.root, *parent = NULL;
    while (*link) {
        parent = *link;
        link = seq_before(fresh->seq, sent_of(parent)->seq) ? &parent->left : &parent->right;
    }
    rb_insert(&conn->sent, &fresh->node, parent, link, NULL);
}

static void drop(struct tcp_connection *conn, struct tcp_sent *sent)
{
    rb_remove(&conn->sent, &sent->node, NULL);
    list_remove(&sent->time_link);
    kfree(sent);
}

bool tcp_sent_add(struct tcp_connection *conn, uint32_t seq, uint32_t end, uint64_t now_ns)
{
    struct tcp_sent *sent = kmalloc(sizeof *sent, ALLOC_ATOMIC);
    if (!sent)
        return false;
    *sent = (struct tcp_sent){.seq = seq, .end = end, .sent_ns = now_ns};
    insert(conn, sent);
    list_add_last(&conn->sent_by_time, &sent->time_link);
    return true;
}

bool tcp_sent_split(struct tcp_connection *conn, struct tcp_sent *sent, uint32_t at)
{
    struct tcp_sent *rest = kmalloc(sizeof *rest, ALLOC_ATOMIC);
    if (!rest)
        return false;
    *rest = *sent;
    rest->seq = sent->end = at;
    insert(conn, rest);
    list_init(&rest->time_link);
    if (!list_is_empty(&sent->time_link))
        list_add_first(&sent->time_link, &rest->time_link);
    return true;
}

/* Takes n bytes with these flags out of the accounts. */
static void forget(struct tcp_connection *conn, uint8_t flags, uint32_t n)
{
    if (flags & SENT_SACKED)
        conn->sacked_bytes -= n;
    if (flags & SENT_LOST)
        conn->lost_bytes -= n;
    if (flags & SENT_RETRANSMITTED)
        conn->retransmitted_bytes -= n;
}

void tcp_sent_mark_lost(struct tcp_connection *conn, struct tcp_sent *sent)
{
    uint32_t len = sent->end - sent->seq;
    if (sent->flags & SENT_SACKED)
        return;
    if (!(sent->flags & SENT_LOST))
        conn->lost_bytes += len;
    if (sent->flags & SENT_RETRANSMITTED)
        conn->retransmitted_bytes -= len;
    sent->flags = (uint8_t)((sent->flags | SENT_LOST) & ~SENT_RETRANSMITTED);
    list_remove(&sent->time_link);
    if (seq_before(sent->seq, conn->lost_hint) || seq_before(conn->lost_hint, conn->snd_una))
        conn->lost_hint = sent->seq;
}

/* After a timeout. When even the oldest is SACKed the peer has taken its word back (RFC 2018, 8): nothing counts then.
 */
void tcp_sent_mark_all_lost(struct tcp_connection *conn)
{
    struct tcp_sent *first = tcp_sent_first(conn);
    bool is_reneging = first && first->flags & SENT_SACKED;
    for (struct tcp_sent *sent = first; sent; sent = tcp_sent_next(sent)) {
        if (is_reneging && sent->flags & SENT_SACKED) {
            sent->flags &= (uint8_t)~SENT_SACKED;
            conn->sacked_bytes -= sent->end - sent->seq;
        }
        tcp_sent_mark_lost(conn, sent);
    }
    conn->lost_hint = conn->snd_una;
}

void tcp_sent_purge(struct tcp_connection *conn)
{
    struct tcp_sent *sent;
    while ((sent = tcp_sent_first(conn)))
        drop(conn, sent);
    conn->sacked_bytes = conn->lost_bytes = conn->retransmitted_bytes = conn->duplicate_acks = 0;
}

/* RACK's newest delivered segment (RFC 8985, 6.2 step 2). */
static void note_delivered(struct tcp_connection *conn, const struct tcp_sent *sent, uint32_t end, uint64_t now)
{
    uint64_t rtt = now - sent->sent_ns;
    if (sent->flags & SENT_AGAIN && rtt < conn->rtt_min)
        return; /* rather the first copy's answer */
    conn->rack_rtt = rtt;
    if (sent->sent_ns > conn->rack_sent_ns || (sent->sent_ns == conn->rack_sent_ns && seq_after(end, conn->rack_end))) {
        conn->rack_sent_ns = sent->sent_ns;
        conn->rack_end = end;
    }
}

static void note_reordering(struct tcp_connection *conn, const struct tcp_sent *sent, uint32_t end)
{
    if (!(sent->flags & SENT_AGAIN) && conn->sacked_bytes && seq_before(end, conn->highest_sacked))
        conn->has_reordering = true;
}

void tcp_sent_acknowledge(struct tcp_connection *conn, uint32_t ack, struct tcp_delivery *delivery)
{
    struct tcp_sent *sent;
    while ((sent = tcp_sent_first(conn)) && seq_before(sent->seq, ack)) {
        uint32_t end = seq_before(ack, sent->end) ? ack : sent->end;
        if (!(sent->flags & SENT_SACKED)) {
            delivery->delivered += end - sent->seq;
            if (!(sent->flags & SENT_AGAIN) && !delivery->rtt_ns)
                delivery->rtt_ns = MAX(delivery->now_ns - sent->sent_ns, UINT64_C(1));
            note_reordering(conn, sent, end);
            note_delivered(conn, sent, end, delivery->now_ns);
        }
        forget(conn, sent->flags, end - sent->seq);
        sent->seq = end;
        if (sent->seq == sent->end)
            drop(conn, sent);
    }
}

static struct tcp_sent *join(struct tcp_connection *conn, struct tcp_sent *sent)
{
    struct tcp_sent *before = sent_of(rb_previous(&sent->node));
    if (before && before->flags & SENT_SACKED) {
        before->end = sent->end;
        drop(conn, sent);
        sent = before;
    }
    struct tcp_sent *after = tcp_sent_next(sent);
    if (after && after->flags & SENT_SACKED) {
        sent->end = after->end;
        drop(conn, after);
    }
    return sent;
}

static struct tcp_sent *mark_sacked(struct tcp_connection *conn, struct tcp_sent *sent, struct tcp_delivery *delivery)
{
    uint32_t len = sent->end - sent->seq;
    note_reordering(conn, sent, sent->end);
    note_delivered(conn, sent, sent->end, delivery->now_ns);
    if (!(sent->flags & SENT_AGAIN) && !delivery->rtt_ns)
        delivery->rtt_ns = MAX(delivery->now_ns - sent->sent_ns, UINT64_C(1));
    forget(conn, sent->flags, len);
    sent->flags = (uint8_t)((sent->flags & SENT_AGAIN) | SENT_SACKED);
    conn->sacked_bytes += len;
    list_remove(&sent->time_link);
    if (conn->sacked_bytes == len || seq_after(sent->end, conn->highest_sacked))
        conn->highest_sacked = sent->end;
    delivery->delivered += len;
    return join(conn, sent);
}

/* Marks what of [start, end) is in flight. Edges within a stretch are moved inwards to whole segments. */
static void sack_block(struct tcp_connection *conn, uint32_t start, uint32_t end, struct tcp_delivery *delivery)
{
    struct tcp_sent *sent = tcp_sent_find(conn, start);
    for (; sent && seq_before(sent->seq, end); sent = tcp_sent_next(sent)) {
        if (sent->flags & SENT_SACKED)
            continue;
        if (seq_before(sent->seq, start)) {
            uint32_t skip = (start - sent->seq + conn->mss - 1) / conn->mss * conn->mss;
            if (skip >= sent->end - sent->seq)
                continue;
            if (!tcp_sent_split(conn, sent, sent->seq + skip))
                return;
            continue; /* the rest comes next */
        }
        if (seq_after(sent->end, end)) {
            uint32_t whole = (end - sent->seq) / conn->mss * conn->mss;
            if (!whole || !tcp_sent_split(conn, sent, sent->seq + whole))
                return;
        }
        sent = mark_sacked(conn, sent, delivery);
    }
}

void tcp_sent_sack(struct tcp_connection *conn, const struct tcp_info_wire *wire, struct tcp_delivery *delivery)
{
    for (unsigned i = 0; i < wire->sack_count; i++) {
        const struct sack_block *block = &wire->sack[i];
        if (!seq_before(block->start, block->end))
            continue;
        bool is_inside_next = i == 0 && wire->sack_count > 1 && !seq_before(block->start, wire->sack[1].start) &&
                              !seq_after(block->end, wire->sack[1].end);
        if (i == 0 && (!seq_after(block->end, wire->ack) || is_inside_next)) {
            delivery->saw_duplicate = true; /* RFC 2883 */
            continue;
        }
        if (seq_before(block->start, conn->snd_una) || seq_after(block->end, conn->snd_nxt))
            continue;
        sack_block(conn, block->start, block->end, delivery);
    }
}

static uint64_t reordering_window(const struct tcp_connection *conn)
{
    if (!conn->has_reordering &&
        (conn->recovery != RECOVERY_OPEN || conn->sacked_bytes >= DUPLICATE_THRESHOLD * conn->mss))
        return 0;
    return MIN(conn->reorder_steps * (conn->rtt_min / 4), conn->srtt);
}

/* RFC 8985, 6.2 step 4: a duplicate that arrived means that the window was too short, once a round trip; after some
 * recoveries it starts anew. */
void tcp_sent_adapt_reordering(struct tcp_connection *conn, bool saw_duplicate, bool ends_recovery)
{
    if (conn->is_duplicate_round && !seq_before(conn->snd_una, conn->duplicate_round))
        conn->is_duplicate_round = false;
    if (saw_duplicate && !conn->is_duplicate_round) {
        conn->is_duplicate_round = true;
        conn->duplicate_round = conn->snd_nxt;
        conn->reorder_steps = MIN(conn->reorder_steps + 1, 255u);
        conn->reorder_recoveries = REORDER_RECOVERIES;
    } else if (ends_recovery && conn->reorder_recoveries && !--conn->reorder_recoveries)
        conn->reorder_steps = 1;
}

void tcp_sent_detect_loss(struct tcp_connection *conn, uint64_t now)
{
    conn->reorder_at = NEVER;
    if (!conn->has_sack || !conn->rack_sent_ns)
        return;
    uint64_t limit = conn->rack_rtt + reordering_window(conn), latest = 0;
    struct tcp_sent *sent, *after;
    list_for_each_safe(sent, after, &conn->sent_by_time, time_link)
    {
        bool is_older = sent->sent_ns < conn->rack_sent_ns ||
                        (sent->sent_ns == conn->rack_sent_ns && seq_before(sent->end, conn->rack_end));
        if (!is_older)
            break;
        if (sent->sent_ns + limit <= now)
            tcp_sent_mark_lost(conn, sent);
        else
            latest = MAX(latest, sent->sent_ns + limit);
    }
    if (latest) {
        conn->reorder_at = latest;
        tcp_timer_update(conn);
    }
}
