/* ioctls of sockets: queue lengths, and the SIOCGIF family on struct ifreq (16 bytes of name, 24 of value). */
#include <base/string.h>
#include <mm/alloc.h>
#include "private.h"

enum {
    FIONREAD = 0x541b,
    SIOCOUTQ = 0x5411,
    SIOCOUTQNSD = 0x894b,
    SIOCATMARK = 0x8905,
    SIOCSPGRP = 0x8902,
    SIOCGPGRP = 0x8904,
    FIOASYNC = 0x5452,
    SIOCGIFNAME = 0x8910,
    SIOCGIFCONF = 0x8912,
    SIOCGIFFLAGS = 0x8913,
    SIOCGIFADDR = 0x8915,
    SIOCGIFDSTADDR = 0x8917,
    SIOCGIFBRDADDR = 0x8919,
    SIOCGIFNETMASK = 0x891b,
    SIOCGIFMETRIC = 0x891d,
    SIOCGIFMTU = 0x8921,
    SIOCGIFHWADDR = 0x8927,
    SIOCGIFINDEX = 0x8933,
    SIOCGIFTXQLEN = 0x8942,
    SIOCGIFMAP = 0x8970,
    IFREQ_LEN = 40,
    IFREQ_NAME = 16,
    ARPHRD_ETHERNET = 1,
    ARPHRD_LOOPBACK = 772,
    TRANSMIT_QUEUE_LEN = 1000,
};
struct interface_request { /* struct ifreq */
    char name[IFREQ_NAME];
    uint8_t value[IFREQ_LEN - IFREQ_NAME];
};
static_assert(sizeof(struct interface_request) == IFREQ_LEN, "struct ifreq");

static void put_in_address(uint8_t *to, const struct ip_address *address)
{
    memset(to, 0, 16);
    store_le16(to, SOCKET_AF_INET);
    memcpy(to + 4, address->bytes + 12, 4);
}

static int answer_address(struct net_interface *iface, unsigned command, uint8_t *value)
{
    struct interface_address own;
    if (!interface_address(iface, true, &own))
        return -EADDRNOTAVAIL;
    struct ip_address answer = own.address;
    if (command == SIOCGIFNETMASK) {
        unsigned bits = own.prefix - 96u;
        answer = ip_from_v4(bits ? 0xffffffffu << (32 - bits) : 0);
    } else if (command == SIOCGIFBRDADDR)
        answer = iface->device ? interface_broadcast(&own) : ip_from_v4(0);
    put_in_address(value, &answer);
    return 0;
}

static int answer_interface(struct net_interface *iface, unsigned command, uint8_t *value)
{
    switch (command) {
    case SIOCGIFFLAGS:
        store_le16(value, (uint16_t)interface_flags(iface));
        return 0;
    case SIOCGIFADDR:
    case SIOCGIFDSTADDR:
    case SIOCGIFBRDADDR:
    case SIOCGIFNETMASK:
        return answer_address(iface, command, value);
    case SIOCGIFMETRIC:
        store_le32(value, 0);
        return 0;
    case SIOCGIFMTU:
        store_le32(value, iface->index == 1 ? 65536 : load_relaxed(&iface->mtu));
        return 0;
    case SIOCGIFHWADDR:
        memset(value, 0, 16);
        store_le16(value, iface->device ? ARPHRD_ETHERNET : ARPHRD_LOOPBACK);
        memcpy(value + 2, iface->mac, sizeof iface->mac);
        return 0;
    case SIOCGIFINDEX:
        store_le32(value, iface->index);
        return 0;
    case SIOCGIFTXQLEN:
        store_le32(value, TRANSMIT_QUEUE_LEN);
        return 0;
    case SIOCGIFMAP:
        memset(value, 0, IFREQ_LEN - IFREQ_NAME);
        return 0;
    default:
        return -ENOTTY;
    }
}

static long interface_ioctl(struct socket *socket, unsigned command, struct user *argument)
{
    struct interface_request request;
    struct net_interface *iface;
    int err = copy_struct_from_user(&request, argument);
    if (err)
        return err;
    request.name[IFREQ_NAME - 1] = 0;
    if (command == SIOCGIFNAME) {
        iface = interface_by_index(socket->net->stack, load_le32(request.value));
        if (!iface)
            return -ENODEV;
        memcpy(request.name, iface->name, sizeof request.name);
    } else {
        iface = interface_by_name(socket->net->stack, request.name);
        err = iface ? answer_interface(iface, command, request.value) : -ENODEV;
        if (err)
            return err;
    }
    return copy_struct_to_user(argument, &request);
}

/* struct ifconf {int len; padding; struct ifreq *}: one entry for each IPv4 address; without a buffer only the length.
 */
static long list_interfaces(struct socket *socket, struct user *argument)
{
    struct {
        int32_t len, padding;
        uint64_t buffer;
    } request;
    int err = copy_struct_from_user(&request, argument);
    if (err)
        return err;
    int32_t used = 0;
    for (unsigned i = 1; i <= INTERFACE_MAX; i++) {
        struct net_interface *iface = interface_by_index(socket->net->stack, i);
        for (unsigned k = 0; iface && k < INTERFACE_ADDRESSES; k++) {
            const struct interface_address *own = &iface->addresses[k];
            if (!load_acquire(&own->is_valid) || !ip_is_v4(&own->address))
                continue;
            if (request.buffer && request.len - used < IFREQ_LEN)
                break;
            struct interface_request entry = {{0}, {0}};
            memcpy(entry.name, iface->name, sizeof entry.name);
            put_in_address(entry.value, &own->address);
            if (request.buffer)
                err = copy_struct_to_user(user_pointer(request.buffer + (uint32_t)used), &entry);
            if (err)
                return err;
            used += IFREQ_LEN;
        }
    }
    request.len = used;
    return copy_struct_to_user(argument, &request);
}

static long give_int(struct user *argument, int value)
{
    return copy_struct_to_user(argument, &value);
}

long socket_ioctl(struct socket *socket, unsigned command, struct user *argument)
{
    int dummy;
    switch (command) {
    case FIONREAD:
        return socket->ops->readable_bytes ? give_int(argument, (int)socket->ops->readable_bytes(socket)) : -EOPNOTSUPP;
    case SIOCOUTQ:
        return socket->ops->unsent_bytes ? give_int(argument, (int)socket->ops->unsent_bytes(socket)) : -EOPNOTSUPP;
    case SIOCOUTQNSD:
        return socket->ops == &stream_ops ? give_int(argument, (int)tcp_unsent_bytes(socket->tcp)) : -ENOTTY;
    case SIOCATMARK: /* there is no urgent data */
        return socket->ops == &stream_ops ? give_int(argument, 0) : -ENOTTY;
    case FIOASYNC:
    case SIOCSPGRP:
        return copy_struct_from_user(&dummy, argument);
    case SIOCGPGRP:
        return give_int(argument, socket->file ? socket->file->owner_pid : 0);
    case SIOCGIFCONF:
        return list_interfaces(socket, argument);
    default:
        return command >= SIOCGIFNAME && command <= SIOCGIFMAP ? interface_ioctl(socket, command, argument) : -ENOTTY;
    }
}
