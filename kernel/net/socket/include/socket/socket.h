/*
 * Sockets as programs know them: families, addresses, options, blocking; over TCP, UDP, ICMP, unix and netlink. What
 * kernel/linux/socket.c calls: addresses, options and control messages come in and go out as the ABI's bytes, in kernel
 * memory; data as io_vectors. All of it may sleep; thread context. 0, a count, or -errno; interrupted waits give
 * -ERESTARTSYS (-EINTR with a timeout set).
 */
#pragma once
#include <file/descriptors.h>
#include <file/file.h>
#include <file/io.h>

enum {
    SOCKET_AF_UNSPEC = 0, SOCKET_AF_UNIX = 1, SOCKET_AF_INET = 2, SOCKET_AF_INET6 = 10, SOCKET_AF_NETLINK = 16,
    SOCKET_STREAM = 1, SOCKET_DATAGRAM = 2, SOCKET_RAW = 3, SOCKET_SEQUENCED = 5,
    MESSAGE_OOB = 1, MESSAGE_PEEK = 2, MESSAGE_DONT_ROUTE = 4, MESSAGE_CONTROL_TRUNCATED = 8, MESSAGE_TRUNCATED = 0x20,
    MESSAGE_DONT_WAIT = 0x40, MESSAGE_END_OF_RECORD = 0x80, MESSAGE_WAIT_ALL = 0x100, MESSAGE_ERROR_QUEUE = 0x2000,
    MESSAGE_NO_SIGNAL = 0x4000, MESSAGE_MORE = 0x8000, MESSAGE_WAIT_FOR_ONE = 0x10000, MESSAGE_CLOSE_ON_EXEC = 0x40000000,
    SOCKET_ADDRESS_MAX = 128, SOCKET_CONTROL_MAX = 20480, SOCKET_OPTION_MAX = 1024,
};

struct socket;
struct net; /* socket/net.h */

struct socket_address { /* struct sockaddr, len bytes of it; len 0: none */
    unsigned len;
    union {
        uint16_t family;
        uint8_t bytes[SOCKET_ADDRESS_MAX];
    } __attribute__((aligned(8)));
};
struct socket_message {
    struct io_vector *data;
    unsigned flags;                   /* MESSAGE_ (MSG_) */
    const void *caller;               /* struct vfs_caller, for unix names; NULL: the kernel */
    struct descriptor_table *descriptors; /* where SCM_RIGHTS come from and go to; NULL: -EINVAL / dropped */
    bool is_privileged;               /* may send any SCM_CREDENTIALS */
    /* sending */
    const struct socket_address *to;  /* NULL: the peer */
    const uint8_t *control;
    size_t control_len;
    /* receiving */
    struct socket_address *from;      /* out; may be NULL */
    uint8_t *control_out;             /* out: control_used bytes of at most control_room */
    size_t control_room, control_used;
    unsigned flags_out;
};

/* file_flags: O_NONBLOCK or 0. is_privileged: may make raw sockets. */
int socket_create(struct net *net, int family, int type, int protocol, unsigned file_flags, bool is_privileged, struct file **out);
int socket_create_pair(struct net *net, int family, int type, int protocol, unsigned file_flags, struct file *out[2]);
struct socket *socket_of_file(const struct file *file); /* NULL: not a socket */

/* mode: of a unix socket's node before the umask. */
int socket_bind(struct socket *socket, const struct socket_address *address, const void *caller);
int socket_listen(struct socket *socket, int backlog);
int socket_connect(struct socket *socket, const struct socket_address *address, const void *caller);
int socket_accept(struct socket *socket, unsigned file_flags, struct file **out, struct socket_address *peer); /* peer may be NULL */
int socket_get_name(struct socket *socket, bool is_peer, struct socket_address *out);
ssize_t socket_send(struct socket *socket, struct socket_message *message);
ssize_t socket_receive(struct socket *socket, struct socket_message *message);
int socket_shutdown(struct socket *socket, int how); /* SHUT_RD 0, SHUT_WR 1, SHUT_RDWR 2 */
int socket_set_option(struct socket *socket, int level, int name, const void *value, unsigned len);
/* *len: in: room (at most SOCKET_OPTION_MAX), out: used. */
int socket_get_option(struct socket *socket, int level, int name, void *value, unsigned *len);
bool socket_sends_sigpipe(const struct socket *socket); /* for EPIPE: stream sockets do */
