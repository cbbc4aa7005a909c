/* The multicast groups a socket joined; the interface counts them for all sockets. */
#include "private.h"

static int find_interface(struct udp_socket *socket, const struct ip_address *group, unsigned *iface_index)
{
    struct route route;
    struct ip_address any = ip_is_v4(group) ? ip_from_v4(0) : (struct ip_address){.halves = {0, 0}};
    if (*iface_index)
        return interface_by_index(socket->stack, *iface_index) ? 0 : -ENODEV;
    int err = route_find(socket->stack, group, &any, 0, &route);
    if (err)
        return -ENODEV;
    *iface_index = route.iface->index;
    route_put(&route);
    return 0;
}

static struct udp_membership *find_locked(struct udp_socket *socket, const struct ip_address *group,
                                          unsigned iface_index)
{
    for (unsigned i = 0; i < UDP_MEMBERSHIPS; i++) {
        struct udp_membership *entry = &socket->memberships[i];
        if (entry->iface_index == iface_index && (!iface_index || ip_equal(&entry->group, group)))
            return entry;
    }
    return NULL;
}

bool udp_is_member(struct udp_socket *socket, const struct ip_address *group, unsigned iface_index)
{
    spin_lock(&socket->lock);
    bool is_member = find_locked(socket, group, iface_index);
    spin_unlock(&socket->lock);
    return is_member;
}

int udp_join(struct udp_socket *socket, const struct ip_address *group, unsigned iface_index)
{
    if (!ip_is_multicast(group))
        return -EINVAL;
    int err = find_interface(socket, group, &iface_index);
    if (err)
        return err;
    spin_lock(&socket->lock);
    struct udp_membership *entry = find_locked(socket, group, 0);
    if (find_locked(socket, group, iface_index))
        err = -EADDRINUSE;
    else if (!entry)
        err = -ENOBUFS;
    else
        *entry = (struct udp_membership){*group, iface_index};
    spin_unlock(&socket->lock);
    if (err)
        return err;
    err = multicast_join(interface_by_index(socket->stack, iface_index), group);
    if (err) {
        spin_lock(&socket->lock);
        entry->iface_index = 0;
        spin_unlock(&socket->lock);
    }
    return err;
}

int udp_leave(struct udp_socket *socket, const struct ip_address *group, unsigned iface_index)
{
    struct udp_membership *entry = NULL;
    spin_lock(&socket->lock);
    for (unsigned i = 0; i < UDP_MEMBERSHIPS && !entry; i++) {
        struct udp_membership *candidate = &socket->memberships[i];
        if (candidate->iface_index && (!iface_index || candidate->iface_index == iface_index) &&
            ip_equal(&candidate->group, group))
            entry = candidate;
    }
    if (entry) {
        iface_index = entry->iface_index;
        entry->iface_index = 0;
    }
    spin_unlock(&socket->lock);
    return entry ? multicast_leave(interface_by_index(socket->stack, iface_index), group) : -EADDRNOTAVAIL;
}

void udp_leave_all(struct udp_socket *socket)
{
    for (unsigned i = 0; i < UDP_MEMBERSHIPS; i++) {
        struct udp_membership entry = socket->memberships[i];
        if (entry.iface_index)
            udp_leave(socket, &entry.group, entry.iface_index);
    }
}
