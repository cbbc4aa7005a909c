/*
 * SYN cookies (RFC 4987, 3.6): when the queue of requests is full, what they would hold is put into the sequence number
 * (a period, the MSS, a keyed hash) and, for peers with timestamps, window scale and SACK into the timestamp's low
 * bits.
 */
#include "internal.h"

enum { OPTION_BITS = 6, OPTION_MASK = 63, SCALE_NONE = 15, OPTION_SACK = 16, HASH_MASK = 0xffffff, PERIOD_MASK = 31 };

static const uint16_t sizes_v4[8] = {MSS_MIN, 536, 1200, 1300, 1360, 1440, 1460, 8960};
static const uint16_t sizes_v6[8] = {MSS_MIN, 536, 1220, 1280, 1340, 1420, 1440, 8940};

static const uint16_t *sizes_of(const struct tcp_tuple *tuple)
{
    return ip_is_v4(&tuple->peer) ? sizes_v4 : sizes_v6;
}

static uint32_t make_cookie(const struct net_stack *stack, const struct tcp_tuple *tuple, uint32_t irs, uint64_t period,
                            uint32_t size_index)
{
    uint64_t extra = (uint64_t)irs << 32 ^ period << 3 ^ size_index;
    uint32_t hash = (uint32_t)tcp_keyed_hash(stack, tuple, HASH_COOKIE, extra) & HASH_MASK;
    return (uint32_t)(period & PERIOD_MASK) << 27 | size_index << 24 | hash;
}

void tcp_cookie_send(struct tcp_connection *listener, const struct tcp_segment *segment, const struct tcp_tuple *tuple)
{
    const struct tcp_info_wire *wire = &segment->wire;
    const uint16_t *sizes = sizes_of(tuple);
    uint32_t mss = wire->has_mss ? wire->mss : MSS_DEFAULT_V4, index = 0;
    while (index < 7 && sizes[index + 1] <= mss)
        index++;
    struct tcp_stateless answer = {
        .seq = make_cookie(listener->stack, tuple, segment->seq, segment->now_ns / COOKIE_PERIOD_NS, index),
        .ack = segment->seq + 1,
        .flags = TCP_SYN | TCP_ACK,
        .window = 65535,
        .has_mss = true,
        .ttl = listener->ttl,
    };
    if (wire->has_timestamp) {
        uint32_t options = (wire->has_scale ? wire->scale : SCALE_NONE) | (wire->sack_permitted ? OPTION_SACK : 0u);
        uint32_t now = tcp_timestamp(segment->now_ns, tcp_timestamp_offset(listener->stack, tuple));
        answer.has_timestamp = true;
        answer.timestamp =
            (now & ~(uint32_t)OPTION_MASK) - (1u << OPTION_BITS) + options; /* never ahead of the clock */
        answer.timestamp_echo = wire->timestamp;
        answer.has_scale = wire->has_scale;
        answer.scale = RECEIVE_SCALE;
        answer.sack_permitted = wire->sack_permitted;
    }
    COUNT(listener->tcp, cookies_sent);
    store_relaxed(&listener->tcp->cookie_sent_ns, segment->now_ns);
    tcp_send_stateless(listener->stack, tuple, &answer);
}

bool tcp_cookie_check(struct net_stack *stack, const struct tcp_segment *segment, const struct tcp_tuple *tuple,
                      struct tcp_promotion *out)
{
    struct tcp_stack *tcp = tcp_of(stack);
    uint64_t sent = load_relaxed(&tcp->cookie_sent_ns), period = segment->now_ns / COOKIE_PERIOD_NS;
    if (!sent || segment->now_ns - sent > 2 * COOKIE_PERIOD_NS)
        return false;
    uint32_t cookie = segment->wire.ack - 1, irs = segment->seq - 1, index = cookie >> 24 & 7;
    bool is_good = false;
    for (unsigned age = 0; age < 2 && age <= period; age++)
        is_good |= make_cookie(stack, tuple, irs, period - age, index) == cookie;
    if (!is_good) {
        COUNT(tcp, cookies_failed);
        return false;
    }
    COUNT(tcp, cookies_received);
    *out = (struct tcp_promotion){
        .iss = cookie, .irs = irs, .peer_mss = sizes_of(tuple)[index], .ts_offset = tcp_timestamp_offset(stack, tuple)};
    if (segment->wire.has_timestamp) {
        uint32_t options = segment->wire.timestamp_echo & OPTION_MASK, scale = options & SCALE_NONE;
        out->has_timestamps = true;
        out->ts_recent = segment->wire.timestamp;
        out->has_sack = options & OPTION_SACK;
        out->has_scale = scale != SCALE_NONE;
        out->send_scale = (uint8_t)(out->has_scale ? scale : 0);
    }
    return true;
}
