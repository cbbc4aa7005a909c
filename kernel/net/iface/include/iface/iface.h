/*
 * A network stack up to IP: interfaces, addresses, routes, neighbours, IP in and out, ICMP. All state hangs on
 * struct net_stack; several may live in one process. Transports register with stack_set_protocol.
 *
 * Contexts: input runs in work context; output in work or thread context under the caller's socket lock. Nothing here
 * calls back into a transport while it sends: loopback is queued to work of the same CPU.
 * Lock order: (socket locks) -> neighbour -> interface backlog. stack->config_lock is taken only to change configuration;
 * readers use published data (load_acquire) that is freed with the stack.
 */
#pragma once
#include <device/netdev.h>
#include <sched/wait.h>
#include <sched/work.h>
#include <wire/wire.h>

enum { INTERFACE_MAX = 8, INTERFACE_ADDRESSES = 8, ROUTE_MAX = 32, NEIGHBOUR_BUCKETS = 64, NEIGHBOUR_MAX = 512,
       MEMBERSHIP_MAX = 32, RESOLVER_MAX = 3 };

struct net_stack;
struct net_interface;

struct interface_address {
    struct ip_address address;
    uint8_t prefix; /* of 128 */
    uint32_t is_valid; /* published last (release) */
    uint64_t valid_until_ns; /* 0: for ever */
    bool is_automatic;       /* by SLAAC */
};
struct membership {
    struct ip_address group;
    uint32_t users;
};
struct net_interface {
    struct net_stack *stack;
    struct netdev *device; /* NULL: loopback */
    unsigned index;        /* ifindex, from 1; 1 is loopback */
    char name[16];
    uint8_t mac[6];
    uint32_t mtu;
    bool can_checksum, can_segment_v4, can_segment_v6;
    struct interface_address addresses[INTERFACE_ADDRESSES];
    uint32_t address_limit; /* none from here on was ever valid; written under config_lock, read relaxed */
    struct membership memberships[MEMBERSHIP_MAX] GUARDED_BY(&stack->config_lock);
    struct spinlock backlog_lock;
    struct list backlog GUARDED_BY(&backlog_lock); /* the device's ring was full */
    uint32_t backlog_count;
    struct dhcp_client *dhcp;
    struct timer router_timer; /* router solicitations */
    unsigned router_solicitations;
    struct ip_address router6; /* the default router in use; any: none */
    uint64_t router_until_ns;
    struct timer report_timer; /* multicast reports: answers to queries, repetition of our own */
    bool has_old_querier4, has_old_querier6; /* an IGMPv2 or MLDv1 querier was heard: answered in its version */
    uint64_t loopback_packets, loopback_bytes;
};

struct route_entry {
    struct ip_address network, gateway; /* gateway any: on link */
    uint8_t prefix;
    uint32_t metric;
    struct net_interface *iface;
};
struct route_table {
    struct route_table *older; /* freed with the stack */
    unsigned count;
    struct route_entry entries[];
};

enum neighbour_state { NEIGHBOUR_INCOMPLETE, NEIGHBOUR_REACHABLE, NEIGHBOUR_FAILED };
struct neighbour {
    struct list link; /* bucket's lock */
    struct refcount refs;
    struct net_interface *iface;
    struct ip_address address;
    struct spinlock lock;
    uint32_t state;              /* written under lock, read with acquire: REACHABLE publishes mac */
    uint8_t mac[6];
    uint64_t confirmed_ns, used_ns;
    unsigned probes;
    struct timer timer;
    struct list queue GUARDED_BY(&lock); /* packets that wait for the address */
    unsigned queued;
};
struct neighbour_bucket {
    struct spinlock lock;
    struct list entries GUARDED_BY(&lock);
} __attribute__((aligned(64)));

struct protocol {
    /* Takes the packet; data at the transport header, trimmed to the IP payload. */
    void (*receive)(struct net_stack *stack, struct net_interface *iface, struct packet *packet, struct ip_info *info);
    /* An ICMP error about a packet of ours; `bytes`: its transport header as far as quoted (at least 8). mtu: of
     * fragmentation needed, else 0. */
    void (*error)(struct net_stack *stack, const struct ip_info *original, const uint8_t *bytes, size_t len, int err,
                  uint32_t mtu);
    /* After a batch of received packets on this CPU; may be NULL. */
    void (*batch_done)(struct net_stack *stack, unsigned cpu);
};

