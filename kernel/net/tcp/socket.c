/* What the socket layer calls: creating, naming and connecting, and what can be asked without changing anything. */
#include "internal.h"

int tcp_create(struct net_stack *stack, bool is_v6, struct tcp_connection **out)
{
    *out = tcp_connection_alloc(stack, is_v6, ALLOC_WAIT);
    return *out ? 0 : -ENOMEM;
}

int tcp_bind(struct tcp_connection *conn, const struct tcp_address *local)
{
    const struct ip_address *address = &local->address;
    if (ip_is_multicast(address) || (ip_is_v4(address) && address->words[3] == 0xffffffff))
        return -EADDRNOTAVAIL;
    if (!ip_is_any(address) && !stack_is_local(conn->stack, address))
        return -EADDRNOTAVAIL;
    if (conn->is_v6 && conn->is_v6_only && ip_is_v4(address))
        return -EINVAL;
    tcp_lock(conn);
    int err = conn->state != TCP_CLOSED || conn->is_bound || conn->was_connected ? -EINVAL : 0;
    if (!err)
        err = tcp_port_bind(conn, address, local->port);
    if (!err && ip_is_link_local(address))
        conn->entry.tuple.scope = local->scope;
    tcp_unlock(conn);
    return err;
}

/* Where a connect to `peer` may go from this socket: fills in the tuple. */
static int choose_ends(struct tcp_connection *conn, const struct tcp_address *peer)
{
    struct tcp_tuple *tuple = &conn->entry.tuple;
    struct ip_address to = peer->address;
    bool is_v4 = ip_is_v4(&to);
    if (!conn->is_v6 && !is_v4)
        return -EAFNOSUPPORT;
    if (conn->is_v6 && is_v4 && conn->is_v6_only)
        return -ENETUNREACH;
    if (ip_is_any(&to))
        to = is_v4 ? ip_from_v4(0x7f000001) : (struct ip_address){.halves = {0, __builtin_bswap64(1)}};
    struct ip_address from = conn->is_bound ? conn->bound_address : (struct ip_address){.halves = {0, 0}};
    if (!ip_is_any(&from) && ip_is_v4(&from) != is_v4)
        return conn->is_v6 && ip_is_v4(&from) ? -ENETUNREACH : -EINVAL;
    unsigned scope = ip_is_link_local(&to) ? peer->scope : 0;
    if (ip_is_link_local(&to) && !scope && !conn->bound_interface)
        return -EINVAL;
    route_put(&conn->route);
    unsigned index = conn->bound_interface ? conn->bound_interface : scope;
    int err = route_find(conn->stack, &to, &from, index, &conn->route);
    if (err) {
        conn->route.iface = NULL;
        return err;
    }
    if (ip_is_multicast(&to) || conn->route.is_broadcast) {
        route_put(&conn->route);
        return -ENETUNREACH;
    }
    tuple->peer = to;
    tuple->peer_port = peer->port;
    tuple->scope = scope ? scope : ip_is_link_local(&to) ? conn->bound_interface : 0;
    tuple->local = conn->route.source;
    tuple->local_port = conn->is_bound ? conn->bound_port : 0;
    return 0;
}

static int start(struct tcp_connection *conn, const struct tcp_address *peer)
{
    tcp_connection_start(conn);
    int err = choose_ends(conn, peer);
    if (err)
        return err;
    struct tcp_reuse reuse = {.is_reuse = false};
    uint64_t now = clock_monotonic_ns();
    err = tcp_port_connect(conn, &reuse); /* visible from here on; input waits for conn->lock */
    if (err)
        return err;
    conn->iss = reuse.is_reuse ? reuse.snd_nxt : tcp_initial_sequence(conn->stack, &conn->entry.tuple, now);
    conn->ts_offset = tcp_timestamp_offset(conn->stack, &conn->entry.tuple);
    store_relaxed(&conn->snd_una, conn->iss);
    store_relaxed(&conn->snd_nxt, conn->iss + 1);
    store_relaxed(&conn->write_seq, conn->iss + 1);
    conn->rcv_nxt = conn->rcv_edge = conn->ts_recent = 0;
    tcp_update_mss(conn);
    tcp_set_state(conn, TCP_SYN_SENT);
    conn->connect_pending = true;
    COUNT(conn->tcp, active_opens);
    tcp_send_syn(conn);
    conn->last_sent_ns = now;
    conn->retransmit_kind = RETRANSMIT_TIMEOUT;
    conn->retransmit_at = now + RTO_INITIAL_NS;
    tcp_timer_update(conn);
    return -EINPROGRESS;
}

