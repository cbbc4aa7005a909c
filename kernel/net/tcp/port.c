/*
 * Local ports: who may bind what (Linux's rules for SO_REUSEADDR, SO_REUSEPORT and dual-stack sockets), finding
 * listeners, choosing ports. Only sockets that were bound stand here; accepted connections are known by the connection
 * table alone.
 */
#include "internal.h"

static struct tcp_port_bucket *port_bucket(struct tcp_stack *tcp, uint16_t port)
{
    return &tcp->ports[port % PORT_BUCKETS];
}

static bool takes_v4(const struct tcp_connection *conn, const struct ip_address *address)
{
    return !conn->is_v6 || ip_is_v4(address) || (ip_is_any(address) && !conn->is_v6_only);
}
static bool takes_v6(const struct tcp_connection *conn, const struct ip_address *address)
{
    return conn->is_v6 && !ip_is_v4(address);
}

static bool overlap(const struct tcp_connection *a, const struct ip_address *at, const struct tcp_connection *b)
{
    const struct ip_address *bt = &b->bound_address;
    if (a->bound_interface && b->bound_interface && a->bound_interface != b->bound_interface)
        return false;
    if (!(takes_v4(a, at) && takes_v4(b, bt)) && !(takes_v6(a, at) && takes_v6(b, bt)))
        return false;
    return ip_is_any(at) || ip_is_any(bt) || ip_equal(at, bt);
}

static bool may_share(const struct tcp_connection *a, const struct tcp_connection *b)
{
    if (a->reuse_port && b->reuse_port)
        return true;
    return a->reuse_address && b->reuse_address && load_relaxed(&a->state) != TCP_LISTEN &&
           load_relaxed(&b->state) != TCP_LISTEN;
}

static bool conflicts_locked(struct tcp_port_bucket *bucket, const struct tcp_connection *conn,
                             const struct ip_address *address, uint16_t port)
{
    const struct tcp_connection *other;
    list_for_each(other, &bucket->bound, port_link) if (other != conn && other->bound_port == port &&
                                                        overlap(conn, address, other) &&
                                                        !may_share(conn, other)) return true;
    return false;
}

static bool bind_one(struct tcp_connection *conn, const struct ip_address *address, uint16_t port, bool is_chosen)
{
    struct tcp_port_bucket *bucket = port_bucket(conn->tcp, port);
    spin_lock(&bucket->lock);
    bool is_free = !conflicts_locked(bucket, conn, address, port);
    if (is_free) {
        conn->entry.tuple.local = conn->bound_address = *address;
        conn->entry.tuple.local_port = conn->bound_port = port;
        conn->is_bound = true;
        conn->port_is_chosen = is_chosen;
        list_add_last(&bucket->bound, &conn->port_link);
    }
    spin_unlock(&bucket->lock);
    return is_free;
}

int tcp_port_bind(struct tcp_connection *conn, const struct ip_address *address, uint16_t port)
{
    if (port)
        return bind_one(conn, address, port, false) ? 0 : -EADDRINUSE;
    uint32_t start = (uint32_t)random_u64() % EPHEMERAL_COUNT;
    bool reuse_address = conn->reuse_address, reuse_port = conn->reuse_port;
    conn->reuse_address = conn->reuse_port = false; /* a port of its own */
    bool is_done = false;
    for (uint32_t i = 0; i < EPHEMERAL_COUNT && !is_done; i++)
        is_done = bind_one(conn, address, (uint16_t)(EPHEMERAL_FIRST + (start + i) % EPHEMERAL_COUNT), true);
    conn->reuse_address = reuse_address;
    conn->reuse_port = reuse_port;
    return is_done ? 0 : -EADDRINUSE;
}

void tcp_port_unbind(struct tcp_connection *conn)
{
    if (!conn->is_bound)
        return;
    struct tcp_port_bucket *bucket = port_bucket(conn->tcp, conn->bound_port);
    spin_lock(&bucket->lock);
    list_remove(&conn->port_link);
    spin_unlock(&bucket->lock);
    conn->is_bound = false;
}

