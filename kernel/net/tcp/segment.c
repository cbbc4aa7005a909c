/*
 * Segments on their way out. Short payloads are copied behind the headers; longer ones are slices that share the send
 * queue's buffers by reference, so a retransmission or a loopback delivery costs no copy. Also what is sent without a
 * connection: resets, SYN-ACKs of requests, answers in TIME_WAIT.
 */
#include "internal.h"

enum { COPY_MAX = 2048, CHECKSUM_OFFSET = 16 };

static void slice_release(struct packet *packet)
{
    struct tcp_buffer *buffer = (struct tcp_buffer *)(uintptr_t)packet->private_data[5];
    if (refcount_put(&buffer->refs))
        kfree(buffer);
    kfree(packet);
}

static struct packet *slice_create(struct tcp_buffer *buffer, uint32_t offset, uint32_t len)
{
    struct packet *slice = kzalloc(sizeof *slice, ALLOC_ATOMIC);
    if (!slice)
        return NULL;
    list_init(&slice->link);
    refcount_init(&slice->refs, 1);
    refcount_get(&buffer->refs);
    slice->data = slice->buffer = buffer->data + offset;
    slice->len = slice->capacity = len;
    slice->private_data[5] = (uintptr_t)buffer;
    slice->release = slice_release;
    return slice;
}

/* The buffer that holds seq; the cursor serves the common case of new data in order. */
static struct tcp_buffer *find_buffer(struct tcp_connection *conn, uint32_t seq)
{
    struct tcp_buffer *buffer = conn->cursor;
    if (buffer && !seq_before(seq, buffer->seq) && seq_before(seq, buffer->seq + buffer->len))
        return buffer;
    list_for_each(buffer, &conn->buffers,
                  link) if (!seq_before(seq, buffer->seq) && seq_before(seq, buffer->seq + buffer->len)) return buffer;
    return NULL;
}

struct packet *tcp_build_data(struct tcp_connection *conn, uint32_t seq, uint32_t len)
{
    bool is_copied = len <= COPY_MAX;
    struct packet *packet = packet_alloc(is_copied ? len : 0, ALLOC_ATOMIC), *last = packet;
    if (!packet)
        return NULL;
    struct tcp_buffer *buffer = len ? find_buffer(conn, seq) : NULL;
    while (len) {
        uint32_t offset = seq - buffer->seq, part = MIN(len, buffer->len - offset);
        if (is_copied) {
            memcpy(packet->data + packet->len, buffer->data + offset, part);
            packet->len += part;
        } else {
            last->next = slice_create(buffer, offset, part);
            if (!last->next) {
                packet_free(packet);
                return NULL;
            }
            last = last->next;
        }
        conn->cursor = buffer;
        seq += part;
        len -= part;
        if (len) {
            assert(buffer->link.next != &conn->buffers);
            buffer = container_of(buffer->link.next, struct tcp_buffer, link);
        }
    }
    return packet;
}

/* The window to advertise now, in bytes; never takes back what was promised (RFC 9293, 3.8.6.2.1). */
static uint32_t select_window(struct tcp_connection *conn)
{
    uint32_t promised = seq_after(conn->rcv_edge, conn->rcv_nxt) ? conn->rcv_edge - conn->rcv_nxt : 0;
    uint32_t window = tcp_receive_space(conn);
    uint32_t unit = 1u << conn->receive_scale;
    window = MIN(window, 65535u << conn->receive_scale);
    window = align_down(window, unit);
    if (window < promised)
        window = align_up(promised, unit);
    conn->rcv_edge = conn->rcv_nxt + window;
    return window;
}

static void fill_sack(struct tcp_connection *conn, struct tcp_info_wire *wire)
{
    unsigned room = conn->has_timestamps ? 3 : 4, n = 0;
    if (conn->has_duplicate)
        wire->sack[n++] = conn->duplicate;
    conn->has_duplicate = false;
    for (unsigned i = 0; i < conn->sack_count && n < room; i++)
        wire->sack[n++] = conn->sack[i];
    wire->sack_count = (uint8_t)n;
}

static void fill_header(struct tcp_connection *conn, struct tcp_info_wire *wire, uint32_t seq, uint8_t flags,
                        uint32_t len, uint64_t now)
{
    const struct tcp_tuple *tuple = &conn->entry.tuple;
    *wire =
        (struct tcp_info_wire){.from_port = tuple->local_port, .to_port = tuple->peer_port, .seq = seq, .flags = flags};
    if (flags & TCP_ACK)
        wire->ack = conn->rcv_nxt;
    if (flags & TCP_SYN) { /* never scaled */
        wire->window = (uint16_t)MIN(tcp_receive_space(conn), 65535u);
        conn->rcv_edge = conn->rcv_nxt + wire->window;
        wire->has_mss = true;
        uint32_t header = (tcp_is_v4(conn) ? IPV4_HEADER : IPV6_HEADER) + TCP_HEADER;
        uint32_t mss = conn->route.mtu - header;
        if (conn->user_mss && conn->user_mss < mss)
            mss = conn->user_mss;
        wire->mss = (uint16_t)MIN(mss, 65535u);
        bool is_answer = flags & TCP_ACK;
        wire->has_scale = !is_answer || conn->has_scale;
        wire->scale = RECEIVE_SCALE;
        wire->has_timestamp = !is_answer || conn->has_timestamps;
        wire->sack_permitted = !is_answer || conn->has_sack;
    } else {
        if (!(flags & TCP_RST))
            wire->window = (uint16_t)(select_window(conn) >> conn->receive_scale);
        wire->has_timestamp = conn->has_timestamps;
        if (conn->has_sack && !len && (conn->sack_count || conn->has_duplicate))
            fill_sack(conn, wire);
    }
    if (wire->has_timestamp) {
        wire->timestamp = tcp_timestamp(now, conn->ts_offset);
        wire->timestamp_echo = flags & TCP_ACK ? conn->ts_recent : 0;
    }
}

