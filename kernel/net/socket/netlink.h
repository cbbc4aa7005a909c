/* Netlink messages: those that a socket queues, and the dumps that fill them. */
#pragma once
#include "private.h"

enum { NETLINK_DATAGRAM_MAX = 8192 };
struct netlink_datagram {
    struct list link;
    uint32_t len, room;
    uint8_t bytes[];
};
/* Collects the answer to one request in datagrams. */
struct netlink_answer {
    struct net *net;
    struct list datagrams;
    unsigned count;
    uint32_t sequence, port_id;
    uint16_t flags;  /* of each message: NLM_F_MULTI for dumps */
    int error;       /* no memory or too much: -errno */
    uint8_t *message; /* the one being built, room for it ensured */
};
enum { NLM_REQUEST = 1, NLM_MULTI = 2, NLM_ACK = 4, NLM_DUMP = 0x300, NLMSG_ERROR = 2, NLMSG_DONE = 3, NLMSG_HEADER = 16,
       NETLINK_MESSAGE_MAX = 1024 };

/* Starts a message of that type whose fixed part has `len` bytes, zeroed and returned; NULL: error is set. */
uint8_t *netlink_begin(struct netlink_answer *answer, uint16_t type, uint32_t len);
void netlink_attribute(struct netlink_answer *answer, uint16_t type, const void *data, uint32_t len);
void netlink_attribute32(struct netlink_answer *answer, uint16_t type, uint32_t value);
void netlink_end(struct netlink_answer *answer);
/* RTM_GET requests: 0, or -errno for the error message. */
int netlink_route_request(struct netlink_answer *answer, uint16_t type, uint16_t flags, const uint8_t *body, uint32_t len);
