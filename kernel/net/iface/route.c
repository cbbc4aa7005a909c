/* Routes: an immutable table, replaced as a whole; longest prefix, then lowest metric. Old tables are freed with the
 * stack, because readers take no lock and tables change a handful of times. */
#include <iface/iface.h>
#include <mm/alloc.h>

static bool same_route(const struct route_entry *a, const struct route_entry *b)
{
    return a->iface == b->iface && a->prefix == b->prefix && ip_matches(&a->network, &b->network, a->prefix) &&
           ip_equal(&a->gateway, &b->gateway);
}

/* Replaces the table by one without what `drop` says, plus `extra`. */
static int replace(struct net_stack *stack, const struct route_entry *extra,
                   bool (*drop)(const struct route_entry *, const void *), const void *argument)
{
    struct route_table *table = kzalloc(sizeof *table + ROUTE_MAX * sizeof table->entries[0], ALLOC_ATOMIC);
    if (!table)
        return -ENOMEM;
    spin_lock(&stack->config_lock);
    struct route_table *old = stack->routes;
    for (unsigned i = 0; old && i < old->count; i++)
        if (!drop(&old->entries[i], argument))
            table->entries[table->count++] = old->entries[i];
    int err = 0;
    if (extra && table->count == ROUTE_MAX)
        err = -ENOSPC;
    else if (extra)
        table->entries[table->count++] = *extra;
    table->older = old;
    store_release(&stack->routes, table);
    atomic_fetch_add(&stack->generation, 1u);
    spin_unlock(&stack->config_lock);
    return err;
}

static bool drop_same(const struct route_entry *entry, const void *argument)
{
    return same_route(entry, argument);
}

int route_add(struct net_stack *stack, const struct route_entry *entry)
{
    return replace(stack, entry, drop_same, entry);
}

void route_remove(struct net_stack *stack, const struct route_entry *entry)
{
    replace(stack, NULL, drop_same, entry);
}

struct interface_filter {
    const struct net_interface *iface;
    bool is_v4, only_gateways;
};

static bool drop_interface(const struct route_entry *entry, const void *argument)
{
    const struct interface_filter *filter = argument;
    return entry->iface == filter->iface && ip_is_v4(&entry->network) == filter->is_v4 &&
           (!filter->only_gateways || !ip_is_any(&entry->gateway));
}

void route_remove_interface(struct net_interface *iface, bool is_v4, bool only_gateways)
{
    struct interface_filter filter = {iface, is_v4, only_gateways};
    replace(iface->stack, NULL, drop_interface, &filter);
}

static const struct route_entry *look_up(struct net_stack *stack, const struct ip_address *to, unsigned iface_index)
{
    const struct route_table *table = load_acquire(&stack->routes);
    const struct route_entry *best = NULL;
    for (unsigned i = 0; table && i < table->count; i++) {
        const struct route_entry *entry = &table->entries[i];
        if (iface_index && entry->iface->index != iface_index)
            continue;
        if (!ip_matches(to, &entry->network, entry->prefix))
            continue;
        if (!best || entry->prefix > best->prefix || (entry->prefix == best->prefix && entry->metric < best->metric))
            best = entry;
    }
    return best;
}

/* The interface's address that shares the longest prefix with the destination. */
static bool choose_source(struct net_interface *iface, const struct ip_address *to, struct ip_address *out)
{
    int best = -1;
    for (unsigned i = 0; i < INTERFACE_ADDRESSES; i++) {
        const struct interface_address *own = &iface->addresses[i];
        if (!load_acquire(&own->is_valid) || ip_is_v4(&own->address) != ip_is_v4(to))
            continue;
        int score = ip_matches(to, &own->address, own->prefix) ? own->prefix : 0;
        if (!ip_is_v4(to) && ip_is_link_local(&own->address) != ip_is_link_local(to))
            score = 0;
        else
            score++;
        if (score > best) {
            best = score;
            *out = own->address;
        }
    }
    return best >= 0;
}

static void multicast_mac(const struct ip_address *to, uint8_t mac[6])
{
    if (ip_is_v4(to)) {
        store_be32(mac, 0x01005e00);
        mac[3] = to->bytes[13] & 0x7f;
        mac[4] = to->bytes[14];
        mac[5] = to->bytes[15];
        return;
    }
    mac[0] = mac[1] = 0x33;
    memcpy(mac + 2, to->bytes + 12, 4);
}

static struct net_interface *first_device(struct net_stack *stack, unsigned iface_index)
{
    if (iface_index)
        return interface_by_index(stack, iface_index);
    struct net_interface *iface = interface_by_index(stack, 2);
    return iface ? iface : interface_by_index(stack, 1);
}

static int route_local(struct net_stack *stack, const struct ip_address *to, const struct ip_address *from,
                       struct route *out)
{
    out->iface = stack->interfaces[0];
    out->is_local = true;
    out->mtu = out->iface->mtu;
    out->source = ip_is_any(from) ? *to : *from;
    return 0;
}

int route_find(struct net_stack *stack, const struct ip_address *to, const struct ip_address *from, unsigned iface_index,
               struct route *out)
{
    *out = (struct route){.generation = load_acquire(&stack->generation)};
    if (stack_is_local(stack, to))
        return route_local(stack, to, from, out);
    bool is_multicast = ip_is_multicast(to);
    bool is_limited_broadcast = ip_is_v4(to) && to->words[3] == 0xffffffff;
    const struct route_entry *entry = look_up(stack, to, iface_index);
    if (entry && entry->iface->index == 1 && !is_multicast)
        return -ENETUNREACH;
    if (!entry && !is_multicast && !is_limited_broadcast)
        return -ENETUNREACH;
    struct net_interface *iface = entry && entry->iface->index != 1 ? entry->iface : first_device(stack, iface_index);
    if (!iface)
        return -ENETUNREACH;
    out->iface = iface;
    out->mtu = iface->mtu;
    if (!ip_is_any(from))
        out->source = *from;
    else if (!choose_source(iface, to, &out->source)) {
        if (!is_multicast && !is_limited_broadcast)
            return -ENETUNREACH;
        out->source = ip_is_v4(to) ? ip_from_v4(0) : (struct ip_address){.halves = {0, 0}};
    }
    if (iface->index == 1) {
        out->is_local = true;
        return 0;
    }
    out->is_broadcast = interface_is_broadcast(iface, to);
    if (is_multicast)
        multicast_mac(to, out->mac);
    else if (out->is_broadcast)
        memset(out->mac, 0xff, 6);
    else {
        const struct ip_address *hop = ip_is_any(&entry->gateway) ? to : &entry->gateway;
        out->neighbour = neighbour_get(iface, hop, true);
        if (!out->neighbour)
            return -ENOMEM;
    }
    return 0;
}

void route_put(struct route *route)
{
    neighbour_put(route->neighbour);
    route->neighbour = NULL;
    route->iface = NULL;
}
