/* Stacks, interfaces and their addresses. */
#include <arch/cpu.h>
#include <common/checked.h>
#include <device/entropy.h>
#include <iface/iface.h>
#include <mm/alloc.h>

static void run_loopback(struct work *work)
{
    struct net_cpu *cpu = container_of(work, struct net_cpu, loopback_work);
    struct net_stack *stack = cpu->stack;
    stack_batch_begin(stack);
    /* Only what is queued now: answers to it are the next round's, so that a chatting pair cannot hold the CPU. */
    struct list batch;
    list_init(&batch);
    list_splice_last(&batch, &cpu->loopback);
    while (!list_is_empty(&batch)) {
        struct packet *packet = list_first(&batch, struct packet, link);
        list_remove(&packet->link);
        ip_receive(stack->interfaces[0], packet);
    }
    stack_batch_end(stack);
    if (!list_is_empty(&cpu->loopback))
        work_raise(work);
}

static struct net_interface *interface_create(struct net_stack *stack, const char *name)
{
    if (stack->interface_count == INTERFACE_MAX)
        return NULL;
    struct net_interface *iface = kzalloc(sizeof *iface, ALLOC_WAIT);
    if (!iface)
        return NULL;
    iface->stack = stack;
    iface->index = stack->interface_count + 1;
    snprintf(iface->name, sizeof iface->name, "%s", name);
    spin_init(&iface->backlog_lock);
    list_init(&iface->backlog);
    store_release(&stack->interfaces[stack->interface_count], iface);
    stack->interface_count++;
    return iface;
}

struct net_stack *stack_core_create(void)
{
    struct net_stack *stack = kzalloc(sizeof *stack, ALLOC_WAIT);
    if (!stack)
        return NULL;
    stack->cpus = kzalloc(CPU_MAX * sizeof *stack->cpus, ALLOC_WAIT);
    stack->fragments = fragment_table_create(stack);
    struct net_interface *loopback = interface_create(stack, "lo");
    if (!stack->cpus || !stack->fragments || !loopback)
        goto fail;
    random_bytes(stack->secret, sizeof stack->secret);
    spin_init(&stack->config_lock);
    wait_queue_init(&stack->configured);
    for (unsigned i = 0; i < CPU_MAX; i++) {
        list_init(&stack->cpus[i].loopback);
        stack->cpus[i].loopback_work = (struct work)WORK_INIT(run_loopback);
        stack->cpus[i].stack = stack;
    }
    for (unsigned i = 0; i < NEIGHBOUR_BUCKETS; i++)
        list_init(&stack->neighbours[i].entries);
    loopback->mtu = 65535;
    loopback->can_checksum = loopback->can_segment_v4 = loopback->can_segment_v6 = true;
    struct ip_address v4 = ip_from_v4(0x7f000001), v6 = {.halves = {0, __builtin_bswap64(1)}};
    if (interface_add_address(loopback, &v4, 96 + 8) || interface_add_address(loopback, &v6, 128))
        goto fail;
    icmp_register(stack);
    multicast_register(stack);
    return stack;

fail:
    stack_core_destroy(stack);
    return NULL;
}

void stack_core_destroy(struct net_stack *stack)
{
    for (unsigned i = 0; i < stack->interface_count; i++) {
        struct net_interface *iface = stack->interfaces[i];
        dhcp_stop(iface);
        if (iface->device) {
            timer_cancel_wait(&iface->router_timer);
            timer_cancel_wait(&iface->report_timer);
            iface->device->client = NULL;
        }
        while (!list_is_empty(&iface->backlog)) {
            struct packet *packet = list_first(&iface->backlog, struct packet, link);
            list_remove(&packet->link);
            packet_free(packet);
        }
    }
    if (stack->cpus && stack->cpus[0].stack) {
        neighbour_flush(stack);
        for (unsigned i = 0; i < CPU_MAX; i++)
            while (!list_is_empty(&stack->cpus[i].loopback)) {
                struct packet *packet = list_first(&stack->cpus[i].loopback, struct packet, link);
                list_remove(&packet->link);
                packet_free(packet);
            }
    }
    fragment_table_destroy(stack->fragments);
    for (unsigned i = 0; i < stack->interface_count; i++)
        kfree(stack->interfaces[i]);
    while (stack->routes) {
        struct route_table *older = stack->routes->older;
        kfree(stack->routes);
        stack->routes = older;
    }
    kfree(stack->cpus);
    kfree(stack);
}