struct net_cpu { /* owner CPU only */
    struct list loopback;
    struct work loopback_work;
    struct net_stack *stack;
    bool is_batching;
    uint32_t flush_interfaces; /* bit index: transmitted with `more` in this batch */
    uint16_t ip_id;
    void *tcp; /* list of connections that owe an ACK at the end of the batch */
} __attribute__((aligned(64)));

struct net_stack {
    struct net_interface *interfaces[INTERFACE_MAX]; /* published with release */
    unsigned interface_count;
    struct spinlock config_lock;
    struct route_table *routes;  /* published with release */
    uint32_t generation;         /* grows with every change of addresses and routes */
    struct neighbour_bucket neighbours[NEIGHBOUR_BUCKETS];
    uint32_t neighbour_count;
    const struct protocol *protocols[256];
    /* Sees every ICMP packet before the stack (raw and ping sockets); does not take it. */
    void (*raw_receive)(struct net_stack *stack, struct packet *packet, const struct ip_info *info);
    struct net_cpu *cpus;
    struct fragment_table *fragments;
    uint64_t secret[2];          /* keys the hashes; random */
    void *tcp, *udp, *inet;
    struct wait_queue configured; /* woken when an interface gets its address */
    uint32_t wants_address;       /* interfaces whose configuration is under way */
    struct ip_address resolvers[RESOLVER_MAX] GUARDED_BY(&config_lock);
    unsigned resolver_count;
    char hostname[64], domain[128];
    struct {
        uint64_t received, delivered, sent, bad_header, no_route, reassembled, fragments_failed;
    } ip_counters; /* relaxed */
};

/* stack.c */
struct net_stack *stack_core_create(void);
void stack_core_destroy(struct net_stack *stack); /* no traffic, no sockets any more */
static inline void stack_set_protocol(struct net_stack *stack, uint8_t number, const struct protocol *protocol)
{
    stack->protocols[number] = protocol;
}
struct net_interface *interface_add_device(struct net_stack *stack, struct netdev *device); /* NULL: no memory, too many */
struct net_interface *interface_by_index(struct net_stack *stack, unsigned index);
struct net_interface *interface_by_name(struct net_stack *stack, const char *name);
int interface_add_address(struct net_interface *iface, const struct ip_address *address, unsigned prefix);
void interface_remove_address(struct net_interface *iface, const struct ip_address *address);
/* First valid address of the family; false when there is none. */
bool interface_address(struct net_interface *iface, bool is_v4, struct interface_address *out);
bool stack_is_local(struct net_stack *stack, const struct ip_address *address);
/* The broadcast address of one of the interface's networks, or 255.255.255.255. */
bool interface_is_broadcast(struct net_interface *iface, const struct ip_address *address);
void stack_add_resolver(struct net_stack *stack, const struct ip_address *address);
static inline struct net_cpu *stack_cpu(struct net_stack *stack);
/* Bracket work that sends many packets: the device is told once. */
void stack_batch_begin(struct net_stack *stack);
void stack_batch_end(struct net_stack *stack);

/* route.c */
struct route {
    struct net_interface *iface;
    struct neighbour *neighbour; /* referenced; NULL: loopback, broadcast, multicast */
    struct ip_address source;
    uint32_t generation;
    uint32_t mtu;
    bool is_local, is_broadcast;
    uint8_t mac[6]; /* when neighbour is NULL */
};
/* from: any, or the source to use; iface_index 0: any. 0, -ENETUNREACH, -ENOMEM. Put with route_put. */
int route_find(struct net_stack *stack, const struct ip_address *to, const struct ip_address *from, unsigned iface_index,
               struct route *out);
void route_put(struct route *route);
static inline bool route_is_current(const struct net_stack *stack, const struct route *route)
{
    return route->iface && route->generation == load_acquire(&stack->generation);
}
int route_add(struct net_stack *stack, const struct route_entry *entry);
void route_remove(struct net_stack *stack, const struct route_entry *entry);
void route_remove_interface(struct net_interface *iface, bool is_v4, bool only_gateways);

/* neighbour.c */
struct neighbour *neighbour_get(struct net_interface *iface, const struct ip_address *address, bool create);
void neighbour_put(struct neighbour *neighbour);
/* Takes the packet (IP header first). */
int neighbour_send(struct neighbour *neighbour, struct packet *packet);
/* What the wire said: solicited answers and overheard requests. */
void neighbour_update(struct net_interface *iface, const struct ip_address *address, const uint8_t mac[6], bool create);
static inline void neighbour_confirm(struct neighbour *neighbour, uint64_t now_ns)
{
    if (neighbour)
        store_relaxed(&neighbour->confirmed_ns, now_ns);
}
void neighbour_flush(struct net_stack *stack);

