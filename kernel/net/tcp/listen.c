/*
 * Listeners: what their SYNs become (requests, or cookies beyond the backlog), promotion of requests to connections,
 * the accept queue. A listener's lock guards its accept queue; no child is locked under it.
 */
#include "internal.h"

static void receive_syn(struct tcp_connection *listener, const struct tcp_segment *segment,
                        const struct tcp_tuple *tuple, uint32_t iss_floor)
{
    struct tcp_stack *tcp = listener->tcp;
    uint32_t backlog = load_relaxed(&listener->backlog);
    if (load_relaxed(&listener->accept_count) > backlog) {
        COUNT(tcp, listen_overflows);
        return;
    }
    if (load_relaxed(&listener->request_count) >= MAX(backlog, 1u) || tcp_memory_is_tight(tcp))
        tcp_cookie_send(listener, segment, tuple);
    else
        tcp_request_create(listener, segment, tuple, iss_floor);
}

void tcp_listener_input(struct tcp_connection *listener, struct tcp_segment *segment, const struct tcp_tuple *tuple,
                        uint32_t iss_floor)
{
    struct tcp_promotion from;
    uint8_t flags = segment->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);
    if (flags & TCP_RST)
        return;
    if (flags == TCP_SYN)
        receive_syn(listener, segment, tuple, iss_floor);
    else if ((flags & (TCP_SYN | TCP_ACK)) == TCP_ACK && tcp_cookie_check(listener->stack, segment, tuple, &from))
        tcp_promote(listener, NULL, tuple, &from, segment);
    else if (flags & TCP_ACK)
        tcp_answer_reset(listener->stack, segment);
}

/* What a child takes over from its listener. */
static void inherit(struct tcp_connection *child, const struct tcp_connection *listener)
{
    child->keepalive = listener->keepalive;
    child->no_delay = listener->no_delay;
    child->cork = listener->cork;
    child->reuse_address = listener->reuse_address;
    child->reuse_port = listener->reuse_port;
    child->is_v6_only = listener->is_v6_only;
    child->ttl = listener->ttl;
    child->traffic_class = listener->traffic_class;
    child->linger_s = listener->linger_s;
    child->bound_interface = listener->bound_interface;
    child->receive_low_water = listener->receive_low_water;
    child->user_mss = listener->user_mss;
    child->window_clamp = listener->window_clamp;
    child->syn_retries = listener->syn_retries;
    child->keep_idle_s = listener->keep_idle_s;
    child->keep_interval_s = listener->keep_interval_s;
    child->keep_probes = listener->keep_probes;
    child->fin_wait_s = listener->fin_wait_s;
    child->user_timeout_ms = listener->user_timeout_ms;
    child->not_sent_low_water = listener->not_sent_low_water;
    child->congestion = listener->congestion;
    child->send_buffer = load_relaxed(&listener->send_buffer);
    child->receive_buffer = load_relaxed(&listener->receive_buffer);
    child->send_buffer_locked = listener->send_buffer_locked;
    child->receive_buffer_locked = listener->receive_buffer_locked;
}

static struct tcp_connection *create_child(struct tcp_connection *listener, const struct tcp_tuple *tuple,
                                           const struct tcp_promotion *from, const struct tcp_segment *segment)
{
    struct tcp_connection *child = tcp_connection_alloc(listener->stack, listener->is_v6, ALLOC_ATOMIC);
    if (!child)
        return NULL;
    inherit(child, listener);
    child->entry.tuple = *tuple;
    child->iss = from->iss;
    child->snd_una = from->iss;
    child->snd_nxt = child->write_seq = from->iss + 1;
    child->irs = from->irs;
    child->rcv_nxt = child->copied_seq = child->last_ack_sent = from->irs + 1;
    child->rcv_edge = child->rcv_nxt + tcp_initial_window(listener);
    struct tcp_info_wire options = {.has_timestamp = from->has_timestamps,
                                    .sack_permitted = from->has_sack,
                                    .has_scale = from->has_scale,
                                    .scale = from->send_scale,
                                    .has_mss = from->peer_mss != 0,
                                    .mss = from->peer_mss};
    tcp_take_syn_options(child, &options);
    child->ts_recent = from->ts_recent;
    child->ts_recent_ns = segment->now_ns;
    child->ts_offset = from->ts_offset;
    if (from->rtt_ns)
        tcp_measure_rtt(child, from->rtt_ns);
    child->state = TCP_SYN_RECEIVED;
    return child;
}

/* Takes a place in the accept queue: 0, -EAGAIN when it is full, -ECONNREFUSED when nobody listens any more. */
static int reserve_place(struct tcp_connection *listener)
{
    tcp_lock(listener);
    int err = listener->state != TCP_LISTEN ? -ECONNREFUSED : listener->accept_count > listener->backlog ? -EAGAIN : 0;
    if (!err)
        store_relaxed(&listener->accept_count, listener->accept_count + 1);
    tcp_unlock(listener);
    return err;
}

