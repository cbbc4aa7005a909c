/*
 * Half-open connections of a listener: small, bounded in number by its backlog, repeated for a minute at most. The
 * entry in the connection table and the armed timer hold a reference each.
 */
#include "internal.h"

uint16_t tcp_initial_window(const struct tcp_connection *listener)
{
    uint32_t window = load_relaxed(&listener->receive_buffer) / 2;
    return (uint16_t)MIN(window, 65535u);
}

static void send_syn_ack(struct tcp_request *request)
{
    const struct tcp_connection *listener = request->listener;
    uint64_t now = clock_monotonic_ns();
    struct tcp_stateless answer = {
        .seq = request->iss,
        .ack = request->irs + 1,
        .flags = TCP_SYN | TCP_ACK,
        .window = request->window,
        .has_mss = true,
        .has_scale = request->has_scale,
        .scale = RECEIVE_SCALE,
        .has_timestamp = request->has_timestamps,
        .timestamp = tcp_timestamp(now, request->ts_offset),
        .timestamp_echo = request->ts_recent,
        .sack_permitted = request->has_sack,
        .ttl = listener->ttl,
        .traffic_class = listener->traffic_class,
        .mss = (uint16_t)MIN(listener->user_mss, 65535u),
    };
    request->sent_ns = now;
    tcp_send_stateless(listener->stack, &request->entry.tuple, &answer);
}

void tcp_request_free(struct tcp_request *request)
{
    tcp_put_ref(request->listener);
    kfree(request);
}

void tcp_request_stop_timer(struct tcp_request *request)
{
    spin_lock(&request->lock);
    bool was_armed = timer_cancel(&request->timer);
    spin_unlock(&request->lock);
    if (was_armed)
        tcp_entry_put(&request->entry);
}

void tcp_request_remove(struct tcp_request *request)
{
    if (tcp_table_remove(request->listener->tcp, &request->entry))
        atomic_fetch_sub(&request->listener->request_count, 1u);
    tcp_request_stop_timer(request);
}

static void request_timer(struct timer *timer)
{
    struct tcp_request *request = container_of(timer, struct tcp_request, timer);
    bool is_over = request->retries >= RETRIES_SYN_ACK || load_relaxed(&request->listener->state) != TCP_LISTEN;
    if (is_over) {
        if (tcp_table_remove(request->listener->tcp, &request->entry))
            atomic_fetch_sub(&request->listener->request_count, 1u);
        tcp_entry_put(&request->entry);
        return;
    }
    request->retries++;
    COUNT(request->listener->tcp, retransmitted);
    send_syn_ack(request);
    spin_lock(&request->lock);
    bool is_in_table = request->entry.link != NULL;
    if (is_in_table) /* keeps the reference */
        timer_arm(&request->timer, clock_monotonic_ns() + ((uint64_t)RTO_INITIAL_NS << request->retries));
    spin_unlock(&request->lock);
    if (!is_in_table)
        tcp_entry_put(&request->entry);
}

void tcp_request_create(struct tcp_connection *listener, const struct tcp_segment *segment,
                        const struct tcp_tuple *tuple, uint32_t iss_floor)
{
    const struct tcp_info_wire *wire = &segment->wire;
    struct tcp_request *request = kzalloc(sizeof *request, ALLOC_ATOMIC);
    if (!request)
        return;
    refcount_init(&request->entry.refs, 1);
    request->entry.kind = TCP_KIND_REQUEST;
    request->entry.tuple = *tuple;
    request->listener = listener;
    tcp_get_ref(listener);
    timer_init(&request->timer, request_timer);
    request->irs = segment->seq;
    request->iss = iss_floor ? iss_floor : tcp_initial_sequence(listener->stack, tuple, segment->now_ns);
    request->has_timestamps = wire->has_timestamp;
    request->has_sack = wire->sack_permitted;
    request->has_scale = wire->has_scale;
    request->send_scale = wire->has_scale ? wire->scale : 0;
    request->peer_mss = wire->has_mss ? wire->mss : 0;
    request->ts_recent = wire->timestamp;
    request->ts_offset = tcp_timestamp_offset(listener->stack, tuple);
    request->window = tcp_initial_window(listener);
    request->started_ns = segment->now_ns;
    refcount_get(&request->entry.refs); /* the armed timer's */
    timer_arm(&request->timer, segment->now_ns + RTO_INITIAL_NS);
    atomic_fetch_add(&listener->request_count, 1u);
    if (tcp_table_insert(listener->tcp, &request->entry, NULL)) {
        atomic_fetch_sub(&listener->request_count, 1u);
        tcp_request_stop_timer(request);
    } else
        send_syn_ack(request);
    tcp_entry_put(&request->entry);
}

