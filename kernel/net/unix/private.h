/*
 * What the files of unix share. Each socket has a lock of its own, and no two are ever held together. A socket lives
 * while its owner, a peer, a queued message of its own, or a look-up holds a reference; is_dead says its owner left.
 * Lock order: socket->read_lock (sleeping) ; domain->lock ; socket->lock.
 */
#pragma once
#include <unix/unix.h>

enum { UNIX_ABSTRACT_BUCKETS = 64 };
enum unix_state { UNIX_UNCONNECTED, UNIX_LISTENING, UNIX_CONNECTED };

struct unix_message {
    struct list link;
    struct unix_socket *sender; /* referenced: whose send buffer it counts against, whose name it bears */
    struct unix_ancillary ancillary;
    uint32_t len, done; /* done: bytes of a stream that are read; reader's (read_lock) */
    uint32_t cost;
    uint8_t bytes[];
};
struct unix_socket {
    struct unix_domain *domain;
    struct refcount refs;
    enum unix_type type;
    struct list all_link;  /* domain->lock */
    struct list name_link; /* abstract names; domain->lock */
    uint64_t inode;
    struct mutex bind_lock;
    struct mutex read_lock; /* one reader at a time copies out of the queue */
    struct spinlock lock;   /* guards what follows, to the blank line; fields marked * are also read without it */
    enum unix_state state; /* * */
    bool is_dead;
    bool sends_embryo_reset;
    uint32_t shutdown;     /* * */
    struct unix_socket *peer; /* referenced */
    struct list queue;     /* messages; listener: none */
    uint32_t queued_bytes; /* * payload */
    uint32_t queued_count; /* * */
    struct list accept_queue, accept_link; /* listener: its connections; those: their link */
    unsigned accept_count, backlog; /* * */
    int error;             /* * */
    struct unix_credentials own_credentials, peer_credentials;

    uint32_t in_flight;    /* atomic: cost of our messages that nobody has read */
    uint32_t send_buffer;
    uint32_t passes_credentials;
    void *node;            /* the file system's, for hooks->forget_path; under bind_lock */
    uint32_t has_name;     /* published with release after name; never changes again */
    struct unix_name name;
    struct wait_queue wait;
    struct wait_queue room; /* listener: who waits for room in the backlog */
};
struct unix_domain {
    const struct unix_hooks *hooks;
    struct spinlock lock;
    struct list all;
    struct list abstract[UNIX_ABSTRACT_BUCKETS];
    struct list doomed; /* messages with descriptors on their way out; lock */
    bool is_draining;   /* lock */
    uint32_t next_auto_name;
    uint32_t files_in_flight; /* atomic */
};

static inline bool unix_is_packets(const struct unix_socket *socket)
{
    return socket->type != UNIX_STREAM;
}
void unix_put(struct unix_socket *socket);
bool unix_get_live(void *socket); /* a look-up's reference; false: on its way out */

/* The peer, referenced; NULL. */
struct unix_socket *unix_peer_get(struct unix_socket *socket);
/* name.c */
int unix_find(struct unix_domain *domain, const struct unix_name *name, const void *caller, struct unix_socket **out);
int unix_autobind(struct unix_socket *socket);
void unix_drop_name(struct unix_socket *socket);
/* message.c */
void unix_message_free(struct unix_message *message); /* thread context, no locks */
void unix_drop_messages(struct unix_domain *domain, struct list *messages);
bool unix_has_room(const struct unix_socket *socket);
