/* What the files of socket share: struct socket and the table of each transport. */
#pragma once
#include <common/checked.h>
#include <file/poll.h>
#include <iface/iface.h>
#include <socket/net.h>
#include <socket/socket.h>
#include <tcp/tcp.h>
#include <udp/udp.h>
#include <unix/unix.h>

enum { LEVEL_IP = 0, LEVEL_SOCKET = 1, LEVEL_TCP = 6, LEVEL_UDP = 17, LEVEL_IPV6 = 41, LEVEL_ICMPV6 = 58, LEVEL_RAW = 255,
       LEVEL_NETLINK = 270 };
/* SOL_SOCKET */
enum {
    OPTION_DEBUG = 1, OPTION_REUSE_ADDRESS, OPTION_TYPE, OPTION_ERROR, OPTION_DONT_ROUTE, OPTION_BROADCAST, OPTION_SEND_BUFFER,
    OPTION_RECEIVE_BUFFER, OPTION_KEEPALIVE, OPTION_OOB_INLINE, OPTION_NO_CHECK, OPTION_PRIORITY, OPTION_LINGER,
    OPTION_BSD_COMPAT, OPTION_REUSE_PORT, OPTION_PASS_CREDENTIALS, OPTION_PEER_CREDENTIALS, OPTION_RECEIVE_LOW_WATER,
    OPTION_SEND_LOW_WATER, OPTION_RECEIVE_TIMEOUT, OPTION_SEND_TIMEOUT, OPTION_BIND_TO_DEVICE = 25, OPTION_ATTACH_FILTER,
    OPTION_DETACH_FILTER, OPTION_PEER_NAME, OPTION_TIMESTAMP, OPTION_ACCEPTS, OPTION_PEER_SECURITY,
    OPTION_SEND_BUFFER_FORCE, OPTION_RECEIVE_BUFFER_FORCE, OPTION_PASS_SECURITY, OPTION_TIMESTAMP_NS, OPTION_MARK,
    OPTION_TIMESTAMPING, OPTION_PROTOCOL, OPTION_DOMAIN, OPTION_QUEUE_OVERFLOW, OPTION_PEEK_OFFSET = 42, OPTION_LOCK_FILTER = 44,
    OPTION_SELECT_ERROR_QUEUE, OPTION_BUSY_POLL, OPTION_MAX_PACING_RATE, OPTION_BPF_EXTENSIONS, OPTION_INCOMING_CPU,
    OPTION_MEMORY_INFO = 55, OPTION_INCOMING_NAPI_ID, OPTION_COOKIE, OPTION_PEER_GROUPS = 59, OPTION_ZERO_COPY,
    OPTION_BIND_TO_INDEX = 62, OPTION_TIMESTAMP_NEW, OPTION_TIMESTAMP_NS_NEW, OPTION_TIMESTAMPING_NEW,
    OPTION_RECEIVE_TIMEOUT_NEW, OPTION_SEND_TIMEOUT_NEW, OPTION_PREFER_BUSY_POLL = 69, OPTION_BUSY_POLL_BUDGET,
    OPTION_NETNS_COOKIE, OPTION_COUNT = 76,
};
enum { IP_OPTION_COUNT = 64, IPV6_OPTION_COUNT = 80 };
#define CONFIGURATION_WAIT_NS (15 * NS_PER_SECOND)

struct socket;
struct inet_address {
    struct ip_address address;
    uint16_t port;
    uint32_t scope;
};
/* Operations try once and return -EAGAIN where they would wait; socket.c waits for POLL bits on queue(). NULL:
 * -EOPNOTSUPP. */
