/*
 * The connection table: connections, half-open requests and TIME_WAIT entries by their four-tuple. Hashed with a key,
 * so that no peer can aim at a bucket; a lock per bucket; what is found is referenced before the lock goes.
 */
#include "internal.h"

uint64_t tcp_tuple_hash(const struct net_stack *stack, const struct tcp_tuple *tuple)
{
    uint64_t ports = (uint64_t)tuple->local_port << 48 | (uint64_t)tuple->peer_port << 32 | tuple->scope;
    if (ip_is_v4(&tuple->peer)) {
        uint64_t words[2] = {(uint64_t)tuple->local.words[3] << 32 | tuple->peer.words[3], ports};
        return net_table_hash(stack->secret, words, 2);
    }
    uint64_t words[5] = {tuple->local.halves[0], tuple->local.halves[1], tuple->peer.halves[0], tuple->peer.halves[1],
                         ports};
    return net_table_hash(stack->secret, words, 5);
}

static struct tcp_bucket *bucket_of(struct tcp_stack *tcp, const struct tcp_tuple *tuple)
{
    return &tcp->buckets[tcp_tuple_hash(tcp->stack, tuple) & tcp->bucket_mask];
}

static bool same_tuple(const struct tcp_tuple *a, const struct tcp_tuple *b)
{
    return a->local_port == b->local_port && a->peer_port == b->peer_port && a->scope == b->scope &&
           ip_equal(&a->local, &b->local) && ip_equal(&a->peer, &b->peer);
}

static struct tcp_entry *find_locked(struct tcp_bucket *bucket, const struct tcp_tuple *tuple)
{
    for (struct tcp_entry *entry = bucket->first; entry; entry = entry->next)
        if (same_tuple(&entry->tuple, tuple))
            return entry;
    return NULL;
}

static void link_locked(struct tcp_bucket *bucket, struct tcp_entry *entry)
{
    refcount_get(&entry->refs);
    entry->next = bucket->first;
    entry->link = &bucket->first;
    if (entry->next)
        entry->next->link = &entry->next;
    store_relaxed(&bucket->first, entry);
}

static void unlink_locked(struct tcp_entry *entry)
{
    store_relaxed(entry->link, entry->next);
    if (entry->next)
        entry->next->link = entry->link;
    entry->link = NULL;
    entry->next = NULL;
}

struct tcp_entry *tcp_table_find(struct tcp_stack *tcp, const struct tcp_tuple *tuple)
{
    struct tcp_bucket *bucket = bucket_of(tcp, tuple);
    spin_lock(&bucket->lock);
    struct tcp_entry *entry = find_locked(bucket, tuple);
    if (entry)
        refcount_get(&entry->refs); /* the table's own reference keeps it above zero here */
    spin_unlock(&bucket->lock);
    return entry;
}

int tcp_table_insert(struct tcp_stack *tcp, struct tcp_entry *entry, struct tcp_reuse *reused)
{
    struct tcp_bucket *bucket = bucket_of(tcp, &entry->tuple);
    int err = 0;
    spin_lock(&bucket->lock);
    struct tcp_entry *old = find_locked(bucket, &entry->tuple);
    if (old && (!reused || old->kind != TCP_KIND_TIME_WAIT || !tcp_time_wait_may_reuse(old, reused)))
        err = -EADDRINUSE;
    if (!err) {
        if (old)
            unlink_locked(old);
        link_locked(bucket, entry);
    }
    spin_unlock(&bucket->lock);
    if (!err && old)
        tcp_time_wait_kill(tcp, old);
    return err;
}

bool tcp_table_remove(struct tcp_stack *tcp, struct tcp_entry *entry)
{
    struct tcp_bucket *bucket = bucket_of(tcp, &entry->tuple);
    spin_lock(&bucket->lock);
    bool was_in = entry->link != NULL;
    if (was_in)
        unlink_locked(entry);
    spin_unlock(&bucket->lock);
    if (was_in)
        tcp_entry_put(entry);
    return was_in;
}

bool tcp_table_replace(struct tcp_stack *tcp, struct tcp_entry *old, struct tcp_entry *by)
{
    struct tcp_bucket *bucket = bucket_of(tcp, &by->tuple);
    spin_lock(&bucket->lock);
    bool was_in = old->link != NULL;
    if (was_in) {
        unlink_locked(old);
        link_locked(bucket, by);
    }
    spin_unlock(&bucket->lock);
    if (was_in)
        tcp_entry_put(old);
    return was_in;
}

void tcp_entry_put(struct tcp_entry *entry)
{
    if (!refcount_put(&entry->refs))
        return;
    if (entry->kind == TCP_KIND_CONNECTION)
        tcp_connection_free(connection_of(entry));
    else if (entry->kind == TCP_KIND_REQUEST)
        tcp_request_free(container_of(entry, struct tcp_request, entry));
    else
        tcp_time_wait_free(entry);
}

static void summarise(const struct tcp_entry *entry, struct tcp_summary *out)
{
    const struct tcp_tuple *tuple = &entry->tuple;
    *out = (struct tcp_summary){
        .local = {tuple->local, tuple->local_port, tuple->scope},
        .peer = {tuple->peer, tuple->peer_port, tuple->scope},
        .state = entry->kind == TCP_KIND_REQUEST ? TCP_SYN_RECEIVED : TCP_TIME_WAIT,
        .is_v6 = !ip_is_v4(&tuple->peer),
    };
    if (entry->kind != TCP_KIND_CONNECTION)
        return;
    const struct tcp_connection *conn = container_of(entry, struct tcp_connection, entry);
    out->state = (enum tcp_state)load_relaxed(&conn->state);
    out->is_v6 = conn->is_v6;
    out->unacked = tcp_unacked_bytes(conn);
    out->readable = out->state == TCP_LISTEN ? load_relaxed(&conn->accept_count) : load_relaxed(&conn->readable);
}

void tcp_for_each(struct net_stack *stack, void (*visit)(const struct tcp_summary *summary, void *argument),
                  void *argument)
{
    struct tcp_stack *tcp = tcp_of(stack);
    struct tcp_summary summary;
    for (unsigned i = 0; i < PORT_BUCKETS; i++) {
        struct tcp_port_bucket *bucket = &tcp->ports[i];
        struct tcp_connection *conn;
        spin_lock(&bucket->lock);
        list_for_each(conn, &bucket->bound, port_link)
        {
            if (load_relaxed(&conn->state) != TCP_LISTEN)
                continue;
            summarise(&conn->entry, &summary);
            visit(&summary, argument);
        }
        spin_unlock(&bucket->lock);
    }
    for (uint32_t i = 0; i <= tcp->bucket_mask; i++) {
        struct tcp_bucket *bucket = &tcp->buckets[i];
        if (!load_relaxed(&bucket->first))
            continue;
        spin_lock(&bucket->lock);
        for (struct tcp_entry *entry = bucket->first; entry; entry = entry->next) {
            summarise(entry, &summary);
            visit(&summary, argument);
        }
        spin_unlock(&bucket->lock);
    }
}