/* arp.c, nd.c */
void arp_receive(struct net_interface *iface, struct packet *packet);
void arp_request(struct net_interface *iface, uint32_t target, const uint8_t *unicast_to);
void arp_announce(struct net_interface *iface, uint32_t address);
void nd_receive(struct net_interface *iface, struct packet *packet, const struct ip_info *info);
void nd_solicit(struct net_interface *iface, const struct ip_address *target, const uint8_t *unicast_to);
void nd_start(struct net_interface *iface); /* link-local address, router solicitation */

/* transmit.c: takes the packet (Ethernet header first; IP header first on loopback). */
int interface_transmit(struct net_interface *iface, struct packet *packet);
int interface_send_ethernet(struct net_interface *iface, struct packet *packet, const uint8_t mac[6], uint16_t type);
extern const struct netdev_client interface_client;

/* ip.c */
/* Takes the packet (transport header first, PACKET_HEADROOM before it). info: from, to, protocol, ttl, traffic_class,
 * dont_fragment; the rest is filled in. -EMSGSIZE when it must not be fragmented and is too long. */
int ip_send(struct net_stack *stack, const struct route *route, struct packet *packet, struct ip_info *info);
void ip_receive(struct net_interface *iface, struct packet *packet);
/* Makes the first n bytes contiguous in the first buffer: the packet (maybe another), NULL (freed) when it cannot. */
struct packet *packet_make_contiguous(struct packet *packet, uint32_t n);
/* Cuts the packet to len bytes in all. */
void packet_trim(struct packet *packet, uint32_t len);
uint64_t packet_checksum_add(uint64_t sum, const struct packet *packet, uint32_t skip);
/* Copies n bytes from offset; the packet has them. */
void packet_copy_out(const struct packet *packet, uint32_t offset, void *to, uint32_t n);
bool transport_checksum_is_good(const struct packet *packet, const struct ip_info *info, uint8_t protocol);
/* Stores the transport checksum at offset, or asks the device to. */
void transport_checksum_set(struct net_interface *iface, struct packet *packet, const struct ip_info *info, unsigned offset);

/* fragment.c */
struct packet *fragment_receive(struct net_stack *stack, struct packet *packet, struct ip_info *info);
int fragment_send(struct net_stack *stack, const struct route *route, struct packet *packet, struct ip_info *info);
struct fragment_table *fragment_table_create(struct net_stack *stack);
void fragment_table_destroy(struct fragment_table *table);

/* icmp.c */
enum unreachable { UNREACHABLE_PORT, UNREACHABLE_PROTOCOL };
void icmp_receive(struct net_stack *stack, struct net_interface *iface, struct packet *packet, struct ip_info *info);
void icmp_register(struct net_stack *stack);
void icmp_send_unreachable(struct net_stack *stack, const struct packet *packet, const struct ip_info *info,
                           enum unreachable why);

/* Hands the news about a packet that was sent (its first bytes, IP header first) to the transport that sent it. No locks. */
void icmp_report_error(struct net_stack *stack, const uint8_t *sent, uint32_t len, int err, uint32_t mtu);

/* multicast.c */
int multicast_join(struct net_interface *iface, const struct ip_address *group);
int multicast_leave(struct net_interface *iface, const struct ip_address *group);
bool multicast_is_member(struct net_interface *iface, const struct ip_address *group);
void multicast_report_all(struct net_interface *iface);
void multicast_register(struct net_stack *stack);
void multicast_start(struct net_interface *iface); /* once, when the interface is made */
/* An MLD query (ICMPv6 type 130) at its ICMP header. */
void mld_receive(struct net_interface *iface, const struct packet *packet, const struct ip_info *info);

/* dhcp.c */
int dhcp_start(struct net_interface *iface);
void dhcp_stop(struct net_interface *iface);
/* An UDP packet to port 68, at the UDP payload; true: it was for the client (not freed here). */
bool dhcp_receive(struct net_interface *iface, const uint8_t *bytes, size_t len);

/* Keyed hashes of words: SipHash-2-4 for what a peer sees (sequence numbers, cookies), SipHash-1-3 for tables, where
 * it only has to keep peers from aiming at a bucket. */
uint64_t net_siphash(const uint64_t key[2], const uint64_t *words, unsigned n);
uint64_t net_table_hash(const uint64_t key[2], const uint64_t *words, unsigned n);

#include <arch/cpu_inline.h>
static inline struct net_cpu *stack_cpu(struct net_stack *stack)
{
    return &stack->cpus[cpu_index()];
}
