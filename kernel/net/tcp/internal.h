/*
 * What TCP's files share: the connection, what is in flight, the tables.
 *
 * Locks, in order: send_lock and receive_lock (mutexes; one sender, one reader at a time) -> connection->lock -> a
 * bucket of the connection or the port table -> (below: routes, neighbours, devices). No two connections are locked at
 * once. The wait queue is woken after connection->lock is released (tcp_unlock), so pollers may look without any order.
 *
 * References to a connection: its owner (the socket, or the accept queue before it), the connection table, the armed
 * timer, the end-of-batch list. The last one frees it.
 */
#pragma once
#include <arch/cpu.h>
#include <base/errno.h>
#include <common/checked.h>
#include <common/rbtree.h>
#include <device/entropy.h>
#include <file/poll.h>
#include <mm/alloc.h>
#include <sched/mutex.h>
#include <tcp/tcp.h>

#define NEVER             UINT64_MAX
#define RTO_INITIAL_NS    (1 * NS_PER_SECOND)
#define RTO_MIN_NS        (200 * NS_PER_MS)
#define RTO_MAX_NS        (120 * NS_PER_SECOND)
#define DELAYED_ACK_NS    (40 * NS_PER_MS)
#define COOKIE_PERIOD_NS  (64 * NS_PER_SECOND)
#define TIME_WAIT_NS      (60 * NS_PER_SECOND)
#define RATE_LIMIT_ACK_NS (500 * NS_PER_MS)
#define PAWS_LIMIT_NS     (24 * 86400 * NS_PER_SECOND)

enum {
    PORT_BUCKETS = 256,
    EPHEMERAL_FIRST = 32768,
    EPHEMERAL_COUNT = 28232, /* to 60999, as Linux */
    BACKLOG_LIMIT = 4096,
    TIME_WAIT_MAX = 32768,
    ORPHAN_MAX = 8192,
    SEND_BUFFER_INITIAL = 87040,
    SEND_BUFFER_MIN = 4608,
    SEND_BUFFER_MAX = 4 << 20,
    RECEIVE_BUFFER_INITIAL = 131072,
    RECEIVE_BUFFER_MIN = 2304,
    RECEIVE_BUFFER_MAX = 6 << 20,
    RECEIVE_SCALE = 7, /* lets the largest buffer be advertised */
    MSS_MIN = 88,      /* a peer may not make us send smaller ones (amplification) */
    MSS_DEFAULT_V4 = 536,
    MSS_DEFAULT_V6 = 1220,
    INITIAL_WINDOW_SEGMENTS = 10,
    DUPLICATE_THRESHOLD = 3,
    RETRIES_DATA = 15,
    RETRIES_ORPHAN = 8,
    RETRIES_SYN = 6,
    RETRIES_SYN_ACK = 5,
    OUT_OF_ORDER_MAX = 8192, /* packets */
    SACK_BLOCKS = 4,
    REORDER_RECOVERIES = 16, /* RFC 8985, 6.2 step 4 */
    SHUTDOWN_PEER = 4, /* beside tcp_shutdown_how: FIN was received and everything before it */
};

