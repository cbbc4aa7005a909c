/* UDP sockets: their making and end, settings, polling, and what /proc shows of them. */
#include <arch/cpu.h>
#include <file/poll.h>
#include <mm/alloc.h>
#include "private.h"

enum {
    BUFFER_DEFAULT = 212992,
    BUFFER_MAX = 8 << 20,
    SEND_BUFFER_MIN = 4608,
    RECEIVE_BUFFER_MIN = 2304,
    DISCOVER_WANT = 1
};

static const struct protocol udp_protocol = {.receive = udp_receive, .error = udp_error};

int udp_init(struct net_stack *stack)
{
    struct udp_table *table = kzalloc(sizeof *table, ALLOC_WAIT);
    if (!table)
        return -ENOMEM;
    for (unsigned i = 0; i < UDP_BUCKETS; i++)
        list_init(&table->buckets[i].sockets);
    list_init(&table->raw.sockets);
    stack->udp = table;
    stack->raw_receive = udp_raw_receive;
    stack_set_protocol(stack, PROTOCOL_UDP, &udp_protocol);
    return 0;
}

void udp_destroy(struct net_stack *stack)
{
    stack->raw_receive = NULL;
    stack_set_protocol(stack, PROTOCOL_UDP, NULL);
    kfree(stack->udp);
    stack->udp = NULL;
}

static void set_defaults(struct udp_socket *socket)
{
    int *settings = socket->settings;
    settings[UDP_SET_SEND_BUFFER] = settings[UDP_SET_RECEIVE_BUFFER] = BUFFER_DEFAULT;
    settings[UDP_SET_TTL] = settings[UDP_SET_HOP_LIMIT] = settings[UDP_SET_TRAFFIC_CLASS] = -1;
    settings[UDP_SET_MULTICAST_TTL] = settings[UDP_SET_MULTICAST_HOPS] = 1;
    settings[UDP_SET_MULTICAST_LOOP4] = settings[UDP_SET_MULTICAST_LOOP6] = 1;
    settings[UDP_SET_MULTICAST_ALL4] = settings[UDP_SET_MULTICAST_ALL6] = 1;
    settings[UDP_SET_MTU_DISCOVER] = settings[UDP_SET_MTU_DISCOVER6] = DISCOVER_WANT;
}

int udp_create(struct net_stack *stack, enum udp_kind kind, bool is_v6, struct udp_socket **out)
{
    struct udp_socket *socket = kzalloc(sizeof *socket, ALLOC_WAIT);
    if (!socket)
        return -ENOMEM;
    socket->stack = stack;
    socket->kind = kind;
    socket->is_v6 = is_v6;
    refcount_init(&socket->refs, 1);
    spin_init(&socket->lock);
    list_init(&socket->link);
    list_init(&socket->queue);
    wait_queue_init(&socket->wait);
    if (!is_v6)
        socket->local.address = socket->peer.address = ip_from_v4(0);
    set_defaults(socket);
    if (kind == UDP_KIND_RAW) { /* receives from the start */
        struct udp_bucket *raw = &table_of(stack)->raw;
        spin_lock(&raw->lock);
        list_add_last(&raw->sockets, &socket->link);
        socket->is_hashed = true;
        spin_unlock(&raw->lock);
    }
    *out = socket;
    return 0;
}

static void drop_queue(struct udp_socket *socket)
{
    struct list dropped;
    list_init(&dropped);
    spin_lock(&socket->lock);
    list_splice_last(&dropped, &socket->queue);
    store_relaxed(&socket->queued_bytes, 0u);
    store_relaxed(&socket->queued_count, 0u);
    spin_unlock(&socket->lock);
    while (!list_is_empty(&dropped)) {
        struct packet *packet = list_first(&dropped, struct packet, link);
        list_remove(&packet->link);
        packet_free(packet);
    }
}

void udp_put(struct udp_socket *socket)
{
    if (!refcount_put(&socket->refs))
        return;
    drop_queue(socket);
    kfree(socket);
}

