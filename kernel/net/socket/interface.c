/* What ioctls, netlink and /proc tell of an interface. */
#include "private.h"

enum {
    IFF_UP = 1,
    IFF_BROADCAST = 2,
    IFF_LOOPBACK = 8,
    IFF_RUNNING = 0x40,
    IFF_MULTICAST = 0x1000,
    IFF_LOWER_UP = 0x10000
};

uint32_t interface_flags(const struct net_interface *iface)
{
    if (!iface->device)
        return IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP;
    uint32_t flags = IFF_UP | IFF_BROADCAST | IFF_MULTICAST;
    return iface->device->is_up ? flags | IFF_RUNNING | IFF_LOWER_UP : flags;
}

struct ip_address interface_broadcast(const struct interface_address *address)
{
    uint32_t host_bits = address->prefix >= 127 ? 0 : 0xffffffffu >> (address->prefix - 96);
    return ip_from_v4(ip_to_v4(&address->address) | host_bits);
}

struct ip_address route_network(const struct route_entry *entry)
{
    struct ip_address network = entry->network;
    for (unsigned bit = entry->prefix; bit < 128; bit++)
        network.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
    return network;
}