struct net_interface *interface_add_device(struct net_stack *stack, struct netdev *device)
{
    struct net_interface *iface = interface_create(stack, device->name);
    if (!iface)
        return NULL;
    iface->device = device;
    memcpy(iface->mac, device->address, 6);
    iface->mtu = device->mtu >= 576 ? device->mtu : 1500;
    iface->can_checksum = device->can_checksum;
    iface->can_segment_v4 = device->can_checksum && device->can_segment_tcp4;
    iface->can_segment_v6 = device->can_checksum && device->can_segment_tcp6;
    device->client_data = iface;
    store_release(&device->client, &interface_client);
    multicast_start(iface);
    nd_start(iface);
    return iface;
}

struct net_interface *interface_by_index(struct net_stack *stack, unsigned index)
{
    return index >= 1 && index <= INTERFACE_MAX ? load_acquire(&stack->interfaces[index - 1]) : NULL;
}

struct net_interface *interface_by_name(struct net_stack *stack, const char *name)
{
    for (unsigned i = 0; i < INTERFACE_MAX; i++) {
        struct net_interface *iface = load_acquire(&stack->interfaces[i]);
        if (iface && !strcmp(iface->name, name))
            return iface;
    }
    return NULL;
}

static struct interface_address *find_address(struct net_interface *iface, const struct ip_address *address)
{
    for (unsigned i = 0, n = load_relaxed(&iface->address_limit); i < n; i++)
        if (load_acquire(&iface->addresses[i].is_valid) && ip_equal(&iface->addresses[i].address, address))
            return &iface->addresses[i];
    return NULL;
}

int interface_add_address(struct net_interface *iface, const struct ip_address *address, unsigned prefix)
{
    struct net_stack *stack = iface->stack;
    spin_lock(&stack->config_lock);
    int err = -ENOSPC;
    if (find_address(iface, address))
        err = -EEXIST;
    for (unsigned i = 0; i < INTERFACE_ADDRESSES && err == -ENOSPC; i++) {
        if (iface->addresses[i].is_valid)
            continue;
        iface->addresses[i].address = *address;
        iface->addresses[i].prefix = (uint8_t)prefix;
        iface->addresses[i].valid_until_ns = 0;
        iface->addresses[i].is_automatic = false;
        store_relaxed(&iface->address_limit, MAX(iface->address_limit, i + 1));
        store_release(&iface->addresses[i].is_valid, 1u);
        err = 0;
    }
    spin_unlock(&stack->config_lock);
    if (err)
        return err;
    struct route_entry connected = {.network = *address, .prefix = (uint8_t)prefix, .iface = iface};
    err = route_add(stack, &connected);
    wake_up_all(&stack->configured, 0);
    return err;
}

void interface_remove_address(struct net_interface *iface, const struct ip_address *address)
{
    struct net_stack *stack = iface->stack;
    spin_lock(&stack->config_lock);
    struct interface_address *entry = find_address(iface, address);
    unsigned prefix = entry ? entry->prefix : 0;
    if (entry)
        store_release(&entry->is_valid, 0u);
    spin_unlock(&stack->config_lock);
    if (!entry)
        return;
    struct route_entry connected = {.network = *address, .prefix = (uint8_t)prefix, .iface = iface};
    route_remove(stack, &connected);
}

bool interface_address(struct net_interface *iface, bool is_v4, struct interface_address *out)
{
    for (unsigned i = 0; i < INTERFACE_ADDRESSES; i++)
        if (load_acquire(&iface->addresses[i].is_valid) && ip_is_v4(&iface->addresses[i].address) == is_v4) {
            *out = iface->addresses[i];
            return true;
        }
    return false;
}

