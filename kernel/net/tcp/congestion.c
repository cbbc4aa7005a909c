/* Congestion windows in bytes: slow start with a delay-based exit (RFC 9406's test), Reno (RFC 5681), CUBIC (RFC 9438).
 */
#include "internal.h"

enum { CWND_MAX = 64 << 20 };

static void grow_to(struct tcp_connection *conn, uint64_t cwnd)
{
    conn->cwnd = (uint32_t)MIN(cwnd, (uint64_t)CWND_MAX);
}

static uint32_t at_least_two(const struct tcp_connection *conn, uint32_t window)
{
    return MAX(window, 2 * conn->mss);
}

static void reno_reset(struct tcp_connection *conn)
{
    conn->cubic.credit = 0;
}

static void reno_grow(struct tcp_connection *conn, uint32_t acked)
{
    uint64_t credit = (uint64_t)conn->cubic.credit + acked; /* a segment for each window */
    while (credit >= conn->cwnd) {
        credit -= conn->cwnd;
        grow_to(conn, (uint64_t)conn->cwnd + conn->mss);
    }
    conn->cubic.credit = (uint32_t)credit;
}

static uint32_t reno_reduce(struct tcp_connection *conn)
{
    conn->cubic.credit = 0;
    return at_least_two(conn, tcp_pipe(conn) / 2);
}

const struct tcp_congestion tcp_reno = {"reno", reno_reset, reno_grow, reno_reduce};

/* Cube root, rounded down; v < 2^63. */
static uint64_t cube_root(uint64_t v)
{
    uint64_t root = 0;
    for (int bit = 20; bit >= 0; bit--) {
        uint64_t candidate = root | UINT64_C(1) << bit;
        if (candidate * candidate * candidate <= v)
            root = candidate;
    }
    return root;
}

/* C * t^3 in bytes, C = 0.4 segments/s^3, t in ms: mss * t^3 * 4 / 10^10 within 64 bits. */
static uint64_t cubic_term(uint64_t t_ms, uint32_t mss)
{
    t_ms = MIN(t_ms, UINT64_C(100000));
    uint64_t cube = t_ms * t_ms * t_ms;
    if (t_ms < 4000)
        return cube * 4 * mss / UINT64_C(10000000000);
    return cube * 4 / 10000000 * mss / 1000;
}

static void cubic_reset(struct tcp_connection *conn)
{
    conn->cubic.epoch_ns = 0;
    conn->cubic.credit = conn->cubic.est_credit = 0;
}

static void cubic_start_epoch(struct tcp_connection *conn, uint64_t now)
{
    conn->cubic.epoch_ns = now;
    conn->cubic.cwnd_start = conn->cubic.w_est = conn->cwnd;
    conn->cubic.credit = conn->cubic.est_credit = 0;
    if (conn->cubic.w_max <= conn->cwnd) {
        conn->cubic.w_max = conn->cwnd;
        conn->cubic.k_ms = 0;
        return;
    }
    /* K = cbrt((W_max - cwnd) / C), segments and seconds: in ms the argument is scaled by 10^9. */
    uint64_t segments = (conn->cubic.w_max - conn->cwnd) / conn->mss;
    conn->cubic.k_ms = cube_root(segments * 5 / 2 * 1000000000);
}

static uint32_t cubic_target(const struct tcp_connection *conn, uint64_t now)
{
    uint64_t t_ms = (now - conn->cubic.epoch_ns + conn->srtt) / NS_PER_MS;
    uint64_t w_max = conn->cubic.w_max, k = conn->cubic.k_ms, target;
    if (t_ms < k) {
        uint64_t below = cubic_term(k - t_ms, conn->mss);
        target = w_max > below ? w_max - below : 0;
    } else
        target = w_max + cubic_term(t_ms - k, conn->mss);
    uint64_t most = (uint64_t)conn->cwnd * 3 / 2;
    target = MAX(target, (uint64_t)conn->cwnd);
    return (uint32_t)MIN(target, MIN(most, (uint64_t)CWND_MAX));
}

/* The window Reno would have, with growth that matches CUBIC's gentler reduction: alpha = 3(1-b)/(1+b) = 9/17. */
static void cubic_estimate(struct tcp_connection *conn, uint32_t acked)
{
    uint64_t credit = (uint64_t)conn->cubic.est_credit + acked;
    uint64_t whole = credit / conn->cwnd;
    conn->cubic.est_credit = (uint32_t)(credit % conn->cwnd);
    uint32_t step = conn->cubic.w_est >= conn->cubic.w_max ? conn->mss : conn->mss * 9 / 17;
    conn->cubic.w_est = (uint32_t)MIN(conn->cubic.w_est + whole * step, (uint64_t)CWND_MAX);
}

