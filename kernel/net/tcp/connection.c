/* Connections as objects: making and freeing, references, memory accounts, states, the end-of-batch list. */
#include "internal.h"

struct tcp_connection *tcp_connection_alloc(struct net_stack *stack, bool is_v6, unsigned alloc_flags)
{
    struct tcp_connection *conn = kzalloc(sizeof *conn, alloc_flags);
    if (!conn)
        return NULL;
    conn->stack = stack;
    conn->tcp = tcp_of(stack);
    conn->entry.kind = TCP_KIND_CONNECTION;
    refcount_init(&conn->entry.refs, 1);
    spin_init(&conn->lock);
    wait_queue_init(&conn->queue);
    mutex_init(&conn->send_lock);
    mutex_init(&conn->receive_lock);
    list_init(&conn->port_link);
    list_init(&conn->accept_queue);
    list_init(&conn->accept_link);
    list_init(&conn->buffers);
    list_init(&conn->sent_by_time);
    list_init(&conn->received);
    timer_init(&conn->timer, tcp_timer_fire);
    conn->is_v6 = is_v6;
    conn->state = TCP_CLOSED;
    conn->ttl = 64;
    conn->linger_s = -1;
    conn->syn_retries = RETRIES_SYN;
    conn->keep_idle_s = 7200;
    conn->keep_interval_s = 75;
    conn->keep_probes = 9;
    conn->fin_wait_s = 60;
    conn->receive_low_water = 1;
    conn->send_buffer = SEND_BUFFER_INITIAL;
    conn->receive_buffer = RECEIVE_BUFFER_INITIAL;
    conn->congestion = &tcp_cubic;
    if (!is_v6)
        conn->entry.tuple.local = ip_from_v4(0);
    tcp_connection_start(conn);
    atomic_fetch_add(&conn->tcp->connection_count, 1u);
    return conn;
}

void tcp_connection_start(struct tcp_connection *conn)
{
    store_relaxed(&conn->error, 0u);
    store_relaxed(&conn->shutdown, 0u);
    conn->soft_error = 0;
    conn->was_connected = conn->connect_pending = conn->wants_space = conn->is_failed_connect = false;
    conn->fin_queued = conn->more = false;
    conn->has_timestamps = conn->has_sack = conn->has_scale = false;
    conn->send_scale = conn->receive_scale = 0;
    conn->snd_wnd = conn->max_window = 0;
    conn->sacked_bytes = conn->lost_bytes = conn->retransmitted_bytes = conn->duplicate_acks = 0;
    conn->has_reordering = conn->is_duplicate_round = false;
    conn->reorder_steps = 1;
    conn->reorder_recoveries = REORDER_RECOVERIES;
    conn->srtt = conn->rttvar = conn->rack_rtt = conn->rack_sent_ns = 0;
    conn->rtt_min = UINT64_MAX;
    conn->rto = RTO_INITIAL_NS;
    conn->backoff = conn->retries = conn->probes = 0;
    conn->timer_at = conn->retransmit_at = conn->delayed_ack_at = conn->reorder_at = conn->keepalive_at = NEVER;
    conn->tail_probe_out = false;
    conn->ts_recent_ns = 0;
    conn->sack_count = 0;
    conn->has_duplicate = false;
    conn->ack_now = conn->ack_delayed = conn->is_interactive = false;
    conn->quick_acks = 0;
    conn->last_reject_ack_ns = 0;
    conn->last_received_ns = conn->last_data_received_ns = conn->last_sent_ns = 0;
    conn->tune_started_ns = conn->receive_rtt = conn->receive_rtt_ns = 0;
    conn->tune_copied = conn->tune_space = 0;
    conn->receive_mss = MSS_DEFAULT_V4;
    conn->path_mtu = 0;
    conn->peer_mss = MSS_DEFAULT_V4;
    conn->mss = MSS_DEFAULT_V4;
    conn->cwnd = INITIAL_WINDOW_SEGMENTS * conn->mss;
    conn->ssthresh = UINT32_MAX / 2;
    conn->recovery = RECOVERY_OPEN;
    conn->can_undo = false;
}

void tcp_get_ref(struct tcp_connection *conn)
{
    refcount_get(&conn->entry.refs);
}

void tcp_put_ref(struct tcp_connection *conn)
{
    tcp_entry_put(&conn->entry);
}

void tcp_connection_free(struct tcp_connection *conn)
{
    tcp_purge_send_queue(conn);
    tcp_purge_receive_queue(conn);
    tcp_purge_out_of_order(conn);
    if (conn->filling && refcount_put(&conn->filling->refs))
        kfree(conn->filling);
    tcp_port_unbind(conn);
    route_put(&conn->route);
    atomic_fetch_sub(&conn->tcp->memory, (uint64_t)conn->memory_reserved);
    atomic_fetch_sub(&conn->tcp->connection_count, 1u);
    kfree(conn);
}

void tcp_unlock(struct tcp_connection *conn)
{
    uint32_t wake = conn->wake;
    bool is_listener = conn->state == TCP_LISTEN;
    conn->wake = 0;
    spin_unlock(&conn->lock);
    if (!wake || !wait_queue_has_waiters(&conn->queue))
        return;
    if (is_listener)
        wake_up_one(&conn->queue, wake);
    else
        wake_up_all(&conn->queue, wake);
}

void tcp_set_state(struct tcp_connection *conn, enum tcp_state state)
{
    store_relaxed(&conn->state, (uint32_t)state);
}

