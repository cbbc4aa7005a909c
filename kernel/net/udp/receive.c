/* Packets in: which sockets take them, their queues, and ICMP errors about what was sent. */
#include <arch/cpu.h>
#include <file/poll.h>
#include <mm/alloc.h>
#include "private.h"

/* Packets of at most SMALL bytes in larger buffers are copied: a queue of them must not hold the device's memory. */
enum { SMALL = 512, TARGETS_MAX = 16 };

struct udp_meta udp_make_meta(const struct net_interface *iface, const struct ip_info *info, uint16_t from_port)
{
    uint64_t now = clock_monotonic_ns() + (uint64_t)clock_realtime_offset_ns();
    return (struct udp_meta){.from = info->from,
                             .to = info->to,
                             .from_port = from_port,
                             .ttl = info->ttl,
                             .traffic_class = info->traffic_class,
                             .iface_index = iface->index & 0xff,
                             .time_ns = now};
}

static struct packet *copy_of(const struct packet *packet)
{
    uint32_t len = packet_total_len(packet);
    struct packet *copy = packet_alloc(len, ALLOC_ATOMIC);
    if (!copy)
        return NULL;
    packet_copy_out(packet, 0, copy->data, len);
    copy->len = len;
    copy->offload = packet->offload & PACKET_CHECKSUM_VALID;
    return copy;
}

static uint32_t cost_of(const struct packet *packet)
{
    uint32_t cost = 0;
    for (; packet; packet = packet->next)
        cost += packet->capacity + (uint32_t)sizeof *packet;
    return cost;
}

void udp_enqueue(struct udp_socket *socket, struct packet *packet, const struct udp_meta *meta)
{
    struct udp_counters *counters = &table_of(socket->stack)->counters;
    if (packet_total_len(packet) <= SMALL && cost_of(packet) > 4 * SMALL) {
        struct packet *small = copy_of(packet);
        packet_free(packet);
        if (!small)
            return;
        packet = small;
    }
    memcpy(packet->private_data, meta, sizeof *meta);
    uint32_t cost = cost_of(packet);
    bool is_queued = false;
    spin_lock(&socket->lock);
    /* As on Linux: one packet always fits an empty queue. */
    if (!(load_relaxed(&socket->shutdown) & UDP_SHUTDOWN_READ) &&
        (!socket->queued_count ||
         socket->queued_bytes + cost <= (uint32_t)setting_of(socket, UDP_SET_RECEIVE_BUFFER))) {
        list_add_last(&socket->queue, &packet->link);
        store_relaxed(&socket->queued_bytes, socket->queued_bytes + cost);
        store_release(&socket->queued_count, socket->queued_count + 1);
        is_queued = true;
    } else
        store_relaxed(&socket->drops, socket->drops + 1);
    spin_unlock(&socket->lock);
    if (is_queued) {
        add_relaxed(&counters->received, 1u);
        wake_up_all(&socket->wait, POLL_IN | POLL_RDNORM);
        return;
    }
    add_relaxed(&counters->buffer_full, 1u);
    packet_free(packet);
}

int udp_take(struct udp_socket *socket, bool peek, struct packet **out)
{
    int err = udp_take_error(socket);
    if (err)
        return -err;
    struct packet *packet = NULL;
    spin_lock(&socket->lock);
    if (!list_is_empty(&socket->queue)) {
        packet = list_first(&socket->queue, struct packet, link);
        if (peek)
            refcount_get(&packet->refs);
        else {
            list_remove(&packet->link);
            store_relaxed(&socket->queued_bytes, socket->queued_bytes - cost_of(packet));
            store_relaxed(&socket->queued_count, socket->queued_count - 1);
        }
    }
    spin_unlock(&socket->lock);
    if (!packet)
        return -EAGAIN;
    *out = packet;
    return 0;
}

uint32_t udp_next_len(struct udp_socket *socket)
{
    spin_lock(&socket->lock);
    uint32_t len =
        list_is_empty(&socket->queue) ? 0 : packet_total_len(list_first(&socket->queue, struct packet, link));
    spin_unlock(&socket->lock);
    return len;
}

