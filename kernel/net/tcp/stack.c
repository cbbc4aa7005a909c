/* TCP as a part of a stack: its tables, limits and registration. */
#include "internal.h"

static const struct protocol tcp_protocol = {.receive = tcp_input, .error = tcp_error, .batch_done = tcp_batch_done};

int tcp_init(struct net_stack *stack)
{
    enum { BUCKETS_MIN = 1024, BUCKETS_MAX = 16384 };
    struct tcp_stack *tcp = kzalloc(sizeof *tcp, ALLOC_WAIT);
    if (!tcp)
        return -ENOMEM;
    struct memory_counters memory;
    memory_count(&memory);
    uint64_t bytes = memory.total_pages * PAGE_SIZE;
    uint32_t buckets = BUCKETS_MIN;
    while (buckets < BUCKETS_MAX && (uint64_t)buckets << 15 < bytes)
        buckets *= 2;
    tcp->buckets = kzalloc(buckets * sizeof *tcp->buckets, ALLOC_WAIT);
    if (!tcp->buckets) {
        kfree(tcp);
        return -ENOMEM;
    }
    tcp->stack = stack;
    tcp->bucket_mask = buckets - 1;
    tcp->memory_limit = MAX(bytes / 8, UINT64_C(4) << 20);
    tcp->port_step = (uint32_t)random_u64();
    for (unsigned i = 0; i < PORT_BUCKETS; i++)
        list_init(&tcp->ports[i].bound);
    stack->tcp = tcp;
    stack_set_protocol(stack, PROTOCOL_TCP, &tcp_protocol);
    return 0;
}

static void end_entry(struct tcp_stack *tcp, struct tcp_entry *entry)
{
    if (entry->kind == TCP_KIND_CONNECTION) {
        struct tcp_connection *conn = connection_of(entry);
        tcp_lock(conn);
        tcp_done(conn, ECONNABORTED);
        tcp_unlock(conn);
    } else if (entry->kind == TCP_KIND_REQUEST)
        tcp_request_remove(container_of(entry, struct tcp_request, entry));
    else if (tcp_table_remove(tcp, entry)) {
        refcount_get(&entry->refs); /* stands for the table's, which kill drops */
        tcp_time_wait_kill(tcp, entry);
    }
}

void tcp_destroy(struct net_stack *stack)
{
    struct tcp_stack *tcp = tcp_of(stack);
    tcp_batch_done(stack, cpu_index());
    for (uint32_t i = 0; i <= tcp->bucket_mask; i++)
        while (tcp->buckets[i].first) {
            struct tcp_entry *entry = tcp->buckets[i].first;
            refcount_get(&entry->refs);
            end_entry(tcp, entry);
            tcp_entry_put(entry);
        }
    stack_set_protocol(stack, PROTOCOL_TCP, NULL);
    stack->tcp = NULL;
    kfree(tcp->buckets);
    kfree(tcp);
}

const struct tcp_counters *tcp_get_counters(const struct net_stack *stack)
{
    return &tcp_of(stack)->counters;
}
