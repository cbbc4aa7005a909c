/* TIME_WAIT: a small entry in the connection's place for 60 s, which answers late segments and may be reused early when
 * timestamps or sequence numbers tell old from new (RFC 6191). */
#include "internal.h"

struct tcp_time_wait {
    struct tcp_entry entry; /* refs: table, armed timer */
    struct tcp_stack *tcp;
    struct spinlock lock;
    struct timer timer;
    uint32_t snd_nxt, rcv_nxt, ts_recent, ts_offset;
    uint16_t window;
    bool has_timestamps;
    uint8_t traffic_class;
    uint64_t since_ns, answered_ns;
};

/* What a new connection's first sequence number must exceed, as Linux steps it; never 0. */
static uint32_t sequence_floor(const struct tcp_time_wait *wait)
{
    uint32_t floor = wait->snd_nxt + 65535 + 2;
    return floor ? floor : 1;
}

static void expire(struct timer *timer)
{
    struct tcp_time_wait *wait = container_of(timer, struct tcp_time_wait, timer);
    tcp_table_remove(wait->tcp, &wait->entry);
    tcp_entry_put(&wait->entry);
}

static void start_timer(struct tcp_time_wait *wait)
{
    spin_lock(&wait->lock);
    if (!timer_cancel(&wait->timer))
        refcount_get(&wait->entry.refs);
    timer_arm(&wait->timer, clock_monotonic_ns() + TIME_WAIT_NS);
    spin_unlock(&wait->lock);
}

static void stop_timer(struct tcp_time_wait *wait)
{
    spin_lock(&wait->lock);
    bool was_armed = timer_cancel(&wait->timer);
    spin_unlock(&wait->lock);
    if (was_armed)
        tcp_entry_put(&wait->entry);
}

void tcp_enter_time_wait(struct tcp_connection *conn)
{
    struct tcp_stack *tcp = conn->tcp;
    if (conn->ack_now)
        tcp_send_ack(conn);
    struct tcp_time_wait *wait = NULL;
    if (load_relaxed(&tcp->time_wait_count) < TIME_WAIT_MAX)
        wait = kzalloc(sizeof *wait, ALLOC_ATOMIC);
    if (wait) {
        refcount_init(&wait->entry.refs, 1);
        wait->entry.kind = TCP_KIND_TIME_WAIT;
        wait->entry.tuple = conn->entry.tuple;
        wait->tcp = tcp;
        timer_init(&wait->timer, expire);
        wait->snd_nxt = conn->snd_nxt;
        wait->rcv_nxt = conn->rcv_nxt;
        wait->ts_recent = conn->ts_recent;
        wait->ts_offset = conn->ts_offset;
        wait->has_timestamps = conn->has_timestamps;
        wait->traffic_class = conn->traffic_class;
        wait->window = (uint16_t)MIN(tcp_receive_space(conn) >> conn->receive_scale, 65535u);
        wait->since_ns = clock_monotonic_ns();
        atomic_fetch_add(&tcp->time_wait_count, 1u);
        start_timer(wait);
        if (!tcp_table_replace(tcp, &conn->entry, &wait->entry))
            stop_timer(wait);
        tcp_entry_put(&wait->entry);
    }
    tcp_done(conn, 0);
}

void tcp_time_wait_free(struct tcp_entry *entry)
{
    struct tcp_time_wait *wait = container_of(entry, struct tcp_time_wait, entry);
    atomic_fetch_sub(&wait->tcp->time_wait_count, 1u);
    kfree(wait);
}

/* The bucket's lock is held. With timestamps a second's distance keeps the peer from mistaking old for new. */
bool tcp_time_wait_may_reuse(struct tcp_entry *entry, struct tcp_reuse *out)
{
    const struct tcp_time_wait *wait = container_of(entry, struct tcp_time_wait, entry);
    if (!wait->has_timestamps || clock_monotonic_ns() - wait->since_ns < NS_PER_SECOND)
        return false;
    *out = (struct tcp_reuse){.is_reuse = true, .snd_nxt = sequence_floor(wait), .ts_recent = wait->ts_recent};
    return true;
}

/* The entry was unlinked; drops the table's reference. */
void tcp_time_wait_kill(struct tcp_stack *tcp, struct tcp_entry *entry)
{
    stop_timer(container_of(entry, struct tcp_time_wait, entry));
    tcp_entry_put(entry);
}

static void answer(struct tcp_time_wait *wait, const struct tcp_segment *segment)
{
    spin_lock(&wait->lock);
    bool is_too_soon = wait->answered_ns && segment->now_ns - wait->answered_ns < RATE_LIMIT_ACK_NS;
    if (!is_too_soon)
        wait->answered_ns = segment->now_ns;
    spin_unlock(&wait->lock);
    if (is_too_soon)
        return;
    struct tcp_stateless ack = {.seq = wait->snd_nxt,
                                .ack = wait->rcv_nxt,
                                .flags = TCP_ACK,
                                .window = wait->window,
                                .has_timestamp = wait->has_timestamps,
                                .traffic_class = wait->traffic_class,
                                .timestamp = tcp_timestamp(segment->now_ns, wait->ts_offset),
                                .timestamp_echo = wait->ts_recent};
    tcp_send_stateless(wait->tcp->stack, &wait->entry.tuple, &ack);
}

bool tcp_time_wait_input(struct tcp_stack *tcp, struct tcp_entry *entry, const struct tcp_segment *segment,
                         uint32_t *iss_floor)
{
    struct tcp_time_wait *wait = container_of(entry, struct tcp_time_wait, entry);
    const struct tcp_info_wire *wire = &segment->wire;
    bool compares = wait->has_timestamps && wire->has_timestamp;
    if (segment->flags & TCP_RST) /* RFC 1337 */
        return false;
    if ((segment->flags & (TCP_SYN | TCP_ACK)) == TCP_SYN &&
        (seq_after(segment->seq, wait->rcv_nxt) || (compares && seq_after(wire->timestamp, wait->ts_recent)))) {
        *iss_floor = sequence_floor(wait);
        tcp_table_remove(tcp, entry);
        stop_timer(wait);
        return true;
    }
    bool is_old = compares && seq_before(wire->timestamp, wait->ts_recent);
    if (!is_old && segment->seq == wait->rcv_nxt && segment->seq == segment->end)
        return false; /* the ACK of our FIN again */
    if (segment->flags & TCP_FIN && !is_old)
        start_timer(wait);
    if (segment->flags & (TCP_ACK | TCP_SYN))
        answer(wait, segment);
    return false;
}