bool udp_accepts_address(const struct udp_socket *socket, const struct ip_address *to)
{
    bool is_v4 = ip_is_v4(to);
    if (is_v4 && socket->is_v6 && setting_of(socket, UDP_SET_V6_ONLY))
        return false;
    if (!is_v4 && !socket->is_v6)
        return false;
    if (!ip_is_any(&socket->local.address))
        return ip_equal(&socket->local.address, to);
    return socket->is_v6 || is_v4;
}

/* How well the socket fits the packet; -1: not at all. Addresses are stable: the bucket's lock is held. */
static int score(struct udp_socket *socket, const struct net_interface *iface, const struct ip_info *info,
                 const struct udp_info *udp)
{
    int points = 0;
    if (socket->local.port != udp->to_port || !udp_accepts_address(socket, &info->to))
        return -1;
    if (!ip_is_any(&socket->local.address))
        points += 4;
    if (!socket->is_v6 == info->is_v4)
        points += 1;
    if (socket->is_connected) {
        if (socket->peer.port != udp->from_port || !ip_equal(&socket->peer.address, &info->from))
            return -1;
        points += 8;
    }
    unsigned bound = (unsigned)setting_of(socket, UDP_SET_INTERFACE);
    if (bound && bound != iface->index)
        return -1;
    return points + (bound ? 4 : 0);
}

static uint64_t flow_hash(struct net_stack *stack, const struct ip_info *info, const struct udp_info *udp)
{
    uint64_t words[3] = {info->from.halves[0], info->from.halves[1], (uint64_t)udp->from_port << 16 | udp->to_port};
    return net_siphash(stack->secret, words, 3);
}

/* The best socket, referenced; among equal ones of a SO_REUSEPORT group the flow's hash decides. */
static struct udp_socket *find_one(struct net_stack *stack, struct net_interface *iface, const struct ip_info *info,
                                   const struct udp_info *udp)
{
    struct udp_bucket *bucket = bucket_of(stack, udp->to_port);
    struct udp_socket *socket, *best = NULL;
    int best_points = -1;
    unsigned equal = 0;
    uint64_t hash = 0;
    spin_lock(&bucket->lock);
    list_for_each(socket, &bucket->sockets, link)
    {
        int points = score(socket, iface, info, udp);
        if (points < 0 || points < best_points)
            continue;
        if (points > best_points) {
            best_points = points;
            best = socket;
            equal = 1;
        } else if (setting_of(socket, UDP_SET_REUSE_PORT)) {
            hash = hash ? hash : flow_hash(stack, info, udp);
            if (hash % ++equal == 0)
                best = socket;
        }
    }
    if (best)
        refcount_get(&best->refs);
    spin_unlock(&bucket->lock);
    return best;
}

static bool deliver_to_many(struct net_stack *stack, struct net_interface *iface, struct packet *packet,
                            const struct ip_info *info, const struct udp_info *udp, const struct udp_meta *meta)
{
    struct udp_bucket *bucket = bucket_of(stack, udp->to_port);
    struct udp_socket *socket, *targets[TARGETS_MAX];
    unsigned count = 0;
    spin_lock(&bucket->lock);
    list_for_each(socket, &bucket->sockets, link)
    {
        if (count == TARGETS_MAX || score(socket, iface, info, udp) < 0)
            continue;
        refcount_get(&socket->refs);
        targets[count++] = socket;
    }
    spin_unlock(&bucket->lock);
    bool is_multicast = ip_is_multicast(&info->to);
    enum udp_setting all = info->is_v4 ? UDP_SET_MULTICAST_ALL4 : UDP_SET_MULTICAST_ALL6;
    for (unsigned i = 0; i < count; i++) {
        bool takes = !is_multicast || setting_of(targets[i], all) || udp_is_member(targets[i], &info->to, iface->index);
        struct packet *copy = takes ? copy_of(packet) : NULL;
        if (copy)
            udp_enqueue(targets[i], copy, meta);
        udp_put(targets[i]);
    }
    packet_free(packet);
    return count != 0;
}

