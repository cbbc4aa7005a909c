/*
 * UDP, and the small rest of what programs send as single packets: raw and "ping" ICMP sockets. All state hangs on
 * stack->udp. The socket layer owns waiting: nothing here waits for packets; udp_wait_queue is woken with the POLL bits
 * that became true. udp_send may sleep (program memory, allocation); calls on one socket may run at once on many threads;
 * udp_close must be the last. 0, a count, or -errno.
 */
#pragma once
#include <file/io.h>
#include <iface/iface.h>

struct udp_socket;
enum udp_kind { UDP_KIND_UDP, UDP_KIND_RAW, UDP_KIND_PING }; /* the last two: ICMP, or ICMPv6 when is_v6 */

struct udp_address {
    struct ip_address address; /* IPv4 as v4-mapped */
    uint16_t port;             /* host order; ping: the identifier */
    uint32_t scope;            /* interface index of a link-local address, else 0 */
};

int udp_init(struct net_stack *stack); /* -ENOMEM */
void udp_destroy(struct net_stack *stack); /* no sockets and no traffic any more */

int udp_create(struct net_stack *stack, enum udp_kind kind, bool is_v6, struct udp_socket **out);
void udp_close(struct udp_socket *socket);
/* Port 0 picks one. -EADDRINUSE, -EADDRNOTAVAIL, -EINVAL (already bound). */
int udp_bind(struct udp_socket *socket, const struct udp_address *local);
/* Fixes the peer: only its packets are received, its ICMP errors are reported. NULL: any again. -ENETUNREACH. */
int udp_connect(struct udp_socket *socket, const struct udp_address *peer);

/* What goes with one packet. On sending 0 / -1: the socket's own setting. */
struct udp_send_options {
    const struct udp_address *to;  /* NULL: the peer (-EDESTADDRREQ) */
    struct ip_address source;      /* any: by route or binding */
    uint32_t iface_index;
    int ttl, traffic_class;
    bool is_probe; /* MSG_CONFIRM and the like: ignored */
};
/* Sends all of `from` as one packet. -EMSGSIZE, -ENETUNREACH, -EACCES (broadcast), -EFAULT, pending errors. */
ssize_t udp_send(struct udp_socket *socket, struct io_vector *from, const struct udp_send_options *options);

struct udp_meta { /* of a received packet; lies in packet->private_data */
    struct ip_address from, to;
    uint16_t from_port;
    uint8_t ttl, traffic_class;
    uint32_t iface_index : 8, is_local_copy : 1;
    uint64_t time_ns; /* CLOCK_REALTIME */
};
static_assert(sizeof(struct udp_meta) <= sizeof((struct packet *)0)->private_data, "fits");
static inline const struct udp_meta *udp_meta_of(const struct packet *packet)
{
    return (const struct udp_meta *)packet->private_data;
}
/* The oldest packet, at its payload, the caller's to packet_free; peek: it also stays queued (the bytes must not be
 * changed). -EAGAIN, or a pending error, which is taken. */
int udp_take(struct udp_socket *socket, bool peek, struct packet **out);

enum udp_shutdown_how { UDP_SHUTDOWN_READ = 1, UDP_SHUTDOWN_WRITE = 2 };
int udp_shutdown(struct udp_socket *socket, unsigned how); /* -ENOTCONN */
uint32_t udp_poll(const struct udp_socket *socket);
struct wait_queue *udp_wait_queue(struct udp_socket *socket);
int udp_take_error(struct udp_socket *socket); /* positive or 0 */
void udp_get_local(struct udp_socket *socket, struct udp_address *out);
int udp_get_peer(struct udp_socket *socket, struct udp_address *out); /* -ENOTCONN */
uint32_t udp_next_len(struct udp_socket *socket); /* FIONREAD: of the oldest packet */

enum udp_setting {
    UDP_SET_REUSE_ADDRESS, UDP_SET_REUSE_PORT, UDP_SET_BROADCAST, UDP_SET_SEND_BUFFER, UDP_SET_RECEIVE_BUFFER, /* set doubles */
    UDP_SET_V6_ONLY, UDP_SET_INTERFACE, UDP_SET_TTL, UDP_SET_HOP_LIMIT, /* -1: the default */
    UDP_SET_TOS, UDP_SET_TRAFFIC_CLASS, UDP_SET_MULTICAST_TTL, UDP_SET_MULTICAST_HOPS, UDP_SET_MULTICAST_LOOP4, UDP_SET_MULTICAST_LOOP6,
    UDP_SET_MULTICAST_INTERFACE4, UDP_SET_MULTICAST_INTERFACE6, UDP_SET_MULTICAST_ALL4, UDP_SET_MULTICAST_ALL6,
    UDP_SET_MTU_DISCOVER, UDP_SET_MTU_DISCOVER6, UDP_SET_RECEIVE_ERRORS, UDP_SET_ICMP_FILTER, UDP_SETTING_COUNT,
};
int udp_set(struct udp_socket *socket, enum udp_setting setting, int value);
int udp_get(const struct udp_socket *socket, enum udp_setting setting);

/* iface_index 0: the one that the route to the group chooses. -ENODEV, -EADDRINUSE, -EADDRNOTAVAIL, -ENOBUFS. */
int udp_join(struct udp_socket *socket, const struct ip_address *group, unsigned iface_index);
int udp_leave(struct udp_socket *socket, const struct ip_address *group, unsigned iface_index);

struct udp_summary {
    struct udp_address local, peer;
    enum udp_kind kind;
    bool is_v6, is_connected;
    uint32_t queued, drops;
};
/* /proc/net/udp and so on: visit runs under a spinlock. */
void udp_for_each(struct net_stack *stack, void (*visit)(const struct udp_summary *summary, void *argument), void *argument);
struct udp_counters { /* relaxed */
    uint64_t received, sent, no_port, bad, buffer_full;
};
const struct udp_counters *udp_get_counters(const struct net_stack *stack);
