/*
 * Two stacks and the wire between them, on the fake clock. The wire delays, limits the rate, loses, repeats, swaps and
 * damages TCP frames by a seeded generator, so a run is the same each time; a test may also look at every frame and
 * drop it, or play one end by hand. What was seen is kept.
 */
#pragma once
#include <fakes/clock.h>
#include <fakes/memory.h>
#include <fakes/timer.h>
#include <tcp/tcp.h>
#include <file/poll.h>
#include <test/test.h>

struct wire_config {
    uint64_t delay_ns, bits_per_second;
    unsigned loss, duplicate, reorder, corrupt; /* per mille of TCP frames */
    uint32_t mtu, router_mtu;                   /* router_mtu: larger frames meet an ICMP "too big" on the way */
    uint32_t queue_bytes;                       /* of the bottleneck, 0: endless */
    bool strip_options;    /* a middle box that turns all options of a SYN but the MSS into padding */
    bool segments, merges; /* the devices split large segments; frames that are large arrive as they are */
    uint64_t seed;
};
struct seen {
    bool from_a;
    uint64_t at_ns;
    uint32_t len;
    struct tcp_info_wire tcp;
};
struct wire;
struct wire_end {
    struct netdev device;
    struct net_stack *stack;
    struct net_interface *iface;
    struct wire *wire;
    struct wire_end *peer;
    struct list in_flight; /* to peer */
    struct timer timer;
    uint64_t busy_until_ns;
    uint32_t queued_bytes;
    struct ip_address v4, v6;
};
enum { SEEN_MAX = 8192 };
struct wire {
    struct wire_end a, b;
    struct wire_config config;
    uint64_t random;
    bool (*drops)(struct wire *wire, const struct seen *seen); /* NULL: none */
    unsigned left;                                             /* for `drops` */
    struct seen seen[SEEN_MAX];
    unsigned seen_count;
    uint64_t sent_frames, lost_frames;
    size_t live_before;
};

void wire_open(struct wire *wire, struct wire_config config);
void wire_close(struct wire *wire); /* runs the clock until nothing of TCP is left, and checks for leaks */
/* A frame to the end, as if its peer had sent it. */
void wire_inject(struct wire *wire, struct wire_end *to, bool is_v4, const struct tcp_info_wire *tcp, const void *bytes,
                 size_t len);
/* The last segment that the end sent, or NULL. */
const struct seen *wire_last(const struct wire *wire, bool from_a);
unsigned wire_count(const struct wire *wire, bool from_a, uint8_t flags); /* with all these flags */

/* Moves to the next event; false: there is none within the limit. */
bool wire_step(uint64_t limit_ns);
static inline void wire_run(uint64_t ns)
{
    fake_time_advance(ns);
}

struct pair {
    struct tcp_connection *listener, *client, *server;
};
struct tcp_connection *listen_on(struct wire_end *end, bool is_v6, uint16_t port, int backlog);
struct tcp_connection *connect_to(struct wire_end *from, struct wire_end *to, bool is_v4, uint16_t port);
/* client on a, server on b, port 80; REQUIREs success by `client` not being NULL. */
struct pair wire_connect(struct wire *wire, bool is_v4);
void pair_close(struct pair *pair);

/* Bytes of stream `id` from `offset`. */
void pattern(uint8_t *to, uint64_t offset, size_t n, uint64_t id);
ssize_t send_bytes(struct tcp_connection *conn, const void *bytes, size_t n);
ssize_t receive_bytes(struct tcp_connection *conn, void *bytes, size_t n);
/* Sends `to_server` and `to_client` bytes at once in both directions and compares; the time it took, 0: it failed. */
uint64_t transfer(struct pair *pair, uint64_t to_server, uint64_t to_client, uint64_t limit_ns);
