/* Local addresses and ports: who may have which, ports picked for who names none, and the peer of a connected socket.
 */
#include <device/entropy.h>
#include "private.h"

/* Could one packet be for both addresses? An IPv6 wildcard that is not v6-only takes IPv4 too. */
static bool addresses_overlap(const struct udp_socket *a, const struct ip_address *a_address,
                              const struct udp_socket *b)
{
    bool a_any = ip_is_any(a_address), b_any = ip_is_any(&b->local.address);
    bool a_v4 = !a->is_v6 || ip_is_v4(a_address), b_v4 = !b->is_v6 || ip_is_v4(&b->local.address);
    bool a_dual = a_any && !a_v4 && !setting_of(a, UDP_SET_V6_ONLY);
    bool b_dual = b_any && !b_v4 && !setting_of(b, UDP_SET_V6_ONLY);
    if (a_v4 != b_v4 && !(a_v4 ? b_dual : a_dual))
        return false;
    return a_any || b_any || ip_equal(a_address, &b->local.address);
}

static bool may_share(const struct udp_socket *a, const struct udp_socket *b)
{
    return (setting_of(a, UDP_SET_REUSE_ADDRESS) && setting_of(b, UDP_SET_REUSE_ADDRESS)) ||
           (setting_of(a, UDP_SET_REUSE_PORT) && setting_of(b, UDP_SET_REUSE_PORT));
}

static struct udp_bucket *bucket_for(struct udp_socket *socket, uint16_t port)
{
    return socket->kind == UDP_KIND_UDP ? bucket_of(socket->stack, port) : &table_of(socket->stack)->raw;
}

/* 0, -EADDRINUSE, or -EINVAL when another thread bound the socket meanwhile. */
static int take_port(struct udp_socket *socket, const struct udp_address *local)
{
    struct udp_bucket *bucket = bucket_for(socket, local->port);
    struct udp_socket *other;
    int err = 0;
    spin_lock(&bucket->lock);
    list_for_each(other, &bucket->sockets, link) if (other->kind == socket->kind && other->local.port == local->port &&
                                                     !may_share(socket, other) &&
                                                     addresses_overlap(socket, &local->address, other)) err =
        -EADDRINUSE;
    spin_lock(&socket->lock);
    if (socket->local.port || socket->is_hashed)
        err = -EINVAL;
    if (!err) {
        socket->local = *local;
        list_add_first(&bucket->sockets, &socket->link);
        socket->is_hashed = true;
    }
    spin_unlock(&socket->lock);
    spin_unlock(&bucket->lock);
    return err;
}

static int pick_port(struct udp_socket *socket, struct udp_address *local)
{
    unsigned range = PORT_LAST - PORT_FIRST + 1, start = (unsigned)(random_u64() % range);
    for (unsigned i = 0; i < range; i++) {
        local->port = (uint16_t)(PORT_FIRST + (start + i) % range);
        int err = take_port(socket, local);
        if (err != -EADDRINUSE)
            return err;
    }
    return -EADDRINUSE;
}

static bool may_bind_to(struct net_stack *stack, const struct ip_address *address)
{
    if (ip_is_any(address) || ip_is_multicast(address) || stack_is_local(stack, address))
        return true;
    for (unsigned i = 1; i <= INTERFACE_MAX; i++) {
        struct net_interface *iface = interface_by_index(stack, i);
        if (iface && interface_is_broadcast(iface, address))
            return true;
    }
    return false;
}

int udp_bind(struct udp_socket *socket, const struct udp_address *local)
{
    struct udp_address wanted = *local;
    if (!may_bind_to(socket->stack, &wanted.address))
        return -EADDRNOTAVAIL;
    if (socket->kind == UDP_KIND_RAW) {
        spin_lock(&socket->lock);
        socket->local = wanted;
        socket->local.port = 0;
        spin_unlock(&socket->lock);
        return 0;
    }
    if (load_relaxed(&socket->local.port))
        return -EINVAL;
    int err = wanted.port ? take_port(socket, &wanted) : pick_port(socket, &wanted);
    if (!err)
        socket->is_explicit = true;
    return err;
}

int udp_bind_ephemeral(struct udp_socket *socket)
{
    if (socket->kind == UDP_KIND_RAW || load_relaxed(&socket->local.port))
        return 0;
    struct udp_address local = {.address = socket->local.address};
    int err = pick_port(socket, &local);
    return err == -EINVAL ? 0 : err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
}

void udp_unhash(struct udp_socket *socket)
{
    struct udp_bucket *bucket = bucket_for(socket, load_relaxed(&socket->local.port));
    spin_lock(&bucket->lock);
    list_remove(&socket->link);
    socket->is_hashed = false;
    spin_unlock(&bucket->lock);
}

static int disconnect(struct udp_socket *socket)
{
    if (!socket->is_explicit && socket->kind != UDP_KIND_RAW) {
        udp_unhash(socket);
        spin_lock(&socket->lock);
        socket->local.port = 0;
        spin_unlock(&socket->lock);
    }
    spin_lock(&socket->lock);
    if (socket->is_connected && !socket->is_explicit)
        socket->local.address = socket->is_v6 ? (struct ip_address){.halves = {0, 0}} : ip_from_v4(0);
    socket->is_connected = false;
    socket->peer = (struct udp_address){.address = socket->local.address};
    spin_unlock(&socket->lock);
    return 0;
}

int udp_connect(struct udp_socket *socket, const struct udp_address *peer)
{
    if (!peer)
        return disconnect(socket);
    struct udp_address to = *peer;
    if (ip_is_any(&to.address)) /* Linux: this host */
        to.address =
            ip_is_v4(&to.address) ? ip_from_v4(0x7f000001) : (struct ip_address){.halves = {0, __builtin_bswap64(1)}};
    struct ip_address from = socket->local.address;
    if (ip_is_v4(&from) != ip_is_v4(&to.address) && !ip_is_any(&from))
        return -ENETUNREACH;
    struct route route;
    unsigned iface_index = to.scope ? to.scope : (unsigned)setting_of(socket, UDP_SET_INTERFACE);
    int err = route_find(socket->stack, &to.address, &from, iface_index, &route);
    if (err)
        return err;
    if (route.is_broadcast && !setting_of(socket, UDP_SET_BROADCAST))
        err = -EACCES;
    else
        err = udp_bind_ephemeral(socket);
    if (!err) {
        spin_lock(&socket->lock);
        socket->peer = to;
        socket->is_connected = true;
        if (ip_is_any(&socket->local.address) && !ip_is_any(&route.source))
            socket->local.address = route.source;
        spin_unlock(&socket->lock);
    }
    route_put(&route);
    return err;
}