void tcp_purge_send_queue(struct tcp_connection *conn)
{
    tcp_sent_purge(conn);
    while (!list_is_empty(&conn->buffers)) {
        struct tcp_buffer *buffer = list_first(&conn->buffers, struct tcp_buffer, link);
        list_remove(&buffer->link);
        buffer->is_queued = false;
        tcp_uncharge(conn, buffer->capacity);
        if (refcount_put(&buffer->refs))
            kfree(buffer);
    }
    conn->cursor = NULL;
    store_relaxed(&conn->snd_una, conn->write_seq);
    store_relaxed(&conn->snd_nxt, conn->write_seq);
}

void tcp_done(struct tcp_connection *conn, int error)
{
    if (conn->state == TCP_CLOSED)
        return;
    if (conn->state == TCP_SYN_SENT || conn->state == TCP_SYN_RECEIVED) {
        COUNT(conn->tcp, attempt_fails);
        conn->is_failed_connect = conn->connect_pending;
    }
    if (conn->is_orphan)
        atomic_fetch_sub(&conn->tcp->orphan_count, 1u);
    tcp_set_state(conn, TCP_CLOSED);
    if (error)
        store_relaxed(&conn->error, (uint32_t)error);
    store_relaxed(&conn->shutdown, conn->shutdown | TCP_SHUTDOWN_READ | TCP_SHUTDOWN_WRITE);
    tcp_timer_stop(conn);
    tcp_purge_send_queue(conn);
    tcp_purge_out_of_order(conn);
    if (conn->is_orphan) {
        tcp_purge_receive_queue(conn);
        tcp_port_unbind(conn);
    }
    conn->wake |= POLL_IN | POLL_RDNORM | POLL_OUT | POLL_WRNORM | POLL_HUP | POLL_RDHUP | (error ? POLL_ERR : 0);
    tcp_table_remove(conn->tcp, &conn->entry); /* not the last reference: the caller holds one */
}

/* Memory is reserved from the stack in large steps, so that connections seldom meet at its counter. */
enum { RESERVE_STEP = 16 << 10 };

bool tcp_memory_is_tight(const struct tcp_stack *tcp)
{
    return load_relaxed(&tcp->memory) > tcp->memory_limit - tcp->memory_limit / 4;
}

bool tcp_charge(struct tcp_connection *conn, uint32_t n, bool must)
{
    uint32_t used = conn->memory_used + n;
    if (used > conn->memory_reserved) {
        uint32_t more = align_up(used - conn->memory_reserved, RESERVE_STEP);
        uint64_t total = atomic_fetch_add(&conn->tcp->memory, (uint64_t)more) + more;
        if (total > conn->tcp->memory_limit && !must) {
            atomic_fetch_sub(&conn->tcp->memory, (uint64_t)more);
            COUNT(conn->tcp, memory_drops);
            return false;
        }
        conn->memory_reserved += more;
    }
    conn->memory_used = used;
    return true;
}

void tcp_uncharge(struct tcp_connection *conn, uint32_t n)
{
    conn->memory_used -= n;
    uint32_t keep = align_up(conn->memory_used, RESERVE_STEP) + RESERVE_STEP;
    if (!conn->memory_used)
        keep = 0;
    if (conn->memory_reserved <= keep)
        return;
    atomic_fetch_sub(&conn->tcp->memory, (uint64_t)(conn->memory_reserved - keep));
    conn->memory_reserved = keep;
}

/* A route to the peer for this stack's present configuration. */
int tcp_source_route(struct tcp_connection *conn)
{
    if (route_is_current(conn->stack, &conn->route))
        return 0;
    route_put(&conn->route);
    const struct tcp_tuple *tuple = &conn->entry.tuple;
    unsigned index = conn->bound_interface ? conn->bound_interface : tuple->scope;
    int err = route_find(conn->stack, &tuple->peer, &tuple->local, index, &conn->route);
    if (err)
        conn->route.iface = NULL;
    return err;
}

/* Recomputes what a full segment holds from route, path, peer and options. */
void tcp_update_mss(struct tcp_connection *conn)
{
    uint32_t header = (tcp_is_v4(conn) ? IPV4_HEADER : IPV6_HEADER) + TCP_HEADER;
    uint32_t mtu = conn->route.iface ? conn->route.mtu : 1500;
    if (conn->path_mtu && conn->path_mtu < mtu)
        mtu = conn->path_mtu;
    uint32_t mss = MIN(mtu - header, conn->peer_mss);
    if (conn->user_mss)
        mss = MIN(mss, conn->user_mss);
    mss = MAX(mss, (uint32_t)MSS_MIN);
    if (conn->has_timestamps)
        mss -= 12;
    conn->mss = mss;
    const struct net_interface *iface = conn->route.iface;
    bool can_segment = iface && (tcp_is_v4(conn) ? iface->can_segment_v4 : iface->can_segment_v6);
    uint32_t most = 65535 - header - 40;
    conn->segments_max = can_segment && mss < most ? most - most % mss : MIN(mss, most);
    conn->mss = MIN(mss, most);
}

void tcp_defer_output(struct tcp_connection *conn)
{
    struct net_cpu *cpu = stack_cpu(conn->stack);
    if (!cpu->is_batching) {
        tcp_flush(conn);
        return;
    }
    if (conn->is_in_batch)
        return;
    conn->is_in_batch = true;
    tcp_get_ref(conn);
    conn->batch_next = cpu->tcp;
    cpu->tcp = conn;
}

void tcp_batch_done(struct net_stack *stack, unsigned index)
{
    struct net_cpu *cpu = &stack->cpus[index];
    while (cpu->tcp) {
        struct tcp_connection *conn = cpu->tcp;
        tcp_lock(conn);
        cpu->tcp = conn->batch_next;
        conn->is_in_batch = false;
        tcp_flush(conn);
        tcp_unlock(conn);
        tcp_put_ref(conn);
    }
}
