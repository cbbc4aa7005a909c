/*
 * The program's side of receiving. Packets at the head of the queue are removed only with receive_lock held, so they
 * are copied out without conn->lock; input appends meanwhile.
 */
#include "internal.h"

/* Bytes that may be read now; 0 with *result when there are none: end of stream (0) or -errno. */
static uint32_t look(struct tcp_connection *conn, int *result)
{
    *result = 0;
    if (conn->readable)
        return conn->readable;
    if (conn->error) {
        *result = -(int)conn->error;
        store_relaxed(&conn->error, 0u);
    } else if (conn->state == TCP_LISTEN || (conn->state == TCP_CLOSED && !conn->was_connected))
        *result = -ENOTCONN;
    else if (!(conn->shutdown & (SHUTDOWN_PEER | TCP_SHUTDOWN_READ)) && conn->state != TCP_CLOSED)
        *result = -EAGAIN;
    return 0;
}

/* Copies n queued bytes from `offset` into the first packet on; short at a fault. */
static size_t copy_packet(struct packet *packet, uint32_t offset, struct io_vector *to, size_t n, bool discard)
{
    size_t done = 0;
    for (; packet && done < n; packet = packet->next) {
        if (offset >= packet->len) {
            offset -= packet->len;
            continue;
        }
        size_t part = MIN((size_t)(packet->len - offset), n - done), copied = part;
        if (discard)
            io_advance(to, part);
        else
            copied = io_copy_to(to, packet->data + offset, part);
        done += copied;
        if (copied < part)
            break;
        offset = 0;
    }
    return done;
}

static size_t copy_queue(struct tcp_connection *conn, struct packet *packet, struct io_vector *to, size_t n,
                         bool discard)
{
    size_t done = 0;
    uint32_t seq = conn->copied_seq; /* changed by readers only */
    while (done < n) {
        struct tcp_received *received = received_of(packet);
        uint32_t offset = seq - received->seq;
        size_t part = MIN((size_t)(received->end - seq), n - done);
        size_t copied = copy_packet(packet, offset, to, part, discard);
        done += copied;
        seq += (uint32_t)copied;
        if (copied < part)
            break;
        if (done < n)
            packet = container_of(packet->link.next, struct packet, link);
    }
    return done;
}

/* Tells the peer about room that reading made, when it is worth a segment. */
static void update_window(struct tcp_connection *conn)
{
    if (!tcp_state_is(conn->state, STATES_CAN_RECEIVE))
        return;
    uint32_t unacked = conn->rcv_nxt - conn->last_ack_sent;
    bool acks =
        conn->ack_delayed && (unacked > conn->receive_mss || (!conn->readable && unacked && !conn->is_interactive));
    uint32_t promised = seq_after(conn->rcv_edge, conn->rcv_nxt) ? conn->rcv_edge - conn->rcv_nxt : 0;
    if (!acks && 2 * promised <= conn->receive_buffer / 2) {
        uint32_t space = MIN(tcp_receive_space(conn), 65535u << conn->receive_scale);
        acks = space && space >= 2 * promised;
    }
    if (acks)
        tcp_send_ack(conn);
}

/* Removes n bytes that were copied; what is read to its end is moved to `done` for freeing without the lock. */
static void consume(struct tcp_connection *conn, uint32_t n, struct list *done)
{
    conn->copied_seq += n;
    store_relaxed(&conn->readable, conn->readable - n);
    while (!list_is_empty(&conn->received)) {
        struct packet *packet = list_first(&conn->received, struct packet, link);
        struct tcp_received *received = received_of(packet);
        if (seq_after(received->end, conn->copied_seq))
            break;
        list_remove(&packet->link);
        conn->receive_used -= received->truesize;
        tcp_uncharge(conn, received->truesize);
        list_add_last(done, &packet->link);
    }
    tcp_tune_receive_buffer(conn, n, clock_monotonic_ns());
    update_window(conn);
}

/* One round: what was there when we looked. Bytes, 0 at the end, or -errno. */
static ssize_t receive_some(struct tcp_connection *conn, struct io_vector *to, unsigned flags)
{
    int result;
    struct list done;
    list_init(&done);
    tcp_lock(conn);
    uint32_t available = look(conn, &result);
    struct packet *first = available ? list_first(&conn->received, struct packet, link) : NULL;
    tcp_unlock(conn);
    if (!available)
        return result;
    size_t n = MIN((size_t)available, to->left);
    size_t copied = copy_queue(conn, first, to, n, flags & TCP_RECEIVE_DISCARD);
    if (!(flags & TCP_RECEIVE_PEEK) && copied) {
        tcp_lock(conn);
        consume(conn, (uint32_t)copied, &done);
        tcp_unlock(conn);
    }
    while (!list_is_empty(&done)) {
        struct packet *packet = list_first(&done, struct packet, link);
        list_remove(&packet->link);
        packet_free(packet);
    }
    return copied || !n ? (ssize_t)copied : -EFAULT;
}

ssize_t tcp_receive(struct tcp_connection *conn, struct io_vector *to, unsigned flags)
{
    ssize_t done = 0, n;
    mutex_lock(&conn->receive_lock);
    do {
        n = done && !load_relaxed(&conn->readable) ? 0 : receive_some(conn, to, flags);
        if (n > 0)
            done += n;
    } while (n > 0 && to->left && !(flags & TCP_RECEIVE_PEEK));
    mutex_unlock(&conn->receive_lock);
    return done ? done : n;
}
