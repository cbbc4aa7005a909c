/* One end of the wire played by hand: a tests' own peer (on b) of a real connection (on a). */
#pragma once
#include "wire.h"

struct hand {
    struct wire *wire;
    struct tcp_connection *listener, *conn;
    uint16_t port, their_port; /* ours (b's), a's */
    uint32_t seq, ack;         /* our next byte, their next byte */
    uint32_t isn;
    uint16_t window;
    bool has_timestamps;
    uint32_t timestamp;
};

/* Swallows all that a sends, so that b's stack stays out of it. */
void hand_init(struct hand *hand, struct wire *wire);
/* a connects to us; SYN options as given (NULL: MSS 1460, SACK). */
void hand_accept(struct hand *hand, const struct tcp_info_wire *options);
/* We connect to a's listener on port 80, and a's side is accepted. */
void hand_connect(struct hand *hand, const struct tcp_info_wire *options);
void hand_send(struct hand *hand, uint8_t flags, const void *bytes, size_t len); /* advances seq */
void hand_send_at(struct hand *hand, uint32_t seq, uint8_t flags, const void *bytes, size_t len);
void hand_send_sack(struct hand *hand, uint32_t start, uint32_t end); /* offsets from hand->ack */
const struct seen *hand_last(const struct hand *hand);
unsigned hand_count(const struct hand *hand); /* segments that a has sent */
void hand_close(struct hand *hand);           /* closes a's side and the wire */
