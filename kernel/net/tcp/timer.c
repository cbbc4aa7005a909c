/*
 * Timers of a connection. One timer serves all deadlines: it is armed for the earliest, and left alone when deadlines
 * move back (which they do with every segment); when it fires too early it is armed anew.
 */
#include "internal.h"

void tcp_timer_update(struct tcp_connection *conn)
{
    uint64_t at = MIN(MIN(conn->retransmit_at, conn->delayed_ack_at), MIN(conn->reorder_at, conn->keepalive_at));
    if (at >= conn->timer_at)
        return;
    if (!timer_cancel(&conn->timer))
        tcp_get_ref(conn); /* the armed timer's */
    conn->timer_at = at;
    timer_arm(&conn->timer, at);
}

void tcp_timer_stop(struct tcp_connection *conn)
{
    conn->retransmit_at = conn->delayed_ack_at = conn->reorder_at = conn->keepalive_at = conn->timer_at = NEVER;
    if (timer_cancel(&conn->timer))
        tcp_put_ref(conn); /* never the last: the caller holds one */
}

static uint64_t backed_off(uint64_t base, unsigned backoff)
{
    return backoff > 12 ? (uint64_t)RTO_MAX_NS : MIN(base << backoff, (uint64_t)RTO_MAX_NS);
}

static bool may_probe_tail(const struct tcp_connection *conn)
{
    return conn->has_sack && conn->srtt && conn->recovery == RECOVERY_OPEN && !conn->sacked_bytes &&
           !conn->tail_probe_out && !conn->retries && !conn->lost_bytes;
}

void tcp_arm_retransmit(struct tcp_connection *conn, uint64_t now)
{
    bool is_in_flight = conn->snd_nxt != conn->snd_una;
    bool has_more =
        seq_before(conn->snd_nxt, conn->write_seq) || (conn->fin_queued && !seq_after(conn->snd_nxt, conn->write_seq));
    uint64_t wait = backed_off(conn->rto, conn->backoff);
    if (is_in_flight) {
        conn->retransmit_kind = RETRANSMIT_TIMEOUT;
        /* RFC 8985, 7.2: with one segment out the peer may delay its ACK. */
        bool is_one = conn->snd_nxt - conn->snd_una <= conn->mss;
        uint64_t probe = 2 * conn->srtt + (uint64_t)(is_one ? RTO_MIN_NS : 2 * NS_PER_MS);
        if (may_probe_tail(conn) && probe < wait) {
            conn->retransmit_kind = RETRANSMIT_TAIL_PROBE;
            wait = probe;
        }
    } else if (has_more && tcp_state_is(conn->state, STATES_TRANSMIT))
        conn->retransmit_kind = RETRANSMIT_WINDOW_PROBE;
    else {
        conn->retransmit_at = NEVER;
        return;
    }
    conn->retransmit_at = now + wait;
    tcp_timer_update(conn);
}

void tcp_arm_delayed_ack(struct tcp_connection *conn, uint64_t now)
{
    conn->ack_delayed = true;
    if (conn->delayed_ack_at != NEVER)
        return;
    conn->delayed_ack_at = now + DELAYED_ACK_NS;
    tcp_timer_update(conn);
}

void tcp_arm_keepalive(struct tcp_connection *conn, uint64_t now)
{
    conn->keepalive_at = NEVER;
    if (conn->is_orphan && conn->state == TCP_FIN_WAIT_2)
        conn->keepalive_at = now + (uint64_t)(conn->fin_wait_s > 0 ? conn->fin_wait_s : 0) * NS_PER_SECOND;
    else if (conn->keepalive && tcp_state_is(conn->state, STATES_SYNCHRONISED))
        conn->keepalive_at = now + (uint64_t)conn->keep_idle_s * NS_PER_SECOND;
    tcp_timer_update(conn);
}

static void give_up(struct tcp_connection *conn)
{
    if (tcp_state_is(conn->state, STATES_SYNCHRONISED))
        tcp_send_reset(conn);
    tcp_done(conn, conn->soft_error ? (int)conn->soft_error : ETIMEDOUT);
}

static bool user_timeout_passed(const struct tcp_connection *conn, uint64_t since, uint64_t now)
{
    return conn->user_timeout_ms && since && now - since >= (uint64_t)conn->user_timeout_ms * NS_PER_MS;
}

static void retransmit_handshake(struct tcp_connection *conn, uint64_t now)
{
    if (conn->retries == 0)
        conn->retry_started_ns = conn->last_sent_ns;
    if (conn->retries >= conn->syn_retries || user_timeout_passed(conn, conn->retry_started_ns, now)) {
        give_up(conn);
        return;
    }
    conn->retries++;
    COUNT(conn->tcp, retransmitted);
    COUNT(conn->tcp, timeouts);
    conn->total_retransmits++;
    conn->backoff++;
    tcp_send_syn(conn);
    conn->retransmit_at = now + backed_off(RTO_INITIAL_NS, conn->backoff);
}