static inline bool seq_before(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) < 0;
}
static inline bool seq_after(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/* What the connection table holds. */
struct tcp_tuple {
    struct ip_address local, peer;
    uint16_t local_port, peer_port;
    uint32_t scope; /* interface of link-local addresses */
};
enum tcp_kind { TCP_KIND_CONNECTION, TCP_KIND_REQUEST, TCP_KIND_TIME_WAIT };
struct tcp_entry {
    struct tcp_entry *next, **link; /* bucket's lock; link NULL: not in the table */
    struct refcount refs;
    enum tcp_kind kind;
    struct tcp_tuple tuple; /* constant while in the table */
};
struct tcp_bucket {
    struct spinlock lock;
    struct tcp_entry *first GUARDED_BY(&lock);
};
/* Sockets that were bound, by local port; listeners are found here. */
struct tcp_port_bucket {
    struct spinlock lock;
    struct list bound GUARDED_BY(&lock);
};
struct tcp_stack {
    struct net_stack *stack;
    struct tcp_bucket *buckets;
    uint32_t bucket_mask;
    struct tcp_port_bucket ports[PORT_BUCKETS];
    uint64_t memory, memory_limit; /* bytes of queued data, both directions; atomic */
    uint32_t time_wait_count, orphan_count, connection_count, port_step; /* atomic */
    uint64_t challenge_second;                                           /* rate limit of challenge ACKs; relaxed */
    uint32_t challenge_count;
    uint64_t cookie_sent_ns; /* relaxed: when the last SYN cookie went out */
    struct tcp_counters counters;
};
#define COUNT(tcp, field) add_relaxed(&(tcp)->counters.field, 1u)

/* A piece of the stream that was queued to send; bytes are stable once they are within `len`. */
struct tcp_buffer {
    struct list link;     /* connection->buffers */
    struct refcount refs; /* the list, the sender that still fills it, packets that hold slices of it */
    bool is_queued GUARDED_BY(&connection->lock);
    uint32_t seq, len GUARDED_BY(&connection->lock);
    uint32_t capacity;
    uint8_t data[];
};

/* A stretch of sequence numbers that was sent; these cover [snd_una, snd_nxt) without gaps. */
enum {
    SENT_SACKED = 1,
    SENT_LOST = 2,
    SENT_RETRANSMITTED = 4 /* after it was lost, in flight */,
    SENT_AGAIN = 8 /* ever */
};
struct tcp_sent {
    struct rb_node node;   /* by seq */
    struct list time_link; /* what is in flight, by time of (re)transmission (RFC 8985) */
    uint64_t sent_ns;
    uint32_t seq, end;
    uint8_t flags;
};

/* What TCP keeps in a received packet's private_data. Its bytes are those of [seq, end), less the FIN. */
struct tcp_received {
    struct rb_node node; /* out-of-order tree */
    uint32_t seq, end, truesize;
    uint32_t has_fin;
};
static_assert(sizeof(struct tcp_received) <= sizeof(((struct packet *)0)->private_data), "fits");
static inline struct tcp_received *received_of(struct packet *packet)
{
    return (struct tcp_received *)packet->private_data;
}
static inline struct packet *packet_of_received(struct rb_node *node)
{
    return container_of((uint64_t *)(void *)container_of(node, struct tcp_received, node), struct packet,
                        private_data[0]);
}

struct tcp_congestion {
    const char *name;
    void (*reset)(struct tcp_connection *conn);                /* a new connection, or after idling */
    void (*grow)(struct tcp_connection *conn, uint32_t acked); /* in congestion avoidance */
    uint32_t (*reduce)(struct tcp_connection *conn);           /* the new slow-start threshold after a loss */
};
extern const struct tcp_congestion tcp_cubic, tcp_reno;
enum recovery_state { RECOVERY_OPEN, RECOVERY_FAST, RECOVERY_LOSS };
enum retransmit_kind { RETRANSMIT_TIMEOUT, RETRANSMIT_TAIL_PROBE, RETRANSMIT_WINDOW_PROBE };

struct tcp_connection {
    struct tcp_entry entry;
    struct net_stack *stack;
    struct tcp_stack *tcp;
    struct spinlock lock; /* guards all below but what says otherwise */
    struct wait_queue queue;
    struct mutex send_lock, receive_lock;

    /* Socket state; words that tcp_poll reads without the lock. */
    uint32_t state, error, shutdown;
    uint32_t wake; /* POLL bits to report at unlock */
    uint32_t soft_error;
    uint32_t readable;                    /* bytes in `received` */
    uint32_t accept_count, offered_count; /* places taken in the accept queue; children that stand in it */
    bool is_orphan, was_connected, connect_pending, wants_space, is_bound, port_is_chosen, is_failed_connect;

    /* Options. */
    bool is_v6, is_v6_only, reuse_address, reuse_port, keepalive, no_delay, cork, more, send_buffer_locked,
        receive_buffer_locked;
    uint8_t ttl, traffic_class;
    int linger_s;
    uint32_t bound_interface, receive_low_water, user_mss, window_clamp, syn_retries, defer_accept_s, keep_idle_s,
        keep_interval_s, keep_probes;
    int fin_wait_s;
    uint32_t user_timeout_ms, not_sent_low_water;

    struct list port_link;           /* port bucket's lock */
    struct ip_address bound_address; /* constant while is_bound; the tuple's turns into the source when connecting */
    uint16_t bound_port;
    /* Listener. */
    struct list accept_queue; /* children by accept_link */
    struct list accept_link;
    uint32_t backlog;
    uint32_t request_count; /* atomic */

    /* Path. */
    struct route route;
    uint32_t path_mtu, mss, peer_mss; /* mss: payload of a full segment, options taken off */
    uint32_t segments_max;            /* bytes in one packet to the device: mss, or up to 64 KiB when it segments */
    bool has_timestamps, has_sack, has_scale;
    uint8_t send_scale, receive_scale;

    /* Sending. */
    uint32_t iss, snd_una, snd_nxt, snd_wnd, snd_wl1, snd_wl2, max_window;
    uint32_t write_seq; /* end of the data that is queued; a FIN would stand here */
    uint32_t small_end; /* end of the last segment that was not full (Nagle, as Minshall amended it) */
    bool fin_queued;
    struct list buffers;
    struct tcp_buffer *cursor; /* holds snd_nxt, or NULL */
    struct tcp_buffer *filling GUARDED_BY(&send_lock);
    uint32_t send_buffer;
    uint64_t last_sent_ns, last_received_ns, last_data_received_ns;

    /* In flight. */
    struct rb_tree sent;
    struct list sent_by_time;
    uint32_t sacked_bytes, lost_bytes, retransmitted_bytes;
    uint32_t lost_hint; /* nothing below is lost and not retransmitted */
    uint32_t highest_sacked;
    uint32_t duplicate_acks; /* without SACK */
    bool has_reordering;
    uint32_t reorder_steps, reorder_recoveries; /* RACK's window in quarters of rtt_min; recoveries until it shrinks again */
    uint32_t duplicate_round;                   /* snd_nxt when the window grew last */
    bool is_duplicate_round;

    /* Round-trip times and timers, ns. */
    uint64_t srtt, rttvar, rto, rtt_min, rack_rtt, rack_sent_ns;
    uint32_t rack_end;
    uint32_t backoff, retries, probes; /* retries: of the oldest data; probes: unanswered window or keepalive probes */
    uint64_t retry_started_ns;
    struct timer timer;
    uint64_t timer_at; /* when it fires at the latest; deadlines below may have moved on */
    uint64_t retransmit_at, delayed_ack_at, reorder_at, keepalive_at;
    enum retransmit_kind retransmit_kind;
    uint32_t tail_probe_end;
    bool tail_probe_out, tail_probe_is_retransmission;

    /* Congestion. All in bytes. */
    const struct tcp_congestion *congestion;
    enum recovery_state recovery;
    uint32_t cwnd, ssthresh, high_seq;
    bool is_cwnd_limited;
    uint32_t prr_delivered, prr_out, prr_flight;
    uint32_t undo_cwnd, undo_ssthresh, undo_timestamp;
    bool can_undo;
    struct {
        uint32_t w_max, cwnd_start, w_est, credit, est_credit;
        uint64_t epoch_ns, k_ms;
        uint32_t round_end, round_samples;
        uint64_t round_rtt, last_round_rtt;
    } cubic;

    /* Receiving. */
    uint32_t irs, rcv_nxt, rcv_edge /* right edge that was advertised */, last_ack_sent;
    uint32_t ts_recent, ts_offset;
    uint64_t ts_recent_ns;
    struct list received; /* in order; consumed only with receive_lock held too */
    uint32_t copied_seq;
    struct rb_tree out_of_order;
    uint32_t out_of_order_count;
    struct sack_block sack[SACK_BLOCKS];
    unsigned sack_count;
    struct sack_block duplicate;
    bool has_duplicate;
    uint32_t receive_buffer, receive_used; /* bytes of memory */
    uint32_t receive_mss;                  /* the peer's full segment, estimated */
    bool ack_now, ack_delayed, is_interactive;
    unsigned quick_acks;
    uint64_t last_reject_ack_ns;
    uint64_t tune_started_ns;
    uint32_t tune_copied, tune_space;
    uint64_t receive_rtt;
    uint32_t receive_rtt_seq;
    uint64_t receive_rtt_ns;

    uint32_t memory_used, memory_reserved; /* of tcp->memory */

    struct tcp_connection *batch_next; /* owner: the CPU whose list it is on */
    bool is_in_batch;

    uint64_t bytes_acked, bytes_received, bytes_retransmitted;
    uint32_t segments_in, segments_out, total_retransmits;
};

struct tcp_segment {
    struct tcp_info_wire wire;
    struct packet *packet; /* at its payload; NULL once somebody took it */
    const struct ip_info *info;
    struct net_interface *iface;
    uint32_t seq, end, len; /* end: SYN and FIN counted */
    uint8_t flags;
    uint64_t now_ns;
};

/* A half-open connection of a listener. */
struct tcp_request {
    struct tcp_entry entry;          /* refs: table, armed timer */
    struct tcp_connection *listener; /* referenced */
    struct spinlock lock;
    struct timer timer;
    uint32_t iss, irs, ts_recent, ts_offset;
    uint16_t peer_mss, window;
    uint8_t send_scale, retries;
    bool has_timestamps, has_sack, has_scale, is_acked;
    uint64_t sent_ns, started_ns;
};

static inline struct tcp_stack *tcp_of(const struct net_stack *stack)
{
    return stack->tcp;
}
static inline struct tcp_connection *connection_of(struct tcp_entry *entry)
{
    return container_of(entry, struct tcp_connection, entry);
}
static inline bool tcp_is_v4(const struct tcp_connection *conn)
{
    return ip_is_v4(&conn->entry.tuple.peer);
}
static inline uint32_t tcp_pipe(const struct tcp_connection *conn) /* bytes in flight, RFC 6675 */
{
    uint32_t gone = conn->sacked_bytes + conn->lost_bytes;
    uint32_t out = conn->snd_nxt - conn->snd_una + conn->retransmitted_bytes;
    if (!conn->has_sack)
        gone += conn->duplicate_acks * conn->mss;
    return out > gone ? out - gone : 0;
}
/* The connection's clock for the timestamp option, ms. */
static inline uint32_t tcp_timestamp(uint64_t now_ns, uint32_t offset)
{
    return (uint32_t)(now_ns / NS_PER_MS) + offset;
}
static inline bool tcp_state_is(uint32_t state, uint32_t mask)
{
    return mask >> state & 1;
}
#define STATE_BIT(s)        (1u << (s))
#define STATES_CAN_SEND     (STATE_BIT(TCP_ESTABLISHED) | STATE_BIT(TCP_CLOSE_WAIT))
#define STATES_TRANSMIT     (STATES_CAN_SEND | STATE_BIT(TCP_FIN_WAIT_1) | STATE_BIT(TCP_CLOSING) | STATE_BIT(TCP_LAST_ACK))
#define STATES_CAN_RECEIVE  (STATE_BIT(TCP_ESTABLISHED) | STATE_BIT(TCP_FIN_WAIT_1) | STATE_BIT(TCP_FIN_WAIT_2))
#define STATES_SYNCHRONISED (STATES_TRANSMIT | STATE_BIT(TCP_FIN_WAIT_2))

/* table.c */
uint64_t tcp_tuple_hash(const struct net_stack *stack, const struct tcp_tuple *tuple);
struct tcp_entry *tcp_table_find(struct tcp_stack *tcp, const struct tcp_tuple *tuple); /* referenced */
/* The table takes a reference. -EADDRINUSE; a TIME_WAIT entry that may be reused is replaced, *reused tells its
 * numbers. */
struct tcp_reuse {
    bool is_reuse;
    uint32_t snd_nxt, ts_recent;
};
int tcp_table_insert(struct tcp_stack *tcp, struct tcp_entry *entry, struct tcp_reuse *reused);
bool tcp_table_remove(struct tcp_stack *tcp, struct tcp_entry *entry); /* drops the table's reference */
/* `by` takes the place of `old` (and a reference); false when it had been removed. */
bool tcp_table_replace(struct tcp_stack *tcp, struct tcp_entry *old, struct tcp_entry *by);
void tcp_entry_put(struct tcp_entry *entry);

/* port.c */
int tcp_port_bind(struct tcp_connection *conn, const struct ip_address *address, uint16_t port);
void tcp_port_unbind(struct tcp_connection *conn);
bool tcp_port_may_listen(struct tcp_connection *conn);
/* A port for a connection to conn's peer, entered in the connection table. */
int tcp_port_connect(struct tcp_connection *conn, struct tcp_reuse *reused);
struct tcp_connection *tcp_find_listener(struct tcp_stack *tcp, const struct ip_info *info, unsigned iface_index,
                                         uint16_t port, const struct tcp_tuple *tuple);

/* connection.c */
struct tcp_connection *tcp_connection_alloc(struct net_stack *stack, bool is_v6, unsigned alloc_flags);
void tcp_connection_start(struct tcp_connection *conn); /* state of one connection: everything fresh */
void tcp_get_ref(struct tcp_connection *conn);
void tcp_put_ref(struct tcp_connection *conn);
void tcp_connection_free(struct tcp_connection *conn);
static inline void tcp_lock(struct tcp_connection *conn)
{
    spin_lock(&conn->lock);
}
void tcp_unlock(struct tcp_connection *conn); /* wakes what conn->wake says; the caller holds a reference */
/* The rest with conn->lock held. */
void tcp_set_state(struct tcp_connection *conn, enum tcp_state state);
void tcp_done(struct tcp_connection *conn, int error); /* CLOSED: out of the table, queues purged; error 0: none */
void tcp_purge_send_queue(struct tcp_connection *conn);
/* False: the stack's memory is used up (must: charges all the same). */
bool tcp_charge(struct tcp_connection *conn, uint32_t n, bool must);
void tcp_uncharge(struct tcp_connection *conn, uint32_t n);
bool tcp_memory_is_tight(const struct tcp_stack *tcp);
void tcp_update_mss(struct tcp_connection *conn);
/* Puts the connection on this CPU's end-of-batch list, or does the work at once outside a batch. */
void tcp_defer_output(struct tcp_connection *conn);
void tcp_batch_done(struct net_stack *stack, unsigned cpu);
int tcp_source_route(struct tcp_connection *conn);

/* output.c, conn->lock held */
void tcp_output(struct tcp_connection *conn);
void tcp_flush(struct tcp_connection *conn); /* output, and the ACK that is owed */
void tcp_send_ack(struct tcp_connection *conn);
void tcp_send_syn(struct tcp_connection *conn);
void tcp_send_reset(struct tcp_connection *conn);
void tcp_send_probe(struct tcp_connection *conn); /* a segment that the peer must answer */
bool tcp_send_tail_probe(struct tcp_connection *conn);
bool tcp_force_output(
    struct tcp_connection *conn); /* whatever fits the window, in spite of Nagle; true: something went */
uint32_t tcp_receive_space(const struct tcp_connection *conn); /* the window we could advertise */
/* segment.c */
struct packet *tcp_build_data(struct tcp_connection *conn, uint32_t seq, uint32_t len);
int tcp_transmit(struct tcp_connection *conn, struct packet *packet, uint32_t seq, uint8_t flags, uint32_t len,
                 uint64_t now_ns);
/* Without a connection. */
void tcp_answer_reset(struct net_stack *stack, const struct tcp_segment *segment);
struct tcp_stateless {
    uint32_t seq, ack, timestamp, timestamp_echo;
    uint16_t window, mss;
    uint8_t flags, scale, ttl, traffic_class;
    bool has_timestamp, has_scale, has_mss, sack_permitted;
};
void tcp_send_stateless(struct net_stack *stack, const struct tcp_tuple *tuple, const struct tcp_stateless *what);

/* sent.c: what is in flight; conn->lock held */
struct tcp_sent *tcp_sent_first(const struct tcp_connection *conn);
struct tcp_sent *tcp_sent_next(struct tcp_sent *sent);
struct tcp_sent *tcp_sent_find(const struct tcp_connection *conn, uint32_t seq); /* the one that holds seq, or NULL */
bool tcp_sent_add(struct tcp_connection *conn, uint32_t seq, uint32_t end, uint64_t now_ns);
bool tcp_sent_split(struct tcp_connection *conn, struct tcp_sent *sent, uint32_t at); /* sent keeps [seq, at) */
void tcp_sent_mark_lost(struct tcp_connection *conn, struct tcp_sent *sent);
void tcp_sent_mark_all_lost(struct tcp_connection *conn);
void tcp_sent_purge(struct tcp_connection *conn);
struct tcp_delivery {
    uint64_t now_ns, rtt_ns; /* rtt 0: no sample */
    uint32_t delivered;      /* bytes newly known to have arrived */
    bool saw_duplicate;      /* a DSACK */
};
void tcp_sent_acknowledge(struct tcp_connection *conn, uint32_t ack, struct tcp_delivery *delivery);
void tcp_sent_sack(struct tcp_connection *conn, const struct tcp_info_wire *wire, struct tcp_delivery *delivery);
void tcp_sent_detect_loss(struct tcp_connection *conn, uint64_t now_ns); /* RFC 8985 */
void tcp_sent_adapt_reordering(struct tcp_connection *conn, bool saw_duplicate, bool ends_recovery);

/* ack.c, recovery.c, conn->lock held */
bool tcp_ack(struct tcp_connection *conn, struct tcp_segment *segment); /* false: drop the segment */
void tcp_measure_rtt(struct tcp_connection *conn, uint64_t rtt_ns);
void tcp_recovery_ack(struct tcp_connection *conn, const struct tcp_segment *segment,
                      const struct tcp_delivery *delivery, bool has_advanced);
void tcp_recovery_timeout(struct tcp_connection *conn);
void tcp_recovery_start(struct tcp_connection *conn); /* lost data was found by the timer */
void tcp_congestion_grow(struct tcp_connection *conn, uint32_t acked, uint64_t rtt_ns);
void tcp_congestion_after_idle(struct tcp_connection *conn, uint64_t now_ns);

/* timer.c, conn->lock held */
void tcp_timer_fire(struct timer *timer);
void tcp_timer_update(struct tcp_connection *conn); /* after a deadline was set */
void tcp_timer_stop(struct tcp_connection *conn);
void tcp_arm_retransmit(struct tcp_connection *conn, uint64_t now_ns); /* by what is in flight and queued */
void tcp_arm_delayed_ack(struct tcp_connection *conn, uint64_t now_ns);
void tcp_arm_keepalive(struct tcp_connection *conn, uint64_t now_ns);

/* input.c */
void tcp_input(struct net_stack *stack, struct net_interface *iface, struct packet *packet, struct ip_info *info);
void tcp_process(struct tcp_connection *conn, struct tcp_segment *segment); /* conn->lock held */
void tcp_error(struct net_stack *stack, const struct ip_info *original, const uint8_t *bytes, size_t len, int err,
               uint32_t mtu);
bool tcp_challenge_allowed(struct tcp_stack *tcp, uint64_t now_ns);
/* handshake.c, conn->lock held */
void tcp_process_syn_sent(struct tcp_connection *conn, struct tcp_segment *segment);
void tcp_take_syn_options(struct tcp_connection *conn, const struct tcp_info_wire *wire);
void tcp_established(struct tcp_connection *conn, const struct tcp_segment *segment);
/* reassembly.c, conn->lock held */
void tcp_receive_segment(struct tcp_connection *conn, struct tcp_segment *segment);
void tcp_purge_receive_queue(struct tcp_connection *conn);
void tcp_purge_out_of_order(struct tcp_connection *conn);
void tcp_note_duplicate(struct tcp_connection *conn, uint32_t start, uint32_t end);
void tcp_tune_receive_buffer(struct tcp_connection *conn, uint32_t copied, uint64_t now_ns);
/* close.c, conn->lock held */
void tcp_queue_fin(struct tcp_connection *conn);
void tcp_receive_fin(struct tcp_connection *conn);

/* listen.c */
void tcp_listener_input(struct tcp_connection *listener, struct tcp_segment *segment, const struct tcp_tuple *tuple,
                        uint32_t iss_floor);
void tcp_stop_listening(struct tcp_connection *listener); /* lock not held */
void tcp_abort(struct tcp_connection *conn);              /* RST and CLOSED; lock held */
/* request.c */
void tcp_request_create(struct tcp_connection *listener, const struct tcp_segment *segment,
                        const struct tcp_tuple *tuple, uint32_t iss_floor);
void tcp_request_input(struct tcp_request *request, struct tcp_segment *segment);
void tcp_request_stop_timer(struct tcp_request *request);
void tcp_request_remove(struct tcp_request *request); /* from the table; the caller holds a reference */
void tcp_request_free(struct tcp_request *request);
uint16_t tcp_initial_window(const struct tcp_connection *listener);
/* sequence.c: a keyed hash of the tuple that differs by purpose. */
enum tcp_hash_purpose { HASH_SEQUENCE = 1, HASH_TIMESTAMP, HASH_COOKIE };
uint64_t tcp_keyed_hash(const struct net_stack *stack, const struct tcp_tuple *tuple, enum tcp_hash_purpose purpose,
                        uint64_t extra);
uint32_t tcp_initial_sequence(const struct net_stack *stack, const struct tcp_tuple *tuple, uint64_t now_ns);
uint32_t tcp_timestamp_offset(const struct net_stack *stack, const struct tcp_tuple *tuple);
/* What is known of a peer when its connection becomes real. */
struct tcp_promotion {
    uint32_t iss, irs, ts_recent, ts_offset;
    uint16_t peer_mss;
    uint8_t send_scale;
    bool has_timestamps, has_sack, has_scale;
    uint64_t rtt_ns;
};
void tcp_promote(struct tcp_connection *listener, struct tcp_entry *request, const struct tcp_tuple *tuple,
                 const struct tcp_promotion *from, struct tcp_segment *segment);

/* cookie.c */
void tcp_cookie_send(struct tcp_connection *listener, const struct tcp_segment *segment, const struct tcp_tuple *tuple);
bool tcp_cookie_check(struct net_stack *stack, const struct tcp_segment *segment, const struct tcp_tuple *tuple,
                      struct tcp_promotion *out);

/* time_wait.c */
struct tcp_time_wait;
void tcp_enter_time_wait(struct tcp_connection *conn);
/* True: the segment is a SYN that may open a new connection with an ISN above *iss_floor. */
bool tcp_time_wait_input(struct tcp_stack *tcp, struct tcp_entry *entry, const struct tcp_segment *segment,
                         uint32_t *iss_floor);
bool tcp_time_wait_may_reuse(struct tcp_entry *entry, struct tcp_reuse *out);
void tcp_time_wait_free(struct tcp_entry *entry);
void tcp_time_wait_kill(struct tcp_stack *tcp, struct tcp_entry *entry); /* removes, cancels */