/* What a finished attempt has to say, once. */
static int take_result(struct tcp_connection *conn)
{
    conn->connect_pending = false;
    int err = (int)conn->error;
    store_relaxed(&conn->error, 0u);
    if (err)
        return -err;
    return conn->was_connected ? 0 : -ECONNABORTED;
}

int tcp_connect(struct tcp_connection *conn, const struct tcp_address *peer)
{
    int err;
    tcp_lock(conn);
    if (conn->state == TCP_SYN_SENT || conn->state == TCP_SYN_RECEIVED)
        err = -EALREADY;
    else if (conn->connect_pending)
        err = take_result(conn);
    else if (conn->state != TCP_CLOSED || conn->was_connected)
        err = -EISCONN;
    else
        err = start(conn, peer);
    tcp_unlock(conn);
    return err;
}

int tcp_connect_result(struct tcp_connection *conn)
{
    tcp_lock(conn);
    bool is_running = conn->state == TCP_SYN_SENT || conn->state == TCP_SYN_RECEIVED;
    int err = is_running ? -EINPROGRESS : take_result(conn);
    tcp_unlock(conn);
    return err;
}

uint32_t tcp_poll(const struct tcp_connection *conn)
{
    uint32_t state = load_acquire(&conn->state), shutdown = load_relaxed(&conn->shutdown), mask = 0;
    if (state == TCP_LISTEN)
        return load_relaxed(&conn->offered_count) ? POLL_IN | POLL_RDNORM : 0;
    bool no_read = shutdown & (TCP_SHUTDOWN_READ | SHUTDOWN_PEER), no_write = shutdown & TCP_SHUTDOWN_WRITE;
    if (state == TCP_CLOSED || (no_read && no_write))
        mask |= POLL_HUP;
    if (no_read)
        mask |= POLL_IN | POLL_RDNORM | POLL_RDHUP;
    if (load_relaxed(&conn->error))
        mask |= POLL_ERR;
    if (state == TCP_SYN_SENT || state == TCP_SYN_RECEIVED)
        return mask;
    uint32_t readable = load_relaxed(&conn->readable);
    if (readable && readable >= MIN(load_relaxed(&conn->receive_low_water), load_relaxed(&conn->receive_buffer) / 2))
        mask |= POLL_IN | POLL_RDNORM;
    uint32_t queued = tcp_unacked_bytes(conn), unsent = tcp_unsent_bytes(conn);
    uint32_t low_water = load_relaxed(&conn->not_sent_low_water);
    bool has_room = queued + queued / 2 <= load_relaxed(&conn->send_buffer) && (!low_water || unsent < low_water);
    if (no_write || has_room)
        mask |= POLL_OUT | POLL_WRNORM;
    else
        store_relaxed(&((struct tcp_connection *)conn)->wants_space, true);
    return mask;
}

struct wait_queue *tcp_wait_queue(struct tcp_connection *conn)
{
    return &conn->queue;
}

int tcp_take_error(struct tcp_connection *conn)
{
    return (int)atomic_exchange(&conn->error, 0u);
}

enum tcp_state tcp_get_state(const struct tcp_connection *conn)
{
    return (enum tcp_state)load_relaxed(&conn->state);
}

bool tcp_is_v6(const struct tcp_connection *conn)
{
    return conn->is_v6;
}

void tcp_get_local(const struct tcp_connection *conn, struct tcp_address *out)
{
    const struct tcp_tuple *tuple = &conn->entry.tuple;
    *out = (struct tcp_address){tuple->local, tuple->local_port, ip_is_link_local(&tuple->local) ? tuple->scope : 0};
}

int tcp_get_peer(const struct tcp_connection *conn, struct tcp_address *out)
{
    const struct tcp_tuple *tuple = &conn->entry.tuple;
    uint32_t state = load_relaxed(&conn->state);
    if (state == TCP_CLOSED || state == TCP_LISTEN || state == TCP_SYN_SENT)
        return -ENOTCONN;
    *out = (struct tcp_address){tuple->peer, tuple->peer_port, tuple->scope};
    return 0;
}

uint32_t tcp_readable_bytes(const struct tcp_connection *conn)
{
    return load_relaxed(&conn->readable);
}

uint32_t tcp_unacked_bytes(const struct tcp_connection *conn)
{
    uint32_t una = load_relaxed(&conn->snd_una), end = load_relaxed(&conn->write_seq);
    return seq_after(end, una) ? end - una : 0;
}

uint32_t tcp_unsent_bytes(const struct tcp_connection *conn)
{
    uint32_t next = load_relaxed(&conn->snd_nxt), end = load_relaxed(&conn->write_seq);
    return seq_after(end, next) ? end - next : 0;
}
