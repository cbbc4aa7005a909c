/* Settings of sockets and of TCP, by Linux's numbers and limits. */
#include "internal.h"

enum {
    OPT_NODELAY = 1,
    OPT_MAXSEG,
    OPT_CORK,
    OPT_KEEPIDLE,
    OPT_KEEPINTVL,
    OPT_KEEPCNT,
    OPT_SYNCNT,
    OPT_LINGER2,
    OPT_DEFER_ACCEPT,
    OPT_WINDOW_CLAMP,
    OPT_INFO,
    OPT_QUICKACK,
    OPT_CONGESTION,
    OPT_USER_TIMEOUT = 18,
    OPT_NOTSENT_LOWAT = 25
};
enum { KEEP_SECONDS_MAX = 32767, KEEP_PROBES_MAX = 127, SYN_RETRIES_MAX = 127 };

/* struct tcp_info of <linux/tcp.h>, as far as it is filled. */
struct info {
    uint8_t state, ca_state, retransmits, probes, backoff, options, scales, flags;
    uint32_t rto, ato, snd_mss, rcv_mss, unacked, sacked, lost, retrans, fackets, last_data_sent, last_ack_sent,
        last_data_recv, last_ack_recv, pmtu, rcv_ssthresh, rtt, rttvar, snd_ssthresh, snd_cwnd, advmss, reordering,
        rcv_rtt, rcv_space, total_retrans;
    uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
    uint32_t segs_out, segs_in, notsent_bytes, min_rtt;
};
static_assert(sizeof(struct info) == 152, "Linux ABI");

static void set_buffer(struct tcp_connection *conn, bool is_send, int value)
{
    uint32_t size = (uint32_t)MIN(MAX(value, 0), (1 << 29));
    uint32_t most = is_send ? SEND_BUFFER_MAX : RECEIVE_BUFFER_MAX;
    size = MIN(2 * size, most);
    if (is_send) {
        conn->send_buffer_locked = true;
        store_relaxed(&conn->send_buffer, MAX(size, (uint32_t)SEND_BUFFER_MIN));
        conn->wake |= POLL_OUT | POLL_WRNORM;
    } else {
        conn->receive_buffer_locked = true;
        store_relaxed(&conn->receive_buffer, MAX(size, (uint32_t)RECEIVE_BUFFER_MIN));
    }
}

static int set_locked(struct tcp_connection *conn, enum tcp_setting setting, int value)
{
    switch (setting) {
    case TCP_SET_REUSE_ADDRESS:
        conn->reuse_address = value != 0;
        return 0;
    case TCP_SET_REUSE_PORT:
        conn->reuse_port = value != 0;
        return 0;
    case TCP_SET_KEEPALIVE:
        conn->keepalive = value != 0;
        tcp_arm_keepalive(conn, clock_monotonic_ns());
        return 0;
    case TCP_SET_SEND_BUFFER:
    case TCP_SET_RECEIVE_BUFFER:
        set_buffer(conn, setting == TCP_SET_SEND_BUFFER, value);
        return 0;
    case TCP_SET_LINGER_S:
        conn->linger_s = value;
        return 0;
    case TCP_SET_V6_ONLY:
        if (!conn->is_v6 || conn->is_bound)
            return -EINVAL;
        conn->is_v6_only = value != 0;
        return 0;
    case TCP_SET_INTERFACE:
        if (value && !interface_by_index(conn->stack, (unsigned)value))
            return -ENODEV;
        conn->bound_interface = (uint32_t)value;
        return 0;
    case TCP_SET_TTL:
        if (value < 1 || value > 255)
            return -EINVAL;
        conn->ttl = (uint8_t)value;
        return 0;
    case TCP_SET_TRAFFIC_CLASS:
        conn->traffic_class = (uint8_t)value;
        return 0;
    case TCP_SET_RECEIVE_LOW_WATER:
        store_relaxed(&conn->receive_low_water, value > 0 ? (uint32_t)value : value < 0 ? (uint32_t)INT32_MAX : 1u);
        return 0;
    }
    return -EINVAL;
}

int tcp_set(struct tcp_connection *conn, enum tcp_setting setting, int value)
{
    tcp_lock(conn);
    int err = set_locked(conn, setting, value);
    tcp_unlock(conn);
    return err;
}

int tcp_get(const struct tcp_connection *conn, enum tcp_setting setting)
{
    switch (setting) {
    case TCP_SET_REUSE_ADDRESS:
        return conn->reuse_address;
    case TCP_SET_REUSE_PORT:
        return conn->reuse_port;
    case TCP_SET_KEEPALIVE:
        return conn->keepalive;
    case TCP_SET_SEND_BUFFER:
        return (int)load_relaxed(&conn->send_buffer);
    case TCP_SET_RECEIVE_BUFFER:
        return (int)load_relaxed(&conn->receive_buffer);
    case TCP_SET_LINGER_S:
        return conn->linger_s;
    case TCP_SET_V6_ONLY:
        return conn->is_v6_only;
    case TCP_SET_INTERFACE:
        return (int)conn->bound_interface;
    case TCP_SET_TTL:
        return conn->ttl;
    case TCP_SET_TRAFFIC_CLASS:
        return conn->traffic_class;
    case TCP_SET_RECEIVE_LOW_WATER:
        return (int)conn->receive_low_water;
    }
    return -EINVAL;
}