struct socket_ops {
    int (*bind)(struct socket *socket, const struct socket_address *address, const void *caller);
    int (*listen)(struct socket *socket, int backlog);
    int (*connect)(struct socket *socket, const struct socket_address *address, const void *caller, uint64_t deadline_ns);
    int (*accept)(struct socket *socket, struct socket *child); /* fills the child's transport */
    int (*get_name)(struct socket *socket, bool is_peer, struct socket_address *out);
    ssize_t (*send)(struct socket *socket, struct socket_message *message);
    ssize_t (*receive)(struct socket *socket, struct socket_message *message);
    int (*shutdown)(struct socket *socket, unsigned how); /* 1 read, 2 write */
    uint32_t (*poll)(struct socket *socket);
    struct wait_queue *(*queue)(struct socket *socket);
    int (*take_error)(struct socket *socket);
    /* SOL_SOCKET values that the transport acts on; -ENOPROTOOPT: it does not know the name, which is then only kept. */
    int (*set)(struct socket *socket, int name, int value);
    int (*get)(struct socket *socket, int name, int *value);
    /* Other levels. */
    int (*set_option)(struct socket *socket, int level, int name, const void *value, unsigned len);
    int (*get_option)(struct socket *socket, int level, int name, void *value, unsigned *len);
    uint32_t (*readable_bytes)(struct socket *socket);
    uint32_t (*unsent_bytes)(struct socket *socket);
    void (*release)(struct socket *socket);
};
struct netlink_socket;
struct socket {
    const struct socket_ops *ops; /* this and the next lines: fixed at creation */
    struct net *net;
    int family, type, protocol;
    uint64_t inode;
    union {
        struct tcp_connection *tcp;
        struct udp_socket *udp;
        struct unix_socket *local;
        struct netlink_socket *netlink;
    };
    struct file *file; /* the one that owns it; for its O_NONBLOCK */
    uint64_t receive_timeout_ns, send_timeout_ns; /* 0: none; these and the next are read and written relaxed */
    int options[OPTION_COUNT], ip_options[IP_OPTION_COUNT], ipv6_options[IPV6_OPTION_COUNT];
    int linger_s; /* -1: off */
};
struct net {
    struct net_stack *stack;
    struct unix_domain *local;
    uint64_t next_inode;     /* atomic */
    uint32_t next_port_id;   /* atomic: netlink */
    uint32_t socket_count;   /* atomic */
};
static inline bool socket_is_v6(const struct socket *socket)
{
    return socket->family == SOCKET_AF_INET6;
}
static inline bool socket_option_is_set(const struct socket *socket, int name)
{
    return load_relaxed(&socket->options[name]);
}

extern const struct socket_ops stream_ops, datagram_ops, local_ops, netlink_ops;
int stream_create(struct socket *socket);
int datagram_create(struct socket *socket, bool is_privileged);
int local_create(struct socket *socket);
int local_create_pair(struct socket *a, struct socket *b);
int netlink_create(struct socket *socket);

/* socket.c */
uint64_t socket_deadline(uint64_t timeout_ns, bool dont_wait); /* 0: do not wait; UINT64_MAX: for ever */
/* Waits until one of the bits holds. 0; -EAGAIN at the deadline; -ERESTARTSYS or -EINTR. */
int socket_wait(struct socket *socket, uint32_t bits, uint64_t deadline_ns);
/* Until there is a route to the address, while configuration is under way; bounded. 0 or -ENETUNREACH or interrupted. */
int socket_wait_for_route(struct socket *socket, const struct ip_address *to);
extern const struct file_ops socket_file_ops;

/* address.c */
enum address_use { ADDRESS_TO_BIND, ADDRESS_TO_REACH };
int inet_address_parse(const struct socket *socket, const struct socket_address *from, enum address_use use, struct inet_address *out);
void inet_address_build(const struct socket *socket, const struct inet_address *from, struct socket_address *out);
int local_address_parse(const struct socket_address *from, struct unix_name *out);
void local_address_build(const struct unix_name *from, struct socket_address *out);

/* inet_options.c: SOL_IP and SOL_IPV6 of both transports; setting through apply(). */
int inet_set_option(struct socket *socket, int level, int name, const void *value, unsigned len);
int inet_get_option(struct socket *socket, int level, int name, void *value, unsigned *len);
enum { IP_TOS = 1, IP_TTL = 2, IP_PKTINFO = 8, IP_MTU_DISCOVER = 10, IP_RECVERR = 11, IP_RECVTTL = 12, IP_RECVTOS = 13,
       IPV6_PKTINFO = 50, IPV6_RECVPKTINFO = 49, IPV6_RECVHOPLIMIT = 51, IPV6_HOPLIMIT = 52, IPV6_RECVTCLASS = 66,
       IPV6_TCLASS = 67 };

/* control.c */
struct control { /* what the control messages of one send say */
    struct unix_ancillary ancillary;
    bool has_local;  /* credentials or descriptors */
    struct ip_address source;
    unsigned iface_index;
    int ttl, traffic_class; /* -1: not said */
};
/* Parses message->control: -EINVAL, -EBADF, -ENOMEM, -EPERM. Put with control_destroy. */
int control_parse(struct socket *socket, const struct socket_message *message, struct control *out);
void control_destroy(struct control *control);
/* Appends one control message; sets MESSAGE_CONTROL_TRUNCATED when there is no room. */
void control_put(struct socket_message *message, int level, int type, const void *data, size_t len);
void control_put_rights(struct socket_message *message, struct unix_ancillary *ancillary);
void control_put_time(const struct socket *socket, struct socket_message *message, uint64_t realtime_ns);

/* options.c, ioctl.c */
long socket_ioctl(struct socket *socket, unsigned command, struct user *argument);

/* interface.c: what ioctls, netlink and /proc tell of an interface */
uint32_t interface_flags(const struct net_interface *iface);
struct ip_address interface_broadcast(const struct interface_address *address);
struct ip_address route_network(const struct route_entry *entry); /* without the host's bits */
