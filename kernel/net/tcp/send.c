/*
 * The program's side of sending. Bytes are copied into buffers without the connection's lock, as copying may sleep;
 * only then are they made visible to it. send_lock keeps senders in order.
 */
#include "internal.h"

/* Allocation sizes; a small write leaves room behind it for the next ones. */
enum { BUFFER_SMALL = 2048, BUFFER_MIDDLE = 8192, BUFFER_LARGE = 32768, OUTPUT_AT = 65536 };

static int may_send(struct tcp_connection *conn)
{
    if (conn->error) {
        int err = (int)conn->error;
        store_relaxed(&conn->error, 0u);
        return -err;
    }
    if (conn->shutdown & TCP_SHUTDOWN_WRITE)
        return -EPIPE;
    if (conn->state == TCP_SYN_SENT || conn->state == TCP_SYN_RECEIVED)
        return -EAGAIN;
    return tcp_state_is(conn->state, STATES_CAN_SEND) ? 0 : -EPIPE;
}

/* How much may be queued; 0: -EAGAIN, and POLL_OUT will be reported. */
static uint32_t take_room(struct tcp_connection *conn)
{
    uint32_t queued = conn->write_seq - conn->snd_una;
    bool is_starved = queued && load_relaxed(&conn->tcp->memory) > conn->tcp->memory_limit;
    if (queued < conn->send_buffer && !is_starved)
        return conn->send_buffer - queued;
    conn->wants_space = true;
    return 0;
}

static struct tcp_buffer *buffer_alloc(size_t wanted)
{
    size_t size = BUFFER_LARGE;
    if (wanted + sizeof(struct tcp_buffer) <= BUFFER_SMALL)
        size = BUFFER_SMALL;
    else if (wanted + sizeof(struct tcp_buffer) <= BUFFER_MIDDLE)
        size = BUFFER_MIDDLE;
    struct tcp_buffer *buffer = kmalloc(size, ALLOC_WAIT);
    if (!buffer && size > BUFFER_SMALL) {
        size = BUFFER_SMALL;
        buffer = kmalloc(size, ALLOC_WAIT);
    }
    if (!buffer)
        return NULL;
    refcount_init(&buffer->refs, 1);
    list_init(&buffer->link);
    buffer->is_queued = false;
    buffer->seq = buffer->len = 0;
    buffer->capacity = (uint32_t)(size - sizeof *buffer);
    return buffer;
}

/* The buffer that the next byte goes into; send_lock held. */
static struct tcp_buffer *filling_buffer(struct tcp_connection *conn, size_t wanted)
{
    struct tcp_buffer *buffer = conn->filling;
    if (buffer && buffer->len < buffer->capacity)
        return buffer;
    if (buffer && refcount_put(&buffer->refs))
        kfree(buffer);
    conn->filling = buffer_alloc(wanted);
    return conn->filling;
}

/* Makes n more bytes of the filling buffer part of the stream; conn->lock held. They have left the program's hands, so
 * the account takes them in any case: take_room looked at the limit. */
static void publish(struct tcp_connection *conn, struct tcp_buffer *buffer, uint32_t n)
{
    if (!buffer->is_queued) {
        tcp_charge(conn, buffer->capacity, true);
        /* When it was queued before and all of it acknowledged, its bytes still end at write_seq. */
        if (!buffer->len)
            buffer->seq = conn->write_seq;
        buffer->is_queued = true;
        refcount_get(&buffer->refs);
        list_add_last(&conn->buffers, &buffer->link);
    }
    buffer->len += n;
    store_relaxed(&conn->write_seq, conn->write_seq + n);
}

/* Copies at most `room` bytes into one buffer and queues them. Bytes, or -errno. */
static ssize_t queue_some(struct tcp_connection *conn, struct io_vector *from, uint32_t room, bool more)
{
    size_t wanted = MIN(from->left, (size_t)room);
    struct tcp_buffer *buffer = filling_buffer(conn, wanted);
    if (!buffer)
        return -ENOMEM;
    uint32_t n = (uint32_t)MIN(wanted, (size_t)(buffer->capacity - buffer->len));
    size_t copied = io_copy_from(from, buffer->data + buffer->len, n);
    if (!copied)
        return -EFAULT;
    tcp_lock(conn);
    int err = may_send(conn); /* the connection may have ended meanwhile */
    if (!err)
        publish(conn, buffer, (uint32_t)copied);
    bool is_last = !from->left || copied == room || copied < n;
    if (!err && (is_last || conn->write_seq - conn->snd_nxt >= OUTPUT_AT)) {
        conn->more = more || !is_last;
        tcp_output(conn);
    }
    tcp_unlock(conn);
    return err ? err : (ssize_t)copied;
}

/* The call ends before all was queued: what there is must not wait for the rest. */
static void end_short(struct tcp_connection *conn)
{
    tcp_lock(conn);
    conn->more = false;
    tcp_output(conn);
    tcp_unlock(conn);
}

ssize_t tcp_send(struct tcp_connection *conn, struct io_vector *from, bool more)
{
    ssize_t done = 0;
    int err = 0;
    mutex_lock(&conn->send_lock);
    do {
        tcp_lock(conn);
        err = may_send(conn);
        uint32_t room = err ? 0 : take_room(conn);
        tcp_unlock(conn);
        if (!err && !room)
            err = -EAGAIN;
        if (err || !from->left)
            break;
        ssize_t n = queue_some(conn, from, room, more);
        if (n < 0)
            err = (int)n;
        else
            done += n;
    } while (!err && from->left);
    if (done && err && !more)
        end_short(conn);
    mutex_unlock(&conn->send_lock);
    return done ? done : err;
}