/* SO_REUSEADDR let several bind; only one of them may listen. */
bool tcp_port_may_listen(struct tcp_connection *conn)
{
    struct tcp_port_bucket *bucket = port_bucket(conn->tcp, conn->bound_port);
    const struct tcp_connection *other;
    bool may = true;
    spin_lock(&bucket->lock);
    list_for_each(other, &bucket->bound, port_link) if (other != conn && other->bound_port == conn->bound_port &&
                                                        load_relaxed(&other->state) == TCP_LISTEN &&
                                                        overlap(conn, &conn->bound_address, other) &&
                                                        !(conn->reuse_port && other->reuse_port)) may = false;
    if (may)
        store_relaxed(&conn->state, (uint32_t)TCP_LISTEN);
    spin_unlock(&bucket->lock);
    return may;
}

static bool port_is_bound(struct tcp_stack *tcp, uint16_t port)
{
    struct tcp_port_bucket *bucket = port_bucket(tcp, port);
    const struct tcp_connection *other;
    bool is_bound = false;
    spin_lock(&bucket->lock);
    list_for_each(other, &bucket->bound, port_link) is_bound |= other->bound_port == port;
    spin_unlock(&bucket->lock);
    return is_bound;
}

/* RFC 6056, 3.3.4: an offset by a keyed hash of the destination, so that ports are hard to guess and seldom reused. */
int tcp_port_connect(struct tcp_connection *conn, struct tcp_reuse *reused)
{
    struct tcp_tuple *tuple = &conn->entry.tuple;
    if (tuple->local_port)
        return tcp_table_insert(conn->tcp, &conn->entry, reused) ? -EADDRNOTAVAIL : 0;
    uint32_t offset = (uint32_t)(tcp_tuple_hash(conn->stack, tuple) >> 32);
    offset += atomic_fetch_add(&conn->tcp->port_step, 1u + (uint32_t)(random_u64() & 7));
    for (uint32_t i = 0; i < EPHEMERAL_COUNT; i++) {
        uint16_t port = (uint16_t)(EPHEMERAL_FIRST + (offset + i) % EPHEMERAL_COUNT);
        if (port_is_bound(conn->tcp, port))
            continue;
        tuple->local_port = port;
        if (!tcp_table_insert(conn->tcp, &conn->entry, reused))
            return 0;
    }
    tuple->local_port = 0;
    return -EADDRNOTAVAIL;
}

/* How well a listener fits: 0 not at all. */
static int listener_score(const struct tcp_connection *conn, const struct ip_info *info, unsigned iface_index,
                          uint16_t port)
{
    const struct ip_address *address = &conn->bound_address;
    if (conn->bound_port != port || load_relaxed(&conn->state) != TCP_LISTEN)
        return 0;
    if (conn->bound_interface && conn->bound_interface != iface_index)
        return 0;
    bool is_v4 = ip_is_v4(&info->to);
    if (is_v4 ? !takes_v4(conn, address) : !takes_v6(conn, address))
        return 0;
    bool is_any = ip_is_any(address);
    if (!is_any && !ip_equal(address, &info->to))
        return 0;
    return 1 + (is_any ? 0 : 4) + (conn->bound_interface ? 2 : 0) + (is_v4 && !conn->is_v6 ? 1 : 0);
}

struct tcp_connection *tcp_find_listener(struct tcp_stack *tcp, const struct ip_info *info, unsigned iface_index,
                                         uint16_t port, const struct tcp_tuple *tuple)
{
    struct tcp_port_bucket *bucket = port_bucket(tcp, port);
    struct tcp_connection *conn, *best = NULL;
    int best_score = 0;
    uint32_t equals = 0;
    spin_lock(&bucket->lock);
    list_for_each(conn, &bucket->bound, port_link)
    {
        int score = listener_score(conn, info, iface_index, port);
        if (!score || score < best_score)
            continue;
        if (score > best_score)
            equals = 0;
        /* Among equals (SO_REUSEPORT) the tuple's hash decides, with the same chance for each. */
        equals++;
        if (score > best_score || (tcp_tuple_hash(tcp->stack, tuple) >> 16) % equals == 0)
            best = conn;
        best_score = score;
    }
    if (best && !refcount_get_unless_zero(&best->entry.refs))
        best = NULL;
    spin_unlock(&bucket->lock);
    return best;
}
