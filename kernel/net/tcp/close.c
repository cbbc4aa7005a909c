/* Ending: FIN in and out, half-close, aborting, and what close(2) leaves to the stack. */
#include "internal.h"

/* conn->lock held. */
void tcp_queue_fin(struct tcp_connection *conn)
{
    if (conn->fin_queued)
        return;
    conn->fin_queued = true;
    tcp_set_state(conn, conn->state == TCP_CLOSE_WAIT ? TCP_LAST_ACK : TCP_FIN_WAIT_1);
    tcp_output(conn);
}

/* The FIN stands at rcv_nxt, all before it was received. */
void tcp_receive_fin(struct tcp_connection *conn)
{
    conn->rcv_nxt++;
    conn->ack_now = true;
    store_relaxed(&conn->shutdown, conn->shutdown | SHUTDOWN_PEER);
    conn->wake |= POLL_IN | POLL_RDNORM | POLL_RDHUP;
    tcp_purge_out_of_order(conn);
    if (conn->state == TCP_ESTABLISHED)
        tcp_set_state(conn, TCP_CLOSE_WAIT);
    else if (conn->state == TCP_FIN_WAIT_1) {
        tcp_set_state(conn, TCP_CLOSING);
        conn->wake |= POLL_HUP;
    } else if (conn->state == TCP_FIN_WAIT_2)
        tcp_enter_time_wait(conn);
}

/* conn->lock held. */
void tcp_abort(struct tcp_connection *conn)
{
    if (tcp_state_is(conn->state, STATES_SYNCHRONISED | STATE_BIT(TCP_SYN_RECEIVED)))
        tcp_send_reset(conn);
    tcp_done(conn, conn->is_orphan ? 0 : ECONNABORTED);
}

int tcp_shutdown(struct tcp_connection *conn, unsigned how)
{
    int err = 0;
    how &= TCP_SHUTDOWN_READ | TCP_SHUTDOWN_WRITE;
    if (load_relaxed(&conn->state) == TCP_LISTEN) {
        if (how & TCP_SHUTDOWN_READ)
            tcp_stop_listening(conn);
        return 0;
    }
    tcp_lock(conn);
    if (conn->state == TCP_CLOSED)
        err = -ENOTCONN;
    else if (conn->state == TCP_SYN_SENT)
        tcp_done(conn, ECONNRESET);
    else {
        store_relaxed(&conn->shutdown, conn->shutdown | how);
        if (how & TCP_SHUTDOWN_WRITE && tcp_state_is(conn->state, STATES_CAN_SEND | STATE_BIT(TCP_SYN_RECEIVED)))
            tcp_queue_fin(conn);
        conn->wake |= POLL_IN | POLL_RDNORM | POLL_OUT | POLL_WRNORM | POLL_RDHUP | POLL_HUP;
    }
    tcp_unlock(conn);
    return err;
}

static bool has_lingered(void *argument)
{
    const struct tcp_connection *conn = argument;
    uint32_t waiting = STATE_BIT(TCP_FIN_WAIT_1) | STATE_BIT(TCP_CLOSING) | STATE_BIT(TCP_LAST_ACK);
    return !tcp_state_is(load_relaxed(&conn->state), waiting);
}

static void become_orphan(struct tcp_connection *conn)
{
    uint32_t orphans = atomic_fetch_add(&conn->tcp->orphan_count, 1u);
    bool was_closed = conn->state == TCP_CLOSED;
    bool resets = conn->readable || conn->linger_s == 0 || orphans >= ORPHAN_MAX;
    conn->is_orphan = true;
    store_relaxed(&conn->shutdown, conn->shutdown | TCP_SHUTDOWN_READ | TCP_SHUTDOWN_WRITE);
    if (was_closed) {
        atomic_fetch_sub(&conn->tcp->orphan_count, 1u);
        tcp_port_unbind(conn);
        return;
    }
    conn->keepalive_at = NEVER;
    if (conn->state == TCP_SYN_SENT)
        tcp_done(conn, 0);
    else if (resets)
        tcp_abort(conn);
    else if (conn->state == TCP_FIN_WAIT_2) {
        if (conn->fin_wait_s < 0)
            tcp_done(conn, 0);
        else
            tcp_arm_keepalive(conn, clock_monotonic_ns());
    } else if (tcp_state_is(conn->state, STATES_CAN_SEND | STATE_BIT(TCP_SYN_RECEIVED)))
        tcp_queue_fin(conn);
}

void tcp_close(struct tcp_connection *conn)
{
    tcp_stop_listening(conn);
    tcp_lock(conn);
    int linger_s = conn->linger_s;
    become_orphan(conn);
    tcp_unlock(conn);
    if (linger_s > 0 && !has_lingered(conn))
        wait_until(&conn->queue, has_lingered, conn, WAIT_INTERRUPTIBLE,
                   clock_monotonic_ns() + (uint64_t)linger_s * NS_PER_SECOND, false);
    tcp_put_ref(conn);
}

int tcp_disconnect(struct tcp_connection *conn)
{
    if (load_relaxed(&conn->state) == TCP_LISTEN)
        tcp_stop_listening(conn);
    tcp_lock(conn);
    if (conn->state != TCP_CLOSED)
        tcp_abort(conn);
    tcp_purge_receive_queue(conn);
    tcp_connection_start(conn);
    conn->wake = 0;
    tcp_unlock(conn);
    return 0;
}
