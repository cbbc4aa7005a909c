/*
 * Link addresses of neighbours, both families (ARP, RFC 826; neighbour discovery, RFC 4861). An entry that was not
 * confirmed for REACHABLE_NS is still used while it is asked again; only when PROBES go unanswered do packets fail.
 */
#include <arch/cpu.h>
#include <iface/iface.h>
#include <mm/alloc.h>

#define REACHABLE_NS (30 * NS_PER_SECOND)
#define PROBE_NS     (1 * NS_PER_SECOND)
enum { PROBES = 3, QUEUE_MAX = 64 };

static struct neighbour_bucket *bucket_of(struct net_stack *stack, const struct ip_address *address)
{
    uint64_t hash = (address->halves[0] ^ address->halves[1] ^ stack->secret[0]) * 0x9e3779b97f4a7c15u;
    return &stack->neighbours[hash >> 58];
}

static void solicit(struct neighbour *neighbour)
{
    const uint8_t *unicast = neighbour->state == NEIGHBOUR_REACHABLE ? neighbour->mac : NULL;
    if (ip_is_v4(&neighbour->address))
        arp_request(neighbour->iface, ip_to_v4(&neighbour->address), unicast);
    else
        nd_solicit(neighbour->iface, &neighbour->address, unicast);
}

static void free_queue(struct list *queue)
{
    while (!list_is_empty(queue)) {
        struct packet *packet = list_first(queue, struct packet, link);
        list_remove(&packet->link);
        packet_free(packet);
    }
}

/* The neighbour does not answer: their senders hear of it, as they would of a router's ICMP error. */
static void fail_queue(struct net_stack *stack, struct list *queue)
{
    struct packet *packet;
    list_for_each(packet, queue, link)
    {
        uint8_t bytes[128];
        uint32_t total = packet_total_len(packet), n = total < sizeof bytes ? total : sizeof bytes;
        packet_copy_out(packet, 0, bytes, n);
        icmp_report_error(stack, bytes, n, EHOSTUNREACH, 0);
    }
    free_queue(queue);
}

/* The armed timer holds a reference. */
static void probe_again(struct timer *timer)
{
    struct neighbour *neighbour = container_of(timer, struct neighbour, timer);
    struct list dropped;
    list_init(&dropped);
    spin_lock(&neighbour->lock);
    bool is_done = neighbour->probes == 0;
    bool has_failed = !is_done && neighbour->probes >= PROBES;
    if (has_failed) {
        neighbour->probes = 0;
        neighbour->queued = 0;
        store_release(&neighbour->state, (uint32_t)NEIGHBOUR_FAILED);
        list_splice_last(&dropped, &neighbour->queue);
    } else if (!is_done)
        neighbour->probes++;
    spin_unlock(&neighbour->lock);
    fail_queue(neighbour->iface->stack, &dropped);
    if (is_done || has_failed) {
        neighbour_put(neighbour);
        return;
    }
    solicit(neighbour);
    timer_arm(&neighbour->timer, clock_monotonic_ns() + PROBE_NS);
}

/* neighbour->lock held; true: the caller sends the first solicitation after unlocking. */
static bool start_probing_locked(struct neighbour *neighbour)
{
    if (neighbour->probes)
        return false;
    neighbour->probes = 1;
    if (!timer_cancel(&neighbour->timer))
        refcount_get(&neighbour->refs);
    timer_arm(&neighbour->timer, clock_monotonic_ns() + PROBE_NS);
    return true;
}

/* Makes room: an entry that nobody else holds and that is not being asked for. */
static void evict_one(struct net_stack *stack)
{
    for (unsigned i = 0; i < NEIGHBOUR_BUCKETS; i++) {
        struct neighbour_bucket *bucket = &stack->neighbours[i];
        struct neighbour *victim = NULL, *entry;
        spin_lock(&bucket->lock);
        list_for_each(entry, &bucket->entries, link)
            if (load_relaxed(&entry->refs.count) == 1)
                victim = entry;
        if (victim)
            list_remove(&victim->link);
        spin_unlock(&bucket->lock);
        if (victim) {
            atomic_fetch_sub(&stack->neighbour_count, 1u);
            neighbour_put(victim);
            return;
        }
    }
}