static void cubic_grow(struct tcp_connection *conn, uint32_t acked)
{
    uint64_t now = clock_monotonic_ns();
    if (!conn->cubic.epoch_ns)
        cubic_start_epoch(conn, now);
    uint32_t target = cubic_target(conn, now);
    cubic_estimate(conn, acked);
    uint64_t credit = conn->cubic.credit + (uint64_t)(target - conn->cwnd) * acked;
    uint32_t cwnd = conn->cwnd;
    grow_to(conn, cwnd + credit / cwnd);
    conn->cubic.credit = (uint32_t)(credit % cwnd);
    if (conn->cwnd < conn->cubic.w_est)
        conn->cwnd = conn->cubic.w_est;
}

static uint32_t cubic_reduce(struct tcp_connection *conn)
{
    conn->cubic.epoch_ns = 0;
    /* Fast convergence: a flow that lost below its last maximum makes room for others. */
    conn->cubic.w_max = conn->cwnd < conn->cubic.w_max ? (uint32_t)((uint64_t)conn->cwnd * 17 / 20) : conn->cwnd;
    return at_least_two(conn, (uint32_t)((uint64_t)conn->cwnd * 7 / 10));
}

const struct tcp_congestion tcp_cubic = {"cubic", cubic_reset, cubic_grow, cubic_reduce};

/* Leaves slow start when the round-trip time of this round has grown by an eighth of the last one's: queues fill. */
static void watch_delay(struct tcp_connection *conn, uint64_t rtt)
{
    enum { SAMPLES = 8 };
    if (!seq_before(conn->snd_una, conn->cubic.round_end)) {
        conn->cubic.last_round_rtt = conn->cubic.round_rtt;
        conn->cubic.round_rtt = UINT64_MAX;
        conn->cubic.round_samples = 0;
        conn->cubic.round_end = conn->snd_nxt;
    }
    if (!rtt)
        return;
    conn->cubic.round_rtt = MIN(conn->cubic.round_rtt, rtt);
    uint64_t last = conn->cubic.last_round_rtt;
    if (++conn->cubic.round_samples < SAMPLES || !last || last == UINT64_MAX)
        return;
    uint64_t threshold = MIN(MAX(last / 8, (uint64_t)(4 * NS_PER_MS)), (uint64_t)(16 * NS_PER_MS));
    if (conn->cubic.round_rtt >= last + threshold && conn->cwnd >= 16 * conn->mss)
        conn->ssthresh = conn->cwnd;
}

void tcp_congestion_grow(struct tcp_connection *conn, uint32_t acked, uint64_t rtt)
{
    uint32_t flight = conn->snd_nxt - conn->snd_una + acked;
    bool is_slow_start = conn->cwnd < conn->ssthresh;
    /* A window that is not used proves nothing (RFC 7661). */
    if (!conn->is_cwnd_limited && !(is_slow_start && flight >= conn->cwnd / 2))
        return;
    if (is_slow_start) {
        watch_delay(conn, rtt);
        uint32_t step = MIN(acked, conn->ssthresh - conn->cwnd);
        grow_to(conn, (uint64_t)conn->cwnd + step);
        acked -= step;
    }
    if (acked && conn->cwnd >= conn->ssthresh)
        conn->congestion->grow(conn, acked);
}

/* After idling for long the path may have changed: halve for each timeout that passed (RFC 2861). */
void tcp_congestion_after_idle(struct tcp_connection *conn, uint64_t now)
{
    if (!conn->last_sent_ns || now - conn->last_sent_ns <= conn->rto || conn->recovery != RECOVERY_OPEN)
        return;
    uint32_t restart = MIN((uint32_t)INITIAL_WINDOW_SEGMENTS * conn->mss, conn->cwnd);
    uint64_t idle = now - conn->last_sent_ns;
    conn->ssthresh = MAX(conn->ssthresh, conn->cwnd - conn->cwnd / 4);
    while (idle > conn->rto && conn->cwnd > restart) {
        conn->cwnd = MAX(conn->cwnd / 2, restart);
        idle -= conn->rto;
    }
    conn->congestion->reset(conn);
}
