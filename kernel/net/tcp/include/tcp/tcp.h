/*
 * TCP. All state hangs on the stack (stack->tcp); several stacks may live in one process. The socket layer owns
 * waiting: every call here returns at once with what could be done or -EAGAIN, and tcp_wait_queue() is woken with the
 * POLL bits that became true. Only tcp_send, tcp_receive and tcp_close may sleep (program memory, their own locks,
 * SO_LINGER).
 *
 * A connection is made by tcp_create or tcp_accept and belongs to the caller until tcp_close, after which the pointer
 * must not be used. Calls on one connection may run at once on many threads; tcp_close must be the last. Return values:
 * 0 or a count, or -errno.
 */
#pragma once
#include <file/io.h>
#include <iface/iface.h>

struct tcp_connection;

/* Linux's numbers (tcp_info, /proc/net/tcp). */
enum tcp_state {
    TCP_ESTABLISHED = 1,
    TCP_SYN_SENT,
    TCP_SYN_RECEIVED,
    TCP_FIN_WAIT_1,
    TCP_FIN_WAIT_2,
    TCP_TIME_WAIT,
    TCP_CLOSED,
    TCP_CLOSE_WAIT,
    TCP_LAST_ACK,
    TCP_LISTEN,
    TCP_CLOSING
};

struct tcp_address {
    struct ip_address address; /* IPv4 as v4-mapped */
    uint16_t port;             /* host order */
    uint32_t scope;            /* interface index of a link-local address, else 0 */
};

/* Registers TCP with the stack; sizes follow the machine's memory. -ENOMEM. */
int tcp_init(struct net_stack *stack);
/* Resets and frees every connection that is left; no traffic and no callers any more. */
void tcp_destroy(struct net_stack *stack);

/* is_v6: an AF_INET6 socket (dual stack unless TCP_SET_V6_ONLY). -ENOMEM. */
int tcp_create(struct net_stack *stack, bool is_v6, struct tcp_connection **out);
/* Port 0 picks one. -EADDRINUSE, -EADDRNOTAVAIL, -EINVAL (already bound). The caller has checked the family: an AF_INET
 * socket gives v4-mapped addresses. */
int tcp_bind(struct tcp_connection *conn, const struct tcp_address *local);
/* Also changes the backlog of a listener. Binds to a free port when unbound. -EINVAL when connected. */
int tcp_listen(struct tcp_connection *conn, int backlog);
/* The oldest established connection: -EAGAIN when there is none, -EINVAL when not listening. Options are inherited. */
int tcp_accept(struct tcp_connection *listener, struct tcp_connection **out);
/* Starts to connect: -EINPROGRESS when the handshake has begun; then -EALREADY until it ends, after which one call
 * returns its result (0, or the error) and further ones -EISCONN. The socket layer waits for POLL_OUT and calls
 * tcp_connect_result. */
int tcp_connect(struct tcp_connection *conn, const struct tcp_address *peer);
/* -EINPROGRESS while the handshake runs; 0 connected; else why it failed (taken, as SO_ERROR is). */
int tcp_connect_result(struct tcp_connection *conn);
/* Undoes a connect for connect(AF_UNSPEC): aborts, the socket is as new (still bound). */
int tcp_disconnect(struct tcp_connection *conn);

/* Queues what there is room for and advances `from`. more: further data follows at once (MSG_MORE). Bytes queued (short
 * when the buffer filled up or memory faulted), -EAGAIN, -EPIPE, -EFAULT, -ENOTCONN, -ENOMEM or the connection's error.
 */
