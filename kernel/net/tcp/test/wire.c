/* The simulated wire; see wire.h. */
#include <arch/cpu.h>
#include <stdlib.h>
#include "wire.h"

struct frame {
    struct list link; /* in order of arrival */
    uint64_t at_ns;
    uint32_t len;
    bool is_large;
    uint16_t segment_size;
    uint8_t bytes[];
};

void arch_random_seed(void *to, size_t n)
{
    memset(to, 42, n);
}

static uint64_t next_random(struct wire *wire)
{
    uint64_t z = wire->random += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static bool happens(struct wire *wire, unsigned per_mille)
{
    return per_mille && next_random(wire) % 1000 < per_mille;
}

static void arm(struct wire_end *from)
{
    if (!list_is_empty(&from->in_flight))
        timer_arm(&from->timer, list_first(&from->in_flight, struct frame, link)->at_ns);
}

static void put(struct wire_end *from, const struct frame *frame, uint64_t at_ns)
{
    struct frame *copy = malloc(sizeof *copy + frame->len), *other;
    memcpy(copy, frame, sizeof *copy + frame->len);
    copy->at_ns = at_ns;
    struct list *before = &from->in_flight;
    for (struct list *at = from->in_flight.previous; at != &from->in_flight; at = at->previous) {
        other = container_of(at, struct frame, link);
        if (other->at_ns <= at_ns) {
            before = at;
            break;
        }
    }
    list_add_first(before, &copy->link);
    arm(from);
}

static void deliver(struct wire_end *to, struct frame *frame)
{
    struct packet *packet = packet_alloc(frame->len, ALLOC_ATOMIC);
    if (!packet)
        return;
    memcpy(packet->data, frame->bytes, frame->len);
    packet->len = frame->len;
    if (frame->is_large) {
        packet->offload = PACKET_CHECKSUM_VALID | PACKET_SEGMENT_TCP4;
        packet->segment_size = frame->segment_size;
    }
    to->device.client->receive(&to->device, packet);
}

static void arrive(struct timer *timer)
{
    struct wire_end *from = container_of(timer, struct wire_end, timer);
    uint64_t now = clock_monotonic_ns();
    while (!list_is_empty(&from->in_flight)) {
        struct frame *frame = list_first(&from->in_flight, struct frame, link);
        if (frame->at_ns > now)
            break;
        list_remove(&frame->link);
        from->queued_bytes -= frame->len;
        deliver(from->peer, frame);
        free(frame);
    }
    from->peer->device.client->receive_done(&from->peer->device);
    arm(from);
}

/* The TCP header within an Ethernet frame, or NULL. */
static uint8_t *tcp_of_frame(struct frame *frame, struct ip_info *info)
{
    uint16_t type = load_be16(frame->bytes + 12);
    if (type != ETHERTYPE_IPV4 && type != ETHERTYPE_IPV6)
        return NULL;
    if (!wire_parse_ip(frame->bytes + 14, frame->len - 14, frame->len - 14, info) || info->protocol != PROTOCOL_TCP)
        return NULL;
    return frame->bytes + 14 + info->header_len;
}

static void too_big(struct wire_end *to, const struct frame *frame, const struct ip_info *info)
{
    uint8_t message[14 + 40 + 8 + 68];
    unsigned header = info->is_v4 ? 20 : 40, quoted = info->is_v4 ? 28 : 68;
    struct ip_info out = {.from = info->to,
                          .to = info->from,
                          .ttl = 255,
                          .protocol = info->is_v4 ? PROTOCOL_ICMP : PROTOCOL_ICMP6,
                          .payload_len = (uint16_t)(8 + quoted)};
    uint8_t *icmp = message + 14 + header;
    memcpy(message, to->device.address, 6);
    memset(message + 6, 2, 6);
    store_be16(message + 12, info->is_v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    out.is_v4 = info->is_v4;
    wire_build_ip(message + 14, &out);
    memset(icmp, 0, 8);
    icmp[0] = info->is_v4 ? 3 : 2;
    icmp[1] = info->is_v4 ? 4 : 0;
    store_be32(icmp + 4, to->wire->config.router_mtu);
    memcpy(icmp + 8, frame->bytes + 14, quoted);
    uint64_t sum = info->is_v4 ? 0 : checksum_pseudo(&out.from, &out.to, PROTOCOL_ICMP6, 8 + quoted);
    store_le16(icmp + 2, checksum_fold(checksum_add(sum, icmp, 8 + quoted)));
    struct frame *copy = malloc(sizeof *copy + sizeof message);
    *copy = (struct frame){.len = 14 + header + 8 + quoted};
    memcpy(copy->bytes, message, copy->len);
    to->peer->queued_bytes += copy->len;
    put(to->peer, copy, clock_monotonic_ns() + to->wire->config.delay_ns);
    free(copy);
}

static void note(struct wire *wire, struct seen seen)
{
    wire->seen[wire->seen_count++ % SEEN_MAX] = seen;
}

static void strip_options(uint8_t *tcp, const struct tcp_info_wire *parsed)
{
    if (!(parsed->flags & TCP_SYN))
        return;
    unsigned start = TCP_HEADER + 4, end = parsed->header_len;
    uint64_t sum = (uint16_t)~load_le16(tcp + 16);
    for (unsigned i = start; i < end; i += 2)
        sum += (uint16_t)~load_le16(tcp + i) + load_le16((const uint8_t[]){1, 1});
    memset(tcp + start, 1, end - start);
    store_le16(tcp + 16, checksum_fold(sum));
}

static void send_frame(struct wire_end *from, struct frame *frame)
{
    struct wire *wire = from->wire;
    const struct wire_config *config = &wire->config;
    struct ip_info info;
    uint8_t *tcp = tcp_of_frame(frame, &info);
    uint64_t now = clock_monotonic_ns();
    uint64_t start = from->busy_until_ns > now ? from->busy_until_ns : now;
    uint64_t at = start + config->delay_ns;
    if (config->bits_per_second)
        at += (uint64_t)frame->len * 8 * NS_PER_SECOND / config->bits_per_second;
    if (tcp) {
        struct seen seen = {.from_a = from == &wire->a, .at_ns = now};
        if (!wire_parse_tcp(tcp, info.payload_len, &seen.tcp))
            return;
        seen.len = info.payload_len - seen.tcp.header_len;
        note(wire, seen);
        if (config->strip_options)
            strip_options(tcp, &seen.tcp);
        wire->sent_frames++;
        if ((wire->drops && wire->drops(wire, &seen)) || happens(wire, config->loss)) {
            wire->lost_frames++;
            return;
        }
        if (config->router_mtu && frame->len - 14 > config->router_mtu && !frame->is_large) {
            too_big(from, frame, &info);
            return;
        }
        if (config->queue_bytes && start > now &&
            (start - now) * config->bits_per_second / 8 / NS_PER_SECOND > config->queue_bytes) {
            wire->lost_frames++;
            return;
        }
        if (happens(wire, config->corrupt))
            frame->bytes[14 + next_random(wire) % (frame->len - 14)] ^= (uint8_t)(1u << (next_random(wire) & 7));
        if (happens(wire, config->reorder))
            at += config->delay_ns / 2 + next_random(wire) % (config->delay_ns + 1);
        if (happens(wire, config->duplicate)) {
            from->queued_bytes += frame->len;
            put(from, frame, at + next_random(wire) % (config->delay_ns + 1));
        }
    }
    if (config->bits_per_second)
        from->busy_until_ns = at - config->delay_ns > start
                                  ? start + (uint64_t)frame->len * 8 * NS_PER_SECOND / config->bits_per_second
                                  : start;
    from->queued_bytes += frame->len;
    put(from, frame, at);
}

/* What a device with segmentation offload does. */
static void split(struct wire_end *from, const struct frame *large, uint32_t segment_size)
{
    struct ip_info info;
    struct frame *piece = malloc(sizeof *piece + 14 + 60 + 60 + segment_size);
    uint8_t *tcp = tcp_of_frame((struct frame *)large, &info);
    unsigned tcp_header = (tcp[12] >> 4) * 4u, headers = 14u + info.header_len + tcp_header;
    uint32_t payload = large->len - headers, seq = load_be32(tcp + 4);
    for (uint32_t at = 0; at < payload; at += segment_size) {
        uint32_t n = payload - at < segment_size ? payload - at : segment_size;
        struct ip_info own = info;
        *piece = (struct frame){.len = headers + n};
        memcpy(piece->bytes, large->bytes, headers);
        memcpy(piece->bytes + headers, large->bytes + headers + at, n);
        own.payload_len = (uint16_t)(tcp_header + n);
        wire_build_ip(piece->bytes + 14, &own);
        uint8_t *own_tcp = piece->bytes + 14 + info.header_len;
        store_be32(own_tcp + 4, seq + at);
        if (at + n < payload)
            own_tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
        store_le16(own_tcp + 16, 0);
        uint64_t sum = checksum_pseudo(&info.from, &info.to, PROTOCOL_TCP, tcp_header + n);
        store_le16(own_tcp + 16, checksum_fold(checksum_add(sum, own_tcp, tcp_header + n)));
        send_frame(from, piece);
    }
    free(piece);
}

static int transmit(struct netdev *device, struct packet *packet, unsigned queue, bool more)
{
    struct wire_end *from = container_of(device, struct wire_end, device);
    uint32_t len = packet_total_len(packet);
    struct frame *frame = malloc(sizeof *frame + len);
    *frame = (struct frame){.len = len};
    packet_copy_out(packet, 0, frame->bytes, len);
    if (packet->offload & PACKET_CHECKSUM_NEEDED) {
        uint8_t *start = frame->bytes + packet->checksum_start;
        uint16_t sum = checksum_fold(checksum_add(0, start, len - packet->checksum_start));
        store_le16(start + packet->checksum_offset, sum);
    }
    bool is_large = packet->offload & (PACKET_SEGMENT_TCP4 | PACKET_SEGMENT_TCP6);
    if (!is_large)
        EXPECT(len <= device->mtu + 14u);
    if (is_large && !from->wire->config.merges)
        split(from, frame, packet->segment_size);
    else {
        frame->is_large = is_large;
        frame->segment_size = packet->segment_size;
        send_frame(from, frame);
    }
    free(frame);
    packet_free(packet);
    return 0;
}

static void transmit_flush(struct netdev *device, unsigned queue)
{
}

static const struct netdev_ops wire_ops = {.transmit = transmit, .transmit_flush = transmit_flush};

static void open_end(struct wire *wire, struct wire_end *end, uint8_t number)
{
    end->wire = wire;
    list_init(&end->in_flight);
    timer_init(&end->timer, arrive);
    end->device = (struct netdev){.ops = &wire_ops,
                                  .name = "eth0",
                                  .address = {2, 0, 0, 0, 0, number},
                                  .queue_count = 1,
                                  .mtu = (uint16_t)(wire->config.mtu ? wire->config.mtu : 1500),
                                  .is_up = true,
                                  .can_checksum = wire->config.segments,
                                  .can_segment_tcp4 = wire->config.segments,
                                  .can_segment_tcp6 = wire->config.segments};
    end->stack = stack_core_create();
    if (!end->stack || tcp_init(end->stack))
        abort();
    end->iface = interface_add_device(end->stack, &end->device);
    end->v4 = ip_from_v4(0x0a000000u + number);
    end->v6 = (struct ip_address){.bytes = {0xfd, [15] = number}};
    if (!end->iface || interface_add_address(end->iface, &end->v4, 96 + 24) ||
        interface_add_address(end->iface, &end->v6, 64))
        abort();
}

void wire_open(struct wire *wire, struct wire_config config)
{
    fake_timers_reset();
    *wire = (struct wire){.config = config, .random = config.seed};
    wire->live_before = fake_memory_live_objects();
    open_end(wire, &wire->a, 1);
    open_end(wire, &wire->b, 2);
    wire->a.peer = &wire->b;
    wire->b.peer = &wire->a;
    wire_run(10 * NS_PER_SECOND); /* duplicate address detection, router solicitations */
}

static void close_end(struct wire_end *end)
{
    timer_cancel(&end->timer);
    while (!list_is_empty(&end->in_flight)) {
        struct frame *frame = list_first(&end->in_flight, struct frame, link);
        list_remove(&frame->link);
        free(frame);
    }
}

void wire_close(struct wire *wire)
{
    wire_run(700 * NS_PER_SECOND);
    close_end(&wire->a);
    close_end(&wire->b);
    tcp_destroy(wire->a.stack);
    tcp_destroy(wire->b.stack);
    stack_core_destroy(wire->a.stack);
    stack_core_destroy(wire->b.stack);
    EXPECT_EQ(fake_memory_live_objects(), wire->live_before);
}

void wire_inject(struct wire *wire, struct wire_end *to, bool is_v4, const struct tcp_info_wire *tcp, const void *bytes,
                 size_t len)
{
    unsigned header = wire_tcp_header_len(tcp);
    struct frame *frame = malloc(sizeof *frame + 14 + 40 + header + len);
    struct ip_info info = {.from = is_v4 ? to->peer->v4 : to->peer->v6,
                           .to = is_v4 ? to->v4 : to->v6,
                           .is_v4 = is_v4,
                           .ttl = 64,
                           .protocol = PROTOCOL_TCP,
                           .payload_len = (uint16_t)(header + len)};
    unsigned ip_header = is_v4 ? 20 : 40;
    *frame = (struct frame){.len = (uint32_t)(14 + ip_header + header + len)};
    memcpy(frame->bytes, to->device.address, 6);
    memcpy(frame->bytes + 6, to->peer->device.address, 6);
    store_be16(frame->bytes + 12, is_v4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    wire_build_ip(frame->bytes + 14, &info);
    uint8_t *at = frame->bytes + 14 + ip_header;
    wire_build_tcp(at, tcp);
    if (len)
        memcpy(at + header, bytes, len);
    uint64_t sum = checksum_pseudo(&info.from, &info.to, PROTOCOL_TCP, (uint32_t)(header + len));
    store_le16(at + 16, checksum_fold(checksum_add(sum, at, header + len)));
    deliver(to, frame);
    to->device.client->receive_done(&to->device);
    fake_work_run();
    free(frame);
}

const struct seen *wire_last(const struct wire *wire, bool from_a)
{
    for (unsigned i = wire->seen_count; i > 0 && wire->seen_count - i < SEEN_MAX; i--)
        if (wire->seen[(i - 1) % SEEN_MAX].from_a == from_a)
            return &wire->seen[(i - 1) % SEEN_MAX];
    return NULL;
}

unsigned wire_count(const struct wire *wire, bool from_a, uint8_t flags)
{
    unsigned n = 0;
    for (unsigned i = 0; i < wire->seen_count && i < SEEN_MAX; i++)
        n += wire->seen[i].from_a == from_a && (wire->seen[i].tcp.flags & flags) == flags;
    return n;
}

bool wire_step(uint64_t limit_ns)
{
    if (fake_work_run())
        return true;
    uint64_t next = fake_timer_next(), now = clock_monotonic_ns();
    if (next == UINT64_MAX || now >= limit_ns)
        return false;
    fake_time_advance(next > now ? next - now : 0);
    return true;
}

struct tcp_connection *listen_on(struct wire_end *end, bool is_v6, uint16_t port, int backlog)
{
    struct tcp_connection *listener;
    struct tcp_address local = {.address = is_v6 ? (struct ip_address){.halves = {0}} : ip_from_v4(0), .port = port};
    if (tcp_create(end->stack, is_v6, &listener))
        return NULL;
    tcp_set(listener, TCP_SET_REUSE_ADDRESS, 1);
    EXPECT_EQ(tcp_bind(listener, &local), 0);
    EXPECT_EQ(tcp_listen(listener, backlog), 0);
    return listener;
}

struct tcp_connection *connect_to(struct wire_end *from, struct wire_end *to, bool is_v4, uint16_t port)
{
    struct tcp_connection *conn;
    struct tcp_address peer = {.address = is_v4 ? to->v4 : to->v6, .port = port};
    if (tcp_create(from->stack, !is_v4, &conn))
        return NULL;
    EXPECT_EQ(tcp_connect(conn, &peer), -EINPROGRESS);
    return conn;
}

struct pair wire_connect(struct wire *wire, bool is_v4)
{
    struct pair pair = {.listener = listen_on(&wire->b, true, 80, 16)};
    uint64_t limit = clock_monotonic_ns() + 120 * NS_PER_SECOND;
    pair.client = connect_to(&wire->a, &wire->b, is_v4, 80);
    while (tcp_accept(pair.listener, &pair.server) && wire_step(limit)) {
    }
    EXPECT(pair.server != NULL);
    EXPECT_EQ(tcp_connect_result(pair.client), 0);
    return pair;
}

void pair_close(struct pair *pair)
{
    if (pair->client)
        tcp_close(pair->client);
    if (pair->server)
        tcp_close(pair->server);
    if (pair->listener)
        tcp_close(pair->listener);
    *pair = (struct pair){0};
}

void pattern(uint8_t *to, uint64_t offset, size_t n, uint64_t id)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t at = offset + i, word = (at >> 3) * 0x9e3779b97f4a7c15 + id;
        to[i] = (uint8_t)((word ^ word >> 29) >> (at & 7) * 8);
    }
}

ssize_t send_bytes(struct tcp_connection *conn, const void *bytes, size_t n)
{
    struct io_segment segment;
    struct io_vector from;
    io_vector_kernel(&from, &segment, bytes, n);
    return tcp_send(conn, &from, false);
}

ssize_t receive_bytes(struct tcp_connection *conn, void *bytes, size_t n)
{
    struct io_segment segment;
    struct io_vector to;
    io_vector_kernel(&to, &segment, bytes, n);
    return tcp_receive(conn, &to, 0);
}

struct stream {
    struct tcp_connection *from, *to;
    uint64_t total, sent, received, id;
};

/* Sends and receives what goes; false: something is wrong. */
static bool pump(struct stream *stream)
{
    uint8_t bytes[16384], wanted[sizeof bytes];
    while (stream->sent < stream->total) {
        size_t n = stream->total - stream->sent < sizeof bytes ? stream->total - stream->sent : sizeof bytes;
        pattern(bytes, stream->sent, n, stream->id);
        ssize_t done = send_bytes(stream->from, bytes, n);
        if (done == -EAGAIN || done == -ENOMEM)
            break;
        if (done < 0) {
            test_fail(__FILE__, __LINE__, "send: %zd after %llu bytes", done, (unsigned long long)stream->sent);
            return false;
        }
        stream->sent += (uint64_t)done;
    }
    while (stream->received < stream->total) {
        ssize_t done = receive_bytes(stream->to, bytes, sizeof bytes);
        if (done == -EAGAIN)
            return true;
        if (done <= 0) {
            test_fail(__FILE__, __LINE__, "receive: %zd after %llu bytes", done, (unsigned long long)stream->received);
            return false;
        }
        pattern(wanted, stream->received, (size_t)done, stream->id);
        if (memcmp(bytes, wanted, (size_t)done)) {
            test_fail(__FILE__, __LINE__, "wrong bytes after %llu", (unsigned long long)stream->received);
            return false;
        }
        stream->received += (uint64_t)done;
    }
    return true;
}

uint64_t transfer(struct pair *pair, uint64_t to_server, uint64_t to_client, uint64_t limit_ns)
{
    struct stream up = {pair->client, pair->server, to_server, 0, 0, 1},
                  down = {pair->server, pair->client, to_client, 0, 0, 2};
    uint64_t start = clock_monotonic_ns();
    for (;;) {
        if (!pump(&up) || !pump(&down))
            return 0;
        if (up.received == up.total && down.received == down.total)
            return clock_monotonic_ns() - start + 1;
        if (!wire_step(start + limit_ns)) {
            test_fail(__FILE__, __LINE__, "stuck: %llu of %llu up, %llu of %llu down", (unsigned long long)up.received,
                      (unsigned long long)up.total, (unsigned long long)down.received, (unsigned long long)down.total);
            return 0;
        }
    }
}