bool stack_is_local(struct net_stack *stack, const struct ip_address *address)
{
    if (ip_is_loopback(address))
        return true;
    for (unsigned i = 1; i < INTERFACE_MAX; i++) {
        struct net_interface *iface = load_acquire(&stack->interfaces[i]);
        if (!iface)
            break;
        if (find_address(iface, address))
            return true;
    }
    return false;
}

bool interface_is_broadcast(struct net_interface *iface, const struct ip_address *address)
{
    if (!ip_is_v4(address))
        return false;
    if (address->words[3] == 0xffffffff)
        return true;
    for (unsigned i = 0, n = load_relaxed(&iface->address_limit); i < n; i++) {
        struct interface_address *own = &iface->addresses[i];
        if (!load_acquire(&own->is_valid) || !ip_is_v4(&own->address) || own->prefix >= 127)
            continue;
        uint32_t host_bits = (uint32_t)(0xffffffffu >> (own->prefix - 96));
        if (ip_to_v4(address) == (ip_to_v4(&own->address) | host_bits))
            return true;
    }
    return false;
}

void stack_add_resolver(struct net_stack *stack, const struct ip_address *address)
{
    spin_lock(&stack->config_lock);
    bool is_known = false;
    for (unsigned i = 0; i < stack->resolver_count; i++)
        is_known |= ip_equal(&stack->resolvers[i], address);
    if (!is_known && stack->resolver_count < RESOLVER_MAX)
        stack->resolvers[stack->resolver_count++] = *address;
    spin_unlock(&stack->config_lock);
}

void stack_batch_begin(struct net_stack *stack)
{
    stack_cpu(stack)->is_batching = true;
}

void stack_batch_end(struct net_stack *stack)
{
    unsigned index = cpu_index();
    struct net_cpu *cpu = &stack->cpus[index];
    const struct protocol *tcp = stack->protocols[PROTOCOL_TCP];
    if (tcp && tcp->batch_done)
        tcp->batch_done(stack, index);
    cpu->is_batching = false;
    uint32_t flush = cpu->flush_interfaces;
    cpu->flush_interfaces = 0;
    for (unsigned i = 1; flush >> i; i++)
        if (flush & 1u << i) {
            struct netdev *device = stack->interfaces[i]->device;
            device->ops->transmit_flush(device, index % device->queue_count);
        }
}

#define ROTATE(v, n) ((v) << (n) | (v) >> (64 - (n)))
#define SIP_ROUND                                                                                                      \
    do {                                                                                                               \
        a += b; b = ROTATE(b, 13); b ^= a; a = ROTATE(a, 32);                                                          \
        c += d; d = ROTATE(d, 16); d ^= c;                                                                             \
        a += d; d = ROTATE(d, 21); d ^= a;                                                                             \
        c += b; b = ROTATE(b, 17); b ^= c; c = ROTATE(c, 32);                                                          \
    } while (0)

static inline uint64_t siphash(const uint64_t key[2], const uint64_t *words, unsigned n, unsigned rounds, unsigned last_rounds)
{
    uint64_t a = key[0] ^ 0x736f6d6570736575u, b = key[1] ^ 0x646f72616e646f6du;
    uint64_t c = key[0] ^ 0x6c7967656e657261u, d = key[1] ^ 0x7465646279746573u;
    for (unsigned i = 0; i <= n; i++) {
        uint64_t word = i < n ? words[i] : (uint64_t)(n * 8) << 56;
        d ^= word;
#pragma GCC unroll 2
        for (unsigned round = 0; round < rounds; round++)
            SIP_ROUND;
        a ^= word;
    }
    c ^= 0xff;
#pragma GCC unroll 4
    for (unsigned round = 0; round < last_rounds; round++)
        SIP_ROUND;
    return a ^ b ^ c ^ d;
}

uint64_t net_siphash(const uint64_t key[2], const uint64_t *words, unsigned n)
{
    return siphash(key, words, n, 2, 4);
}

uint64_t net_table_hash(const uint64_t key[2], const uint64_t *words, unsigned n)
{
    return siphash(key, words, n, 1, 3);
}