static bool is_within(int value, int least, int most)
{
    return value >= least && value <= most;
}

static int set_keepalive_time(struct tcp_connection *conn, uint32_t *seconds, int value)
{
    if (!is_within(value, 1, KEEP_SECONDS_MAX))
        return -EINVAL;
    *seconds = (uint32_t)value;
    if (conn->keepalive)
        tcp_arm_keepalive(conn, clock_monotonic_ns());
    return 0;
}

static int set_option_locked(struct tcp_connection *conn, int name, int value)
{
    switch (name) {
    case OPT_NODELAY:
        conn->no_delay = value != 0;
        if (value)
            tcp_output(conn);
        return 0;
    case OPT_CORK:
        conn->cork = value != 0;
        if (!value) {
            conn->more = false;
            tcp_output(conn);
        }
        return 0;
    case OPT_MAXSEG:
        if (value && !is_within(value, MSS_MIN, 32767))
            return -EINVAL;
        conn->user_mss = (uint32_t)value;
        return 0;
    case OPT_KEEPIDLE:
        return set_keepalive_time(conn, &conn->keep_idle_s, value);
    case OPT_KEEPINTVL:
        return set_keepalive_time(conn, &conn->keep_interval_s, value);
    case OPT_KEEPCNT:
        if (!is_within(value, 1, KEEP_PROBES_MAX))
            return -EINVAL;
        conn->keep_probes = (uint32_t)value;
        return 0;
    case OPT_SYNCNT:
        if (!is_within(value, 1, SYN_RETRIES_MAX))
            return -EINVAL;
        conn->syn_retries = (uint32_t)value;
        return 0;
    case OPT_LINGER2:
        conn->fin_wait_s = value < 0 ? -1 : value == 0 || value > 120 ? 60 : value;
        return 0;
    case OPT_DEFER_ACCEPT:
        conn->defer_accept_s = value > 0 ? (uint32_t)MIN(value, 63) : 0;
        return 0;
    case OPT_WINDOW_CLAMP:
        if (!value && conn->state != TCP_CLOSED)
            return -EINVAL;
        conn->window_clamp = value > 0 ? MAX((uint32_t)value, (uint32_t)RECEIVE_BUFFER_MIN / 2) : 0;
        return 0;
    case OPT_QUICKACK:
        conn->is_interactive = !value;
        conn->quick_acks = value ? 16 : 0;
        if (value && conn->ack_delayed && tcp_state_is(conn->state, STATES_SYNCHRONISED))
            tcp_send_ack(conn);
        return 0;
    case OPT_USER_TIMEOUT:
        if (value < 0)
            return -EINVAL;
        conn->user_timeout_ms = (uint32_t)value;
        return 0;
    case OPT_NOTSENT_LOWAT:
        store_relaxed(&conn->not_sent_low_water, value > 0 ? (uint32_t)value : 0u);
        return 0;
    }
    return -ENOPROTOOPT;
}

static int set_congestion_locked(struct tcp_connection *conn, const char *name, size_t len)
{
    size_t n = strnlen(name, len);
    const struct tcp_congestion *choice = NULL;
    if (n == 5 && !memcmp(name, "cubic", n))
        choice = &tcp_cubic;
    else if (n == 4 && !memcmp(name, "reno", n))
        choice = &tcp_reno;
    if (!choice)
        return -ENOENT;
    conn->congestion = choice;
    choice->reset(conn);
    return 0;
}

int tcp_set_option(struct tcp_connection *conn, int name, const void *value, size_t len)
{
    int number = 0, err;
    if (name != OPT_CONGESTION) {
        if (len < sizeof number)
            return -EINVAL;
        memcpy(&number, value, sizeof number);
    }
    tcp_lock(conn);
    err = name == OPT_CONGESTION ? set_congestion_locked(conn, value, len) : set_option_locked(conn, name, number);
    tcp_unlock(conn);
    return err;
}

static uint32_t us(uint64_t ns)
{
    return ns == UINT64_MAX ? UINT32_MAX : (uint32_t)(ns / NS_PER_US);
}

static uint32_t ms_since(uint64_t then, uint64_t now)
{
    return then ? (uint32_t)((now - then) / NS_PER_MS) : 0;
}