/* An ACK that restates where the request stands, for what does not fit it. */
static void restate(struct tcp_request *request, const struct tcp_segment *segment)
{
    if (!tcp_challenge_allowed(request->listener->tcp, segment->now_ns))
        return;
    struct tcp_stateless answer = {.seq = request->iss + 1,
                                   .ack = request->irs + 1,
                                   .flags = TCP_ACK,
                                   .window = request->window,
                                   .has_timestamp = request->has_timestamps,
                                   .timestamp = tcp_timestamp(segment->now_ns, request->ts_offset),
                                   .timestamp_echo = request->ts_recent};
    if (request->has_scale)
        answer.window >>= RECEIVE_SCALE;
    tcp_send_stateless(request->listener->stack, &request->entry.tuple, &answer);
}

static bool is_deferred(const struct tcp_request *request, const struct tcp_segment *segment)
{
    uint64_t wait_ns = (uint64_t)load_relaxed(&request->listener->defer_accept_s) * NS_PER_SECOND;
    return wait_ns && !segment->len && !(segment->flags & TCP_FIN) && segment->now_ns - request->started_ns < wait_ns;
}

void tcp_request_input(struct tcp_request *request, struct tcp_segment *segment)
{
    const struct tcp_info_wire *wire = &segment->wire;
    uint8_t flags = segment->flags & (TCP_SYN | TCP_ACK | TCP_RST);
    uint32_t expected = request->irs + 1;
    if (flags & TCP_RST) {
        if (segment->seq == expected)
            tcp_request_remove(request);
        else if (seq_after(segment->seq, request->irs) && seq_before(segment->seq, expected + request->window))
            restate(request, segment);
        return;
    }
    if (flags == TCP_SYN && segment->seq == request->irs) { /* our answer was lost */
        if (segment->now_ns - request->sent_ns >= RATE_LIMIT_ACK_NS)
            send_syn_ack(request);
        return;
    }
    if (!(flags & TCP_ACK))
        return;
    if (wire->ack != request->iss + 1) {
        tcp_answer_reset(request->listener->stack, segment);
        return;
    }
    bool is_old = request->has_timestamps && wire->has_timestamp && seq_before(wire->timestamp, request->ts_recent);
    bool is_outside = seq_before(segment->seq, expected) || seq_after(segment->seq, expected + request->window);
    if (flags & TCP_SYN || is_old || is_outside) {
        restate(request, segment);
        return;
    }
    if (is_deferred(request, segment))
        return;
    struct tcp_promotion from = {
        .iss = request->iss,
        .irs = request->irs,
        .ts_offset = request->ts_offset,
        .peer_mss = request->peer_mss,
        .ts_recent = wire->has_timestamp ? wire->timestamp : request->ts_recent,
        .send_scale = request->send_scale,
        .has_timestamps = request->has_timestamps,
        .has_sack = request->has_sack,
        .has_scale = request->has_scale,
        .rtt_ns = request->retries ? 0 : MAX(segment->now_ns - request->sent_ns, UINT64_C(1)),
    };
    tcp_promote(request->listener, &request->entry, &request->entry.tuple, &from, segment);
}
