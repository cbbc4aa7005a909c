/* What udp's files share. Lock order: bucket->lock, then socket->lock. */
#pragma once
#include <udp/udp.h>

enum { UDP_BUCKETS = 256, UDP_MEMBERSHIPS = 32, PORT_FIRST = 32768, PORT_LAST = 60999 };

struct udp_membership {
    struct ip_address group;
    uint32_t iface_index; /* 0: unused */
};
struct udp_socket {
    struct net_stack *stack;
    struct refcount refs;
    struct list link;         /* bucket's lock; of the bucket of local.port, or of bucket 0's raw list */
    enum udp_kind kind;       /* this and is_v6: fixed */
    bool is_v6, is_hashed;    /* is_hashed: bucket's lock */
    bool is_explicit;         /* bound by the program, not by sending */
    uint32_t shutdown;        /* written under lock, read relaxed */
    struct spinlock lock;     /* guards all below; addresses change under the bucket's lock too */
    struct udp_address local, peer;
    bool is_connected;
    struct list queue;
    uint32_t queued_bytes;    /* with overhead; also read relaxed */
    uint32_t queued_count;    /* read relaxed by poll */
    uint32_t drops;
    int error;                /* read relaxed by poll */
    struct udp_membership memberships[UDP_MEMBERSHIPS];
    int settings[UDP_SETTING_COUNT]; /* relaxed */
    struct wait_queue wait;
};
struct udp_bucket {
    struct spinlock lock;
    struct list sockets GUARDED_BY(&lock);
} __attribute__((aligned(64)));
struct udp_table {
    struct udp_bucket buckets[UDP_BUCKETS];
    struct udp_bucket raw; /* raw and ping sockets */
    struct udp_counters counters;
};

static inline struct udp_table *table_of(const struct net_stack *stack)
{
    return stack->udp;
}
static inline struct udp_bucket *bucket_of(const struct net_stack *stack, uint16_t port)
{
    return &table_of(stack)->buckets[port % UDP_BUCKETS];
}
static inline int setting_of(const struct udp_socket *socket, enum udp_setting setting)
{
    return load_relaxed(&socket->settings[setting]);
}
void udp_put(struct udp_socket *socket);
/* receive.c: queues the packet (taken) at its payload; drops it when the buffer is full. */
void udp_enqueue(struct udp_socket *socket, struct packet *packet, const struct udp_meta *meta);
/* Does the socket take packets of this family at this address? */
bool udp_accepts_address(const struct udp_socket *socket, const struct ip_address *to);
/* Delivers a packet at its UDP header (taken) to whoever listens; true: somebody did. */
bool udp_deliver(struct net_stack *stack, struct net_interface *iface, struct packet *packet, const struct ip_info *info,
                 const struct udp_info *udp);
struct udp_meta udp_make_meta(const struct net_interface *iface, const struct ip_info *info, uint16_t from_port);
void udp_receive(struct net_stack *stack, struct net_interface *iface, struct packet *packet, struct ip_info *info);
void udp_error(struct net_stack *stack, const struct ip_info *original, const uint8_t *bytes, size_t len, int err, uint32_t mtu);
/* raw.c */
void udp_raw_receive(struct net_stack *stack, struct packet *packet, const struct ip_info *info);
int udp_raw_prepare(struct udp_socket *socket, struct packet *packet, const struct ip_info *info);
/* bind.c */
int udp_bind_ephemeral(struct udp_socket *socket);
void udp_unhash(struct udp_socket *socket);
/* membership.c */
bool udp_is_member(struct udp_socket *socket, const struct ip_address *group, unsigned iface_index);
void udp_leave_all(struct udp_socket *socket);