static void fill_info_locked(const struct tcp_connection *conn, struct info *info)
{
    enum { HAS_TIMESTAMPS = 1, HAS_SACK = 2, HAS_SCALE = 4, CA_DISORDER = 1, CA_RECOVERY = 3, CA_LOSS = 4 };
    uint64_t now = clock_monotonic_ns();
    uint32_t mss = conn->mss;
    info->state = (uint8_t)conn->state;
    info->ca_state = conn->recovery == RECOVERY_LOSS   ? CA_LOSS
                     : conn->recovery == RECOVERY_FAST ? CA_RECOVERY
                     : conn->sacked_bytes              ? CA_DISORDER
                                                       : 0;
    info->retransmits = (uint8_t)conn->retries;
    info->probes = (uint8_t)conn->probes;
    info->backoff = (uint8_t)conn->backoff;
    info->options = (uint8_t)((conn->has_timestamps ? HAS_TIMESTAMPS : 0) | (conn->has_sack ? HAS_SACK : 0) |
                              (conn->has_scale ? HAS_SCALE : 0));
    info->scales = (uint8_t)(conn->send_scale | conn->receive_scale << 4);
    info->rto = us(conn->rto);
    info->ato = us(DELAYED_ACK_NS);
    info->snd_mss = mss;
    info->rcv_mss = conn->receive_mss;
    info->unacked = (conn->snd_nxt - conn->snd_una + mss - 1) / mss;
    info->sacked = conn->sacked_bytes / mss;
    info->lost = conn->lost_bytes / mss;
    info->retrans = conn->retransmitted_bytes / mss;
    info->last_data_sent = ms_since(conn->last_sent_ns, now);
    info->last_data_recv = ms_since(conn->last_data_received_ns, now);
    info->last_ack_recv = ms_since(conn->last_received_ns, now);
    info->pmtu = conn->route.iface ? conn->route.mtu : 0;
    if (conn->path_mtu)
        info->pmtu = MIN(info->pmtu, conn->path_mtu);
    info->rcv_ssthresh = conn->rcv_edge - conn->rcv_nxt;
    info->rtt = us(conn->srtt);
    info->rttvar = us(conn->rttvar);
    info->snd_ssthresh = conn->ssthresh / mss;
    info->snd_cwnd = conn->cwnd / mss;
    info->advmss = mss;
    info->reordering = DUPLICATE_THRESHOLD;
    info->rcv_rtt = us(conn->receive_rtt);
    info->rcv_space = conn->tune_space;
    info->total_retrans = conn->total_retransmits;
    info->bytes_acked = conn->bytes_acked;
    info->bytes_received = conn->bytes_received;
    info->segs_out = conn->segments_out;
    info->segs_in = conn->segments_in;
    info->notsent_bytes = tcp_unsent_bytes(conn);
    info->min_rtt = us(conn->rtt_min);
}

static int get_number(const struct tcp_connection *conn, int name, int *out)
{
    switch (name) {
    case OPT_NODELAY:
        *out = conn->no_delay;
        return 0;
    case OPT_MAXSEG:
        *out = (int)(conn->state == TCP_CLOSED || conn->state == TCP_LISTEN
                         ? (conn->user_mss ? conn->user_mss : MSS_DEFAULT_V4)
                         : conn->mss);
        return 0;
    case OPT_CORK:
        *out = conn->cork;
        return 0;
    case OPT_KEEPIDLE:
        *out = (int)conn->keep_idle_s;
        return 0;
    case OPT_KEEPINTVL:
        *out = (int)conn->keep_interval_s;
        return 0;
    case OPT_KEEPCNT:
        *out = (int)conn->keep_probes;
        return 0;
    case OPT_SYNCNT:
        *out = (int)conn->syn_retries;
        return 0;
    case OPT_LINGER2:
        *out = conn->fin_wait_s;
        return 0;
    case OPT_DEFER_ACCEPT:
        *out = (int)conn->defer_accept_s;
        return 0;
    case OPT_WINDOW_CLAMP:
        *out = (int)conn->window_clamp;
        return 0;
    case OPT_QUICKACK:
        *out = !conn->is_interactive;
        return 0;
    case OPT_USER_TIMEOUT:
        *out = (int)conn->user_timeout_ms;
        return 0;
    case OPT_NOTSENT_LOWAT:
        *out = conn->not_sent_low_water ? (int)conn->not_sent_low_water : -1;
        return 0;
    }
    return -ENOPROTOOPT;
}

int tcp_get_option(struct tcp_connection *conn, int name, void *value, size_t *len)
{
    int number = 0, err = 0;
    struct info info = {.state = 0};
    char text[16] = {0};
    const void *from = &number;
    size_t size = sizeof number;
    tcp_lock(conn);
    if (name == OPT_INFO) {
        fill_info_locked(conn, &info);
        from = &info;
        size = sizeof info;
    } else if (name == OPT_CONGESTION) {
        memcpy(text, conn->congestion->name, strlen(conn->congestion->name));
        from = text;
        size = sizeof text;
    } else
        err = get_number(conn, name, &number);
    tcp_unlock(conn);
    if (err)
        return err;
    *len = MIN(*len, size);
    memcpy(value, from, *len);
    return 0;
}
