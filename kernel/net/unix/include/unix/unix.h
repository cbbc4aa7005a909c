/*
 * Unix sockets: stream, datagram, sequenced packets; names in the file system (through hooks: net does not see fs) and
 * abstract ones; descriptors and credentials as ancillary data. The socket layer owns waiting, except in unix_connect:
 * calls return what could be done or -EAGAIN, and unix_wait_queue is woken with the POLL bits that became true.
 * Everything here may sleep (memory, program memory). Calls on one socket may run at once on many threads; unix_close must
 * be the last. 0, a count, or -errno.
 */
#pragma once
#include <file/file.h>
#include <file/io.h>

enum unix_type { UNIX_STREAM = 1, UNIX_DATAGRAM = 2, UNIX_SEQUENCED = 5 }; /* SOCK_ numbers */
enum { UNIX_PATH_MAX = 108, UNIX_RIGHTS_MAX = 253 };

struct unix_socket;
struct unix_domain; /* names and counters of one network */

struct unix_credentials { /* struct ucred */
    uint32_t pid, uid, gid;
};
/* sun_path: len 0: unnamed; bytes[0] == 0: abstract, len bytes; else a path with its NUL, len counting it. */
struct unix_name {
    uint16_t len;
    char bytes[UNIX_PATH_MAX + 1];
};

struct unix_hooks {
    /* The file system; `caller` is what the system call handed through (struct vfs_caller). See vfs_bind_socket,
     * vfs_find_socket, vfs_forget_socket in vfs/vfs.h. */
    int (*bind_path)(const void *caller, const char *path, uint32_t mode, void *socket, void **node);
    int (*find_path)(const void *caller, const char *path, bool (*get)(void *socket), void **out);
    void (*forget_path)(void *node);
    /* Of the calling thread. NULL: all zero. */
    void (*identify)(struct unix_credentials *out);
};
struct unix_domain *unix_domain_create(const struct unix_hooks *hooks); /* hooks stay; NULL: no memory */
void unix_domain_destroy(struct unix_domain *domain); /* no sockets any more */

int unix_create(struct unix_domain *domain, enum unix_type type, struct unix_socket **out);
int unix_pair(struct unix_domain *domain, enum unix_type type, struct unix_socket **a, struct unix_socket **b);
void unix_close(struct unix_socket *socket);

/* mode: of the node, umask applied by the file system. name->len 0: autobind. -EADDRINUSE, -EINVAL (is bound), the file system's. */
int unix_bind(struct unix_socket *socket, const struct unix_name *name, const void *caller, uint32_t mode);
int unix_listen(struct unix_socket *socket, int backlog);
/* name NULL: datagrams to nobody (AF_UNSPEC). Waits until deadline_ns for room in a stream listener's backlog unless
 * deadline_ns is 0: -EAGAIN. -ECONNREFUSED, -EPROTOTYPE, -EISCONN, -ERESTARTSYS, the file system's errors. */
int unix_connect(struct unix_socket *socket, const struct unix_name *name, const void *caller, uint64_t deadline_ns);
int unix_accept(struct unix_socket *listener, struct unix_socket **out); /* -EAGAIN, -EINVAL: not listening */

struct unix_ancillary {
    struct unix_credentials credentials;
    bool has_credentials;      /* sent explicitly, or received */
    struct file **files;       /* kmalloc'd array with references; NULL: none */
    unsigned file_count;
};
/* Drops what it holds. Thread context. */
void unix_ancillary_destroy(struct unix_ancillary *ancillary);

struct unix_send {
    const struct unix_name *to; /* datagrams; NULL: the peer */
    const void *caller;
    struct unix_ancillary *ancillary; /* NULL: none; its files are taken over once something was sent (then files is NULL) */
};
/* Stream: as much as there is room for. Others: one message. -EAGAIN, -EPIPE, -ENOTCONN, -EMSGSIZE, -ECONNREFUSED, ... */
ssize_t unix_send(struct unix_socket *socket, struct io_vector *from, const struct unix_send *options);

struct unix_receive {
    bool peek;
    struct unix_ancillary *ancillary; /* out; NULL: descriptors that come along are dropped */
    struct unix_name *from;           /* out: sender's name of a message; may be NULL */
    size_t message_len;               /* out, messages: its whole length (more than was copied: truncated) */
};
/* Stream: what is there, at most to->left, not past a change of sender or a message with descriptors. 0: end. -EAGAIN. */
ssize_t unix_receive(struct unix_socket *socket, struct io_vector *to, struct unix_receive *options);

enum unix_shutdown_how { UNIX_SHUTDOWN_READ = 1, UNIX_SHUTDOWN_WRITE = 2 };
int unix_shutdown(struct unix_socket *socket, unsigned how);

uint32_t unix_poll(struct unix_socket *socket);
struct wait_queue *unix_wait_queue(struct unix_socket *socket);
int unix_take_error(struct unix_socket *socket); /* positive or 0 */
enum unix_type unix_get_type(const struct unix_socket *socket);
bool unix_is_listening(const struct unix_socket *socket);
void unix_get_name(struct unix_socket *socket, struct unix_name *out);
int unix_get_peer_name(struct unix_socket *socket, struct unix_name *out); /* -ENOTCONN */
void unix_get_peer_credentials(struct unix_socket *socket, struct unix_credentials *out); /* pid 0: none */
uint32_t unix_readable_bytes(struct unix_socket *socket); /* SIOCINQ: stream all, else the next message */
uint32_t unix_unread_bytes(const struct unix_socket *socket); /* SIOCOUTQ: sent and not yet read, with overhead */
void unix_set_pass_credentials(struct unix_socket *socket, bool on);
bool unix_passes_credentials(const struct unix_socket *socket);
void unix_set_send_buffer(struct unix_socket *socket, uint32_t bytes); /* as it is: the caller doubled it */
uint32_t unix_get_send_buffer(const struct unix_socket *socket);

struct unix_summary {
    const void *socket;
    uint32_t refs;
    enum unix_type type;
    bool is_listening, is_connected;
    uint64_t inode; /* the number that /proc shows; unix_set_inode */
    struct unix_name name;
};
void unix_set_inode(struct unix_socket *socket, uint64_t inode);
/* Of the calling thread, as the hooks say. */
void unix_get_own_credentials(struct unix_domain *domain, struct unix_credentials *out);
/* /proc/net/unix: visit runs under a spinlock. */
void unix_for_each(struct unix_domain *domain, void (*visit)(const struct unix_summary *summary, void *argument), void *argument);