void udp_close(struct udp_socket *socket)
{
    udp_leave_all(socket);
    udp_unhash(socket);
    store_relaxed(&socket->shutdown, (uint32_t)(UDP_SHUTDOWN_READ | UDP_SHUTDOWN_WRITE));
    udp_put(socket);
}

int udp_shutdown(struct udp_socket *socket, unsigned how)
{
    spin_lock(&socket->lock);
    bool is_connected = socket->is_connected;
    store_relaxed(&socket->shutdown, socket->shutdown | how);
    spin_unlock(&socket->lock);
    wake_up_all(&socket->wait, 0);
    return is_connected ? 0 : -ENOTCONN;
}

uint32_t udp_poll(const struct udp_socket *socket)
{
    uint32_t shutdown = load_relaxed(&socket->shutdown), bits = POLL_OUT | POLL_WRNORM | POLL_WRBAND;
    if (load_relaxed(&socket->queued_count) || shutdown & UDP_SHUTDOWN_READ)
        bits |= POLL_IN | POLL_RDNORM;
    if (load_relaxed(&socket->error))
        bits |= POLL_ERR;
    if (shutdown & UDP_SHUTDOWN_READ)
        bits |= POLL_RDHUP;
    if (shutdown == (UDP_SHUTDOWN_READ | UDP_SHUTDOWN_WRITE))
        bits |= POLL_HUP;
    return bits;
}

struct wait_queue *udp_wait_queue(struct udp_socket *socket)
{
    return &socket->wait;
}

int udp_take_error(struct udp_socket *socket)
{
    return atomic_exchange(&socket->error, 0);
}

void udp_get_local(struct udp_socket *socket, struct udp_address *out)
{
    spin_lock(&socket->lock);
    *out = socket->local;
    spin_unlock(&socket->lock);
}

int udp_get_peer(struct udp_socket *socket, struct udp_address *out)
{
    spin_lock(&socket->lock);
    bool is_connected = socket->is_connected;
    *out = socket->peer;
    spin_unlock(&socket->lock);
    return is_connected ? 0 : -ENOTCONN;
}

static int clamp_buffer(int value, int min)
{
    int64_t doubled = (int64_t)(value < 0 ? BUFFER_MAX : value) * 2;
    return (int)(doubled > BUFFER_MAX ? BUFFER_MAX : doubled < min ? min : doubled);
}

int udp_set(struct udp_socket *socket, enum udp_setting setting, int value)
{
    if (setting == UDP_SET_SEND_BUFFER)
        value = clamp_buffer(value, SEND_BUFFER_MIN);
    else if (setting == UDP_SET_RECEIVE_BUFFER)
        value = clamp_buffer(value, RECEIVE_BUFFER_MIN);
    else if (setting == UDP_SET_V6_ONLY && socket->is_hashed)
        return -EINVAL;
    store_relaxed(&socket->settings[setting], value);
    return 0;
}

int udp_get(const struct udp_socket *socket, enum udp_setting setting)
{
    return setting_of(socket, setting);
}

static void visit_bucket(struct udp_bucket *bucket, void (*visit)(const struct udp_summary *, void *), void *argument)
{
    struct udp_socket *socket;
    spin_lock(&bucket->lock);
    list_for_each(socket, &bucket->sockets, link)
    {
        struct udp_summary summary = {.local = socket->local,
                                      .peer = socket->peer,
                                      .kind = socket->kind,
                                      .is_v6 = socket->is_v6,
                                      .is_connected = socket->is_connected,
                                      .queued = load_relaxed(&socket->queued_bytes),
                                      .drops = load_relaxed(&socket->drops)};
        visit(&summary, argument);
    }
    spin_unlock(&bucket->lock);
}

void udp_for_each(struct net_stack *stack, void (*visit)(const struct udp_summary *summary, void *argument),
                  void *argument)
{
    for (unsigned i = 0; i < UDP_BUCKETS; i++)
        visit_bucket(&table_of(stack)->buckets[i], visit, argument);
    visit_bucket(&table_of(stack)->raw, visit, argument);
}

const struct udp_counters *udp_get_counters(const struct net_stack *stack)
{
    return &table_of(stack)->counters;
}