struct neighbour *neighbour_get(struct net_interface *iface, const struct ip_address *address, bool create)
{
    struct net_stack *stack = iface->stack;
    struct neighbour_bucket *bucket = bucket_of(stack, address);
    struct neighbour *entry, *found = NULL, *fresh = NULL;
retry:
    spin_lock(&bucket->lock);
    list_for_each(entry, &bucket->entries, link)
        if (entry->iface == iface && ip_equal(&entry->address, address)) {
            found = entry;
            break;
        }
    if (!found && fresh) {
        list_add_first(&bucket->entries, &fresh->link);
        found = fresh;
        fresh = NULL;
        atomic_fetch_add(&stack->neighbour_count, 1u);
    }
    if (found)
        refcount_get(&found->refs);
    spin_unlock(&bucket->lock);
    kfree(fresh);
    if (found || !create)
        return found;
    if (load_relaxed(&stack->neighbour_count) >= NEIGHBOUR_MAX)
        evict_one(stack);
    if (load_relaxed(&stack->neighbour_count) >= NEIGHBOUR_MAX)
        return NULL;
    fresh = kzalloc(sizeof *fresh, ALLOC_ATOMIC);
    if (!fresh)
        return NULL;
    refcount_init(&fresh->refs, 1); /* the table's */
    fresh->iface = iface;
    fresh->address = *address;
    list_init(&fresh->queue);
    timer_init(&fresh->timer, probe_again);
    goto retry;
}

void neighbour_put(struct neighbour *neighbour)
{
    if (!neighbour || !refcount_put(&neighbour->refs))
        return;
    free_queue(&neighbour->queue);
    kfree(neighbour);
}

/* Sends at once when the address is known and fresh; the slow path below asks, and queues when it must. */
int neighbour_send(struct neighbour *neighbour, struct packet *packet)
{
    uint64_t now = clock_monotonic_ns();
    bool is_known = load_acquire(&neighbour->state) == NEIGHBOUR_REACHABLE;
    if (is_known && now - load_relaxed(&neighbour->confirmed_ns) < (uint64_t)REACHABLE_NS)
        return interface_send_ethernet(neighbour->iface, packet, neighbour->mac,
                                       ip_is_v4(&neighbour->address) ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    struct packet *dropped = NULL;
    spin_lock(&neighbour->lock);
    is_known = neighbour->state == NEIGHBOUR_REACHABLE;
    bool asks = start_probing_locked(neighbour);
    if (!is_known) {
        store_release(&neighbour->state, (uint32_t)NEIGHBOUR_INCOMPLETE);
        if (neighbour->queued == QUEUE_MAX) {
            dropped = list_first(&neighbour->queue, struct packet, link);
            list_remove(&dropped->link);
            neighbour->queued--;
        }
        list_add_last(&neighbour->queue, &packet->link);
        neighbour->queued++;
    }
    spin_unlock(&neighbour->lock);
    packet_free(dropped);
    if (asks)
        solicit(neighbour);
    if (is_known)
        return interface_send_ethernet(neighbour->iface, packet, neighbour->mac,
                                       ip_is_v4(&neighbour->address) ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    return 0;
}

void neighbour_update(struct net_interface *iface, const struct ip_address *address, const uint8_t mac[6], bool create)
{
    struct neighbour *neighbour = neighbour_get(iface, address, create);
    if (!neighbour)
        return;
    struct list ready;
    list_init(&ready);
    spin_lock(&neighbour->lock);
    memcpy(neighbour->mac, mac, 6);
    store_relaxed(&neighbour->confirmed_ns, clock_monotonic_ns());
    neighbour->probes = 0;
    neighbour->queued = 0;
    store_release(&neighbour->state, (uint32_t)NEIGHBOUR_REACHABLE);
    list_splice_last(&ready, &neighbour->queue);
    bool was_armed = timer_cancel(&neighbour->timer);
    spin_unlock(&neighbour->lock);
    while (!list_is_empty(&ready)) {
        struct packet *packet = list_first(&ready, struct packet, link);
        list_remove(&packet->link);
        interface_send_ethernet(iface, packet, mac, ip_is_v4(address) ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    }
    if (was_armed)
        neighbour_put(neighbour);
    neighbour_put(neighbour);
}

void neighbour_flush(struct net_stack *stack)
{
    for (unsigned i = 0; i < NEIGHBOUR_BUCKETS; i++)
        while (!list_is_empty(&stack->neighbours[i].entries)) {
            struct neighbour *entry = list_first(&stack->neighbours[i].entries, struct neighbour, link);
            list_remove(&entry->link);
            if (timer_cancel_wait(&entry->timer))
                neighbour_put(entry);
            neighbour_put(entry);
        }
}