static void note_ack_sent(struct tcp_connection *conn)
{
    conn->last_ack_sent = conn->rcv_nxt;
    conn->ack_now = conn->ack_delayed = false;
    conn->delayed_ack_at = NEVER;
    if (conn->quick_acks)
        conn->quick_acks--;
}

/* Takes the packet, which holds len bytes of payload. */
int tcp_transmit(struct tcp_connection *conn, struct packet *packet, uint32_t seq, uint8_t flags, uint32_t len,
                 uint64_t now)
{
    int err = tcp_source_route(conn);
    if (err) {
        packet_free(packet);
        return err;
    }
    const struct tcp_tuple *tuple = &conn->entry.tuple;
    struct tcp_info_wire wire;
    fill_header(conn, &wire, seq, flags, len, now);
    unsigned header_len = wire_tcp_header_len(&wire);
    uint8_t *header = packet_push(packet, header_len);
    if (!header) {
        packet_free(packet);
        return -ENOBUFS;
    }
    wire_build_tcp(header, &wire);
    struct ip_info info = {.from = tuple->local,
                           .to = tuple->peer,
                           .protocol = PROTOCOL_TCP,
                           .ttl = conn->ttl,
                           .traffic_class = conn->traffic_class,
                           .dont_fragment = true};
    if (len > conn->mss) {
        packet->offload |= tcp_is_v4(conn) ? PACKET_SEGMENT_TCP4 : PACKET_SEGMENT_TCP6;
        packet->segment_size = (uint16_t)conn->mss;
        packet->header_len = (uint16_t)header_len;
    }
    transport_checksum_set(conn->route.iface, packet, &info, CHECKSUM_OFFSET);
    if (flags & TCP_ACK)
        note_ack_sent(conn);
    conn->last_sent_ns = now;
    conn->segments_out++;
    COUNT(conn->tcp, segments_out);
    return ip_send(conn->stack, &conn->route, packet, &info);
}

void tcp_send_stateless(struct net_stack *stack, const struct tcp_tuple *tuple, const struct tcp_stateless *what)
{
    struct route route;
    if (route_find(stack, &tuple->peer, &tuple->local, tuple->scope, &route))
        return;
    struct packet *packet = packet_alloc(0, ALLOC_ATOMIC);
    if (packet) {
        struct tcp_info_wire wire = {
            .from_port = tuple->local_port,
            .to_port = tuple->peer_port,
            .seq = what->seq,
            .ack = what->ack,
            .window = what->window,
            .flags = what->flags,
            .has_mss = what->has_mss,
            .has_scale = what->has_scale,
            .has_timestamp = what->has_timestamp,
            .sack_permitted = what->sack_permitted,
            .scale = what->scale,
            .timestamp = what->timestamp,
            .timestamp_echo = what->timestamp_echo,
        };
        uint32_t header = (ip_is_v4(&tuple->peer) ? IPV4_HEADER : IPV6_HEADER) + TCP_HEADER;
        wire.mss = what->mss ? what->mss : (uint16_t)MIN(route.mtu - header, 65535u);
        wire_build_tcp(packet_push(packet, wire_tcp_header_len(&wire)), &wire);
        struct ip_info info = {.from = tuple->local,
                               .to = tuple->peer,
                               .protocol = PROTOCOL_TCP,
                               .ttl = what->ttl ? what->ttl : 64,
                               .traffic_class = what->traffic_class,
                               .dont_fragment = true};
        transport_checksum_set(route.iface, packet, &info, CHECKSUM_OFFSET);
        COUNT(tcp_of(stack), segments_out);
        ip_send(stack, &route, packet, &info);
    }
    route_put(&route);
}

/* RFC 9293, 3.10.7.1. */
void tcp_answer_reset(struct net_stack *stack, const struct tcp_segment *segment)
{
    const struct tcp_info_wire *wire = &segment->wire;
    if (segment->flags & TCP_RST)
        return;
    struct tcp_tuple tuple = {.local = segment->info->to,
                              .peer = segment->info->from,
                              .local_port = wire->to_port,
                              .peer_port = wire->from_port};
    if (ip_is_link_local(&tuple.peer))
        tuple.scope = segment->iface->index;
    struct tcp_stateless reset = {.flags = TCP_RST};
    if (segment->flags & TCP_ACK)
        reset.seq = wire->ack;
    else {
        reset.ack = segment->end;
        reset.flags |= TCP_ACK;
    }
    COUNT(tcp_of(stack), resets_out);
    tcp_send_stateless(stack, &tuple, &reset);
}
