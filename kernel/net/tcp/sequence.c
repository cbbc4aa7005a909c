/* Numbers that a stranger must not guess: initial sequence numbers, timestamp offsets, the hash of cookies. */
#include "internal.h"

uint64_t tcp_keyed_hash(const struct net_stack *stack, const struct tcp_tuple *tuple, enum tcp_hash_purpose purpose,
                        uint64_t extra)
{
    uint64_t words[7] = {tuple->local.halves[0],
                         tuple->local.halves[1],
                         tuple->peer.halves[0],
                         tuple->peer.halves[1],
                         (uint64_t)tuple->local_port << 16 | tuple->peer_port,
                         purpose,
                         extra};
    return net_siphash(stack->secret, words, 7);
}

/* RFC 6528: a clock plus a keyed hash of the tuple. */
uint32_t tcp_initial_sequence(const struct net_stack *stack, const struct tcp_tuple *tuple, uint64_t now_ns)
{
    return (uint32_t)tcp_keyed_hash(stack, tuple, HASH_SEQUENCE, 0) + (uint32_t)(now_ns >> 6);
}

/* By addresses only, so that a port pair's timestamps go on growing over its connections (RFC 7323, 7.1). */
uint32_t tcp_timestamp_offset(const struct net_stack *stack, const struct tcp_tuple *tuple)
{
    struct tcp_tuple addresses = {.local = tuple->local, .peer = tuple->peer};
    return (uint32_t)tcp_keyed_hash(stack, &addresses, HASH_TIMESTAMP, 0);
}