bool udp_deliver(struct net_stack *stack, struct net_interface *iface, struct packet *packet,
                 const struct ip_info *info, const struct udp_info *udp)
{
    struct udp_meta meta = udp_make_meta(iface, info, udp->from_port);
    if (info->is_broadcast || ip_is_multicast(&info->to)) {
        packet_pull(packet, UDP_HEADER);
        return deliver_to_many(stack, iface, packet, info, udp, &meta);
    }
    struct udp_socket *socket = find_one(stack, iface, info, udp);
    if (!socket) {
        icmp_send_unreachable(stack, packet, info, UNREACHABLE_PORT);
        packet_free(packet);
        return false;
    }
    packet_pull(packet, UDP_HEADER);
    udp_enqueue(socket, packet, &meta);
    udp_put(socket);
    return true;
}

/* Takes the packet when it is DHCP's: its server may send to an address that is not ours yet. */
static bool receive_dhcp(struct net_interface *iface, struct packet **packet, const struct ip_info *info,
                         const struct udp_info *udp)
{
    if (!load_acquire(&iface->dhcp) || !info->is_v4 || udp->to_port != 68 || udp->from_port != 67)
        return false;
    *packet = packet_make_contiguous(*packet, packet_total_len(*packet));
    if (*packet)
        dhcp_receive(iface, (*packet)->data + UDP_HEADER, (*packet)->len - UDP_HEADER);
    packet_free(*packet);
    return true;
}

void udp_receive(struct net_stack *stack, struct net_interface *iface, struct packet *packet, struct ip_info *info)
{
    struct udp_counters *counters = &table_of(stack)->counters;
    struct udp_info udp;
    uint32_t total = packet_total_len(packet);
    packet = packet_make_contiguous(packet, total < UDP_HEADER ? total : UDP_HEADER);
    if (!packet)
        return;
    if (!wire_parse_udp(packet->data, total, &udp))
        goto bad;
    packet_trim(packet, udp.len);
    struct ip_info trimmed = *info;
    trimmed.payload_len = udp.len;
    if (udp.checksum || !info->is_v4) {
        if (!udp.checksum || !transport_checksum_is_good(packet, &trimmed, PROTOCOL_UDP))
            goto bad;
    }
    if (receive_dhcp(iface, &packet, &trimmed, &udp))
        return;
    bool is_ours = info->is_broadcast || ip_is_multicast(&info->to) || stack_is_local(stack, &info->to);
    if (!is_ours || !udp.to_port) {
        packet_free(packet);
        return;
    }
    if (!udp_deliver(stack, iface, packet, &trimmed, &udp))
        add_relaxed(&counters->no_port, 1u);
    return;

bad:
    add_relaxed(&counters->bad, 1u);
    packet_free(packet);
}

static bool is_hard(int err)
{
    return err == ECONNREFUSED || err == ENOPROTOOPT || err == EHOSTDOWN || err == ENONET || err == EACCES;
}

/* Only connected sockets hear of errors, and of soft ones (a route that flaps) only when they ask (IP_RECVERR). */
void udp_error(struct net_stack *stack, const struct ip_info *original, const uint8_t *bytes, size_t len, int err,
               uint32_t mtu)
{
    uint16_t local_port = load_be16(bytes), peer_port = load_be16(bytes + 2);
    struct udp_bucket *bucket = bucket_of(stack, local_port);
    struct udp_socket *socket, *found = NULL;
    spin_lock(&bucket->lock);
    list_for_each(socket, &bucket->sockets, link)
    {
        if (socket->local.port != local_port || !udp_accepts_address(socket, &original->from))
            continue;
        bool is_peer =
            socket->is_connected && socket->peer.port == peer_port && ip_equal(&socket->peer.address, &original->to);
        bool wants_all = setting_of(socket, UDP_SET_RECEIVE_ERRORS);
        if ((is_peer && (wants_all || is_hard(err))) || (wants_all && !socket->is_connected)) {
            found = socket;
            break;
        }
    }
    if (found)
        refcount_get(&found->refs);
    spin_unlock(&bucket->lock);
    if (!found)
        return;
    store_relaxed(&found->error, err);
    wake_up_all(&found->wait, POLL_ERR);
    udp_put(found);
}