ssize_t tcp_send(struct tcp_connection *conn, struct io_vector *from, bool more);
enum tcp_receive_flags { TCP_RECEIVE_PEEK = 1, TCP_RECEIVE_DISCARD = 2 /* MSG_TRUNC: to is only counted */ };
/* Copies what is there; never waits. 0: end of the stream. -EAGAIN, -ENOTCONN, -EFAULT or the connection's error. */
ssize_t tcp_receive(struct tcp_connection *conn, struct io_vector *to, unsigned flags);
enum tcp_shutdown_how { TCP_SHUTDOWN_READ = 1, TCP_SHUTDOWN_WRITE = 2 };
int tcp_shutdown(struct tcp_connection *conn, unsigned how); /* -ENOTCONN */
/* Ends the owner's use. Sends FIN after what is queued (RST when data was left unread or SO_LINGER is 0) and sleeps
 * only for a positive SO_LINGER. */
void tcp_close(struct tcp_connection *conn);

/* POLL bits that hold now (no locks taken: may be called under the poller's). */
uint32_t tcp_poll(const struct tcp_connection *conn);
struct wait_queue *tcp_wait_queue(struct tcp_connection *conn);
int tcp_take_error(struct tcp_connection *conn); /* SO_ERROR: positive errno or 0; cleared */
enum tcp_state tcp_get_state(const struct tcp_connection *conn);
void tcp_get_local(const struct tcp_connection *conn, struct tcp_address *out);
int tcp_get_peer(const struct tcp_connection *conn, struct tcp_address *out); /* -ENOTCONN */
bool tcp_is_v6(const struct tcp_connection *conn);
uint32_t tcp_readable_bytes(const struct tcp_connection *conn); /* FIONREAD */
uint32_t tcp_unacked_bytes(const struct tcp_connection *conn);  /* SIOCOUTQ: queued and not acknowledged */
uint32_t tcp_unsent_bytes(const struct tcp_connection *conn);   /* SIOCOUTQNSD */

/* SOL_SOCKET, SOL_IP and SOL_IPV6 settings: what setsockopt gives and getsockopt returns (buffers: set doubles, as
 * Linux). */
enum tcp_setting {
    TCP_SET_REUSE_ADDRESS,
    TCP_SET_REUSE_PORT,
    TCP_SET_KEEPALIVE,
    TCP_SET_SEND_BUFFER,
    TCP_SET_RECEIVE_BUFFER,
    TCP_SET_LINGER_S,  /* -1: off */
    TCP_SET_V6_ONLY,   /* before bind */
    TCP_SET_INTERFACE, /* SO_BINDTODEVICE: index, 0 none */
    TCP_SET_TTL,
    TCP_SET_TRAFFIC_CLASS,
    TCP_SET_RECEIVE_LOW_WATER,
};
int tcp_set(struct tcp_connection *conn, enum tcp_setting setting, int value);
int tcp_get(const struct tcp_connection *conn, enum tcp_setting setting);

/* SOL_TCP, by Linux's numbers (TCP_NODELAY 1, ...); value is kernel memory. tcp_get_option: *len in: room, out: used.
 * -ENOPROTOOPT, -EINVAL. */
enum { TCP_OPTION_MAX = 256 };
int tcp_set_option(struct tcp_connection *conn, int name, const void *value, size_t len);
int tcp_get_option(struct tcp_connection *conn, int name, void *value, size_t *len);

/* /proc/net/tcp{,6}: visits every connection, listener and TIME_WAIT entry; visit runs under a spinlock. */
struct tcp_summary {
    struct tcp_address local, peer;
    enum tcp_state state;
    bool is_v6;
    uint32_t unacked, readable; /* listener: 0, accept queue */
};
void tcp_for_each(struct net_stack *stack, void (*visit)(const struct tcp_summary *summary, void *argument),
                  void *argument);

struct tcp_counters { /* relaxed; /proc/net/snmp and netstat */
    uint64_t active_opens, passive_opens, attempt_fails, established_resets, segments_in, segments_out, retransmitted,
        bad_segments, resets_out, listen_overflows, cookies_sent, cookies_received, cookies_failed, timeouts,
        challenge_acks, paws_rejected, out_of_order, memory_drops, keepalive_drops, tail_probes, spurious_recoveries;
};
const struct tcp_counters *tcp_get_counters(const struct net_stack *stack);