static void retransmit_timeout(struct tcp_connection *conn, uint64_t now)
{
    if (conn->snd_una == conn->snd_nxt)
        return;
    if (!conn->retries++)
        conn->retry_started_ns = now - conn->rto;
    uint32_t most = conn->is_orphan ? RETRIES_ORPHAN : RETRIES_DATA;
    bool is_held_off = !conn->snd_wnd && !conn->is_orphan && now - conn->last_received_ns < RTO_MAX_NS;
    if (is_held_off) /* the peer lives and has closed its window over what is out */
        conn->retries = 1;
    if (conn->retries > most || user_timeout_passed(conn, conn->retry_started_ns, now)) {
        give_up(conn);
        return;
    }
    COUNT(conn->tcp, timeouts);
    tcp_recovery_timeout(conn);
    conn->backoff++;
    tcp_output(conn);
    tcp_arm_retransmit(conn, now);
}

static void probe_window(struct tcp_connection *conn, uint64_t now)
{
    if (!conn->backoff)
        conn->retry_started_ns = now;
    conn->probes++;
    conn->backoff++;
    bool is_hopeless = conn->is_orphan && (conn->backoff > RETRIES_ORPHAN || tcp_memory_is_tight(conn->tcp));
    if (is_hopeless || conn->probes > RETRIES_DATA || user_timeout_passed(conn, conn->retry_started_ns, now)) {
        give_up(conn);
        return;
    }
    if (tcp_force_output(conn))
        conn->backoff = 0;
    else
        tcp_send_probe(conn);
    tcp_arm_retransmit(conn, now);
}

static void probe_tail(struct tcp_connection *conn, uint64_t now)
{
    if (tcp_send_tail_probe(conn)) {
        conn->tail_probe_out = true;
        conn->tail_probe_end = conn->snd_nxt;
        COUNT(conn->tcp, tail_probes);
    }
    conn->retransmit_kind = RETRANSMIT_TIMEOUT;
    conn->retransmit_at = now + conn->rto;
}

static void on_retransmit(struct tcp_connection *conn, uint64_t now)
{
    conn->retransmit_at = NEVER;
    if (conn->state == TCP_SYN_SENT || conn->state == TCP_SYN_RECEIVED)
        retransmit_handshake(conn, now);
    else if (conn->retransmit_kind == RETRANSMIT_TIMEOUT)
        retransmit_timeout(conn, now);
    else if (conn->retransmit_kind == RETRANSMIT_WINDOW_PROBE)
        probe_window(conn, now);
    else
        probe_tail(conn, now);
}

static void on_reorder(struct tcp_connection *conn, uint64_t now)
{
    tcp_sent_detect_loss(conn, now);
    tcp_recovery_start(conn);
    tcp_output(conn);
}

static void on_keepalive(struct tcp_connection *conn, uint64_t now)
{
    if (conn->is_orphan && conn->state == TCP_FIN_WAIT_2) {
        tcp_done(conn, 0);
        return;
    }
    conn->keepalive_at = NEVER;
    if (!conn->keepalive || !tcp_state_is(conn->state, STATES_SYNCHRONISED))
        return;
    uint64_t idle_ns = (uint64_t)conn->keep_idle_s * NS_PER_SECOND, quiet = now - conn->last_received_ns;
    if (conn->snd_una != conn->write_seq) { /* the retransmission timer watches */
        conn->keepalive_at = now + idle_ns;
    } else if (quiet < idle_ns) {
        conn->probes = 0;
        conn->keepalive_at = conn->last_received_ns + idle_ns;
    } else {
        bool is_over = conn->user_timeout_ms ? conn->probes && quiet >= (uint64_t)conn->user_timeout_ms * NS_PER_MS
                                             : conn->probes >= conn->keep_probes;
        if (is_over) {
            COUNT(conn->tcp, keepalive_drops);
            give_up(conn);
            return;
        }
        conn->probes++;
        tcp_send_probe(conn);
        conn->keepalive_at = now + (uint64_t)conn->keep_interval_s * NS_PER_SECOND;
    }
}

void tcp_timer_fire(struct timer *timer)
{
    struct tcp_connection *conn = container_of(timer, struct tcp_connection, timer);
    uint64_t now = clock_monotonic_ns();
    tcp_lock(conn);
    conn->timer_at = NEVER;
    if (conn->state != TCP_CLOSED) {
        if (conn->delayed_ack_at <= now) {
            conn->delayed_ack_at = NEVER;
            if (conn->ack_delayed || conn->ack_now)
                tcp_send_ack(conn);
        }
        if (conn->reorder_at <= now)
            on_reorder(conn, now);
        if (conn->retransmit_at <= now)
            on_retransmit(conn, now);
        if (conn->keepalive_at <= now)
            on_keepalive(conn, now);
        if (conn->state != TCP_CLOSED)
            tcp_timer_update(conn);
    }
    tcp_unlock(conn);
    tcp_put_ref(conn);
}