static void release_place(struct tcp_connection *listener)
{
    tcp_lock(listener);
    store_relaxed(&listener->accept_count, listener->accept_count - 1);
    tcp_unlock(listener);
}

/* The child's first reference is the accept queue's, then its acceptor's. */
static void offer(struct tcp_connection *listener, struct tcp_connection *child)
{
    tcp_lock(listener);
    bool is_listening = listener->state == TCP_LISTEN;
    if (is_listening) {
        list_add_last(&listener->accept_queue, &child->accept_link);
        store_relaxed(&listener->offered_count, listener->offered_count + 1);
        listener->wake |= POLL_IN | POLL_RDNORM;
    } else
        store_relaxed(&listener->accept_count, listener->accept_count - 1);
    tcp_unlock(listener);
    if (is_listening)
        return;
    tcp_lock(child);
    tcp_abort(child);
    tcp_unlock(child);
    tcp_put_ref(child);
}

void tcp_promote(struct tcp_connection *listener, struct tcp_entry *request, const struct tcp_tuple *tuple,
                 const struct tcp_promotion *from, struct tcp_segment *segment)
{
    struct tcp_stack *tcp = listener->tcp;
    int err = reserve_place(listener);
    if (err == -ECONNREFUSED) {
        tcp_answer_reset(listener->stack, segment);
        return;
    }
    if (err) {
        COUNT(tcp, listen_overflows);
        return;
    }
    struct tcp_connection *child = create_child(listener, tuple, from, segment);
    if (!child) {
        release_place(listener);
        return;
    }
    tcp_lock(child); /* whoever finds it in the table waits until this segment is through */
    bool is_ours =
        request ? tcp_table_replace(tcp, request, &child->entry) : !tcp_table_insert(tcp, &child->entry, NULL);
    if (!is_ours) { /* another segment was faster */
        tcp_unlock(child);
        tcp_put_ref(child);
        release_place(listener);
        return;
    }
    if (request) {
        atomic_fetch_sub(&listener->request_count, 1u);
        tcp_request_stop_timer(container_of(request, struct tcp_request, entry));
    }
    COUNT(tcp, passive_opens);
    tcp_process(child, segment);
    tcp_unlock(child);
    offer(listener, child);
}

int tcp_listen(struct tcp_connection *conn, int backlog)
{
    int err = 0;
    tcp_lock(conn);
    conn->backlog = backlog < 0 || backlog > BACKLOG_LIMIT ? BACKLOG_LIMIT : (uint32_t)backlog;
    if (conn->state != TCP_LISTEN) {
        if (conn->state != TCP_CLOSED || conn->was_connected)
            err = -EINVAL;
        if (!err && !conn->is_bound) {
            struct ip_address any = conn->is_v6 ? (struct ip_address){.halves = {0, 0}} : ip_from_v4(0);
            err = tcp_port_bind(conn, &any, 0);
        }
        if (!err && !tcp_port_may_listen(conn))
            err = -EADDRINUSE;
    }
    tcp_unlock(conn);
    return err;
}

int tcp_accept(struct tcp_connection *listener, struct tcp_connection **out)
{
    struct tcp_connection *child = NULL;
    int err = 0;
    tcp_lock(listener);
    if (listener->state != TCP_LISTEN)
        err = -EINVAL;
    else if (list_is_empty(&listener->accept_queue))
        err = -EAGAIN;
    else {
        child = list_first(&listener->accept_queue, struct tcp_connection, accept_link);
        list_remove(&child->accept_link);
        store_relaxed(&listener->accept_count, listener->accept_count - 1);
        store_relaxed(&listener->offered_count, listener->offered_count - 1);
    }
    tcp_unlock(listener);
    if (!err)
        *out = child;
    return err;
}

void tcp_stop_listening(struct tcp_connection *listener)
{
    struct list children;
    list_init(&children);
    tcp_lock(listener);
    if (listener->state == TCP_LISTEN) {
        tcp_set_state(listener, TCP_CLOSED);
        list_splice_last(&children, &listener->accept_queue);
        store_relaxed(&listener->accept_count, listener->accept_count - listener->offered_count);
        store_relaxed(&listener->offered_count, 0u);
        listener->wake |= POLL_IN | POLL_RDNORM | POLL_HUP;
    }
    tcp_unlock(listener);
    while (!list_is_empty(&children)) {
        struct tcp_connection *child = list_first(&children, struct tcp_connection, accept_link);
        list_remove(&child->accept_link);
        tcp_lock(child);
        tcp_abort(child);
        tcp_unlock(child);
        tcp_put_ref(child);
    }
}
