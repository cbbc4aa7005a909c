/* Sockets as files: creation, blocking, and the calls that are the same for every transport. */
#include <arch/cpu.h>
#include <base/string.h>
#include <mm/alloc.h>
#include "private.h"

enum { SOCKETS_MAX = 1 << 20 };
#define RETRY_NS NS_PER_MS

uint64_t socket_deadline(uint64_t timeout_ns, bool dont_wait)
{
    uint64_t deadline;
    if (dont_wait)
        return 0;
    return !timeout_ns || add_overflows(clock_monotonic_ns(), timeout_ns, &deadline) ? UINT64_MAX : deadline;
}

static int interrupted(uint64_t deadline_ns)
{
    return deadline_ns == UINT64_MAX ? -ERESTARTSYS : -EINTR;
}

int socket_wait(struct socket *socket, uint32_t bits, uint64_t deadline_ns)
{
    bits |= POLL_ERR | POLL_HUP;
    if (socket->ops->poll(socket) & bits) {
        /* The call said no although the bit holds (memory is short, a buffer is nearly full): not a busy loop. */
        uint64_t soon = clock_monotonic_ns() + RETRY_NS;
        if (soon > deadline_ns)
            return -EAGAIN;
        return sleep_until(soon, WAIT_INTERRUPTIBLE) ? interrupted(deadline_ns) : 0;
    }
    int err = wait_event(socket->ops->queue(socket), socket->ops->poll(socket) & bits, WAIT_INTERRUPTIBLE, deadline_ns);
    if (err == -ETIMEDOUT)
        return -EAGAIN;
    return err ? interrupted(deadline_ns) : 0;
}

static bool has_route(struct net_stack *stack, const struct ip_address *to)
{
    struct route route;
    struct ip_address any = ip_from_v4(0);
    if (route_find(stack, to, &any, 0, &route))
        return false;
    route_put(&route);
    return true;
}

int socket_wait_for_route(struct socket *socket, const struct ip_address *to)
{
    struct net_stack *stack = socket->net->stack;
    if (!ip_is_v4(to) || !load_relaxed(&stack->wants_address))
        return -ENETUNREACH;
    uint64_t deadline = clock_monotonic_ns() + CONFIGURATION_WAIT_NS;
    int err = wait_event(&stack->configured, has_route(stack, to) || !load_relaxed(&stack->wants_address),
                         WAIT_INTERRUPTIBLE, deadline);
    if (err == -ERESTARTSYS)
        return err;
    return has_route(stack, to) ? 0 : -ENETUNREACH;
}

static struct socket *alloc_socket(struct net *net, int family, int type, int protocol)
{
    struct socket *socket = kzalloc(sizeof *socket, ALLOC_WAIT);
    if (!socket)
        return NULL;
    socket->net = net;
    socket->family = family;
    socket->type = type;
    socket->protocol = protocol;
    socket->linger_s = -1;
    socket->inode = add_relaxed(&net->next_inode, 1u) + 1;
    atomic_fetch_add(&net->socket_count, 1u);
    return socket;
}

static void free_socket(struct socket *socket)
{
    atomic_fetch_sub(&socket->net->socket_count, 1u);
    kfree(socket);
}

/* The socket becomes a file; on failure it is gone. */
static int make_file(struct socket *socket, unsigned file_flags, struct file **out)
{
    enum { READ_WRITE = 2 };
    struct file *file = file_create(&socket_file_ops, READ_WRITE | file_flags, socket);
    if (!file) {
        socket->ops->release(socket);
        free_socket(socket);
        return -ENOMEM;
    }
    socket->file = file;
    *out = file;
    return 0;
}

static int create_inet(struct socket *socket, bool is_privileged)
{
    if (socket->type == SOCKET_STREAM) {
        if (socket->protocol && socket->protocol != PROTOCOL_TCP)
            return -EPROTONOSUPPORT;
        socket->protocol = PROTOCOL_TCP;
        return stream_create(socket);
    }
    return socket->type == SOCKET_DATAGRAM || socket->type == SOCKET_RAW ? datagram_create(socket, is_privileged)
                                                                         : -ESOCKTNOSUPPORT;
}

static int create_transport(struct socket *socket, bool is_privileged)
{
    switch (socket->family) {
    case SOCKET_AF_INET:
    case SOCKET_AF_INET6:
        return create_inet(socket, is_privileged);
    case SOCKET_AF_UNIX:
        return local_create(socket);
    case SOCKET_AF_NETLINK:
        return netlink_create(socket);
    default:
        return -EAFNOSUPPORT;
    }
}

int socket_create(struct net *net, int family, int type, int protocol, unsigned file_flags, bool is_privileged,
                  struct file **out)
{
    if (type < 0 || type > 10)
        return -EINVAL;
    if (load_relaxed(&net->socket_count) >= SOCKETS_MAX)
        return -ENFILE;
    struct socket *socket = alloc_socket(net, family, type, protocol);
    if (!socket)
        return -ENOBUFS;
    int err = create_transport(socket, is_privileged);
    if (err) {
        free_socket(socket);
        return err;
    }
    return make_file(socket, file_flags, out);
}

int socket_create_pair(struct net *net, int family, int type, int protocol, unsigned file_flags, struct file *out[2])
{
    if (family != SOCKET_AF_UNIX)
        return family == SOCKET_AF_INET || family == SOCKET_AF_INET6 ? -EOPNOTSUPP : -EAFNOSUPPORT;
    struct socket *a = alloc_socket(net, family, type, protocol), *b = alloc_socket(net, family, type, protocol);
    int err = a && b ? local_create_pair(a, b) : -ENOBUFS;
    if (err) {
        if (a)
            free_socket(a);
        if (b)
            free_socket(b);
        return err;
    }
    err = make_file(a, file_flags, &out[0]);
    if (err) {
        b->ops->release(b);
        free_socket(b);
        return err;
    }
    err = make_file(b, file_flags, &out[1]);
    if (err)
        file_put(out[0]);
    return err;
}

struct socket *socket_of_file(const struct file *file)
{
    return file->ops == &socket_file_ops ? file->data : NULL;
}

static bool dont_wait(const struct socket *socket, unsigned flags)
{
    return flags & MESSAGE_DONT_WAIT || (socket->file && file_is_nonblocking(socket->file));
}

int socket_bind(struct socket *socket, const struct socket_address *address, const void *caller)
{
    return socket->ops->bind ? socket->ops->bind(socket, address, caller) : -EOPNOTSUPP;
}

int socket_listen(struct socket *socket, int backlog)
{
    return socket->ops->listen ? socket->ops->listen(socket, backlog) : -EOPNOTSUPP;
}

int socket_connect(struct socket *socket, const struct socket_address *address, const void *caller)
{
    if (address->len < sizeof address->family)
        return -EINVAL;
    uint64_t deadline = socket_deadline(load_relaxed(&socket->send_timeout_ns), dont_wait(socket, 0));
    return socket->ops->connect ? socket->ops->connect(socket, address, caller, deadline) : -EOPNOTSUPP;
}

/* What an accepted socket takes over from its listener; the transports hand down their own settings. */
static void inherit(struct socket *child, const struct socket *listener)
{
    child->receive_timeout_ns = load_relaxed(&listener->receive_timeout_ns);
    child->send_timeout_ns = load_relaxed(&listener->send_timeout_ns);
    child->linger_s = load_relaxed(&listener->linger_s);
    for (unsigned i = 0; i < OPTION_COUNT; i++)
        child->options[i] = load_relaxed(&listener->options[i]);
    for (unsigned i = 0; i < IP_OPTION_COUNT; i++)
        child->ip_options[i] = load_relaxed(&listener->ip_options[i]);
    for (unsigned i = 0; i < IPV6_OPTION_COUNT; i++)
        child->ipv6_options[i] = load_relaxed(&listener->ipv6_options[i]);
}

int socket_accept(struct socket *socket, unsigned file_flags, struct file **out, struct socket_address *peer)
{
    if (!socket->ops->accept)
        return -EOPNOTSUPP;
    uint64_t deadline = socket_deadline(load_relaxed(&socket->receive_timeout_ns), dont_wait(socket, 0));
    struct socket *child = alloc_socket(socket->net, socket->family, socket->type, socket->protocol);
    if (!child)
        return -ENOBUFS;
    child->ops = socket->ops;
    int err;
    while ((err = socket->ops->accept(socket, child)) == -EAGAIN && deadline) {
        err = socket_wait(socket, POLL_IN, deadline);
        if (err)
            break;
    }
    if (err) {
        free_socket(child);
        return err;
    }
    inherit(child, socket);
    /* The peer may be gone already: then its address is unknown, which is no reason to lose the connection. */
    if (peer && socket->ops->get_name(child, true, peer))
        *peer = (struct socket_address){.len = sizeof peer->family, .family = (uint16_t)socket->family};
    return make_file(child, file_flags, out);
}

int socket_get_name(struct socket *socket, bool is_peer, struct socket_address *out)
{
    return socket->ops->get_name(socket, is_peer, out);
}

ssize_t socket_send(struct socket *socket, struct socket_message *message)
{
    bool is_stream = socket->type == SOCKET_STREAM;
    uint64_t deadline = socket_deadline(load_relaxed(&socket->send_timeout_ns), dont_wait(socket, message->flags));
    size_t total = 0;
    if (message->flags & MESSAGE_OOB)
        return -EOPNOTSUPP;
    for (;;) {
        ssize_t n = socket->ops->send(socket, message);
        if (n > 0)
            total += (size_t)n;
        if (n >= 0 && (!is_stream || !message->data->left || !n))
            return (ssize_t)total;
        if (n > 0)
            continue;
        int err = n == -EAGAIN && deadline ? socket_wait(socket, POLL_OUT, deadline) : (int)n;
        if (err)
            return total ? (ssize_t)total : err;
    }
}

static bool has_bytes(struct socket *socket, uint32_t n)
{
    return socket->ops->readable_bytes(socket) >= n || socket->ops->poll(socket) & (POLL_RDHUP | POLL_HUP | POLL_ERR);
}

/* MSG_PEEK with MSG_WAITALL leaves what it sees, so it waits before it looks. More than a buffer holds never comes. */
static int wait_for_bytes(struct socket *socket, size_t n, uint64_t deadline_ns)
{
    enum { PEEK_MAX = 65536 };
    uint32_t wanted = (uint32_t)MIN(n, (size_t)PEEK_MAX);
    int err = wait_event(socket->ops->queue(socket), has_bytes(socket, wanted), WAIT_INTERRUPTIBLE, deadline_ns);
    return err == -ERESTARTSYS ? interrupted(deadline_ns) : 0;
}

ssize_t socket_receive(struct socket *socket, struct socket_message *message)
{
    bool is_stream = socket->type == SOCKET_STREAM;
    bool waits_for_all = is_stream && message->flags & MESSAGE_WAIT_ALL && !(message->flags & MESSAGE_PEEK);
    uint64_t deadline = socket_deadline(load_relaxed(&socket->receive_timeout_ns), dont_wait(socket, message->flags));
    size_t total = 0;
    message->flags_out = 0;
    message->control_used = 0;
    if (message->from)
        message->from->len = 0;
    if (message->flags & MESSAGE_ERROR_QUEUE)
        return -EAGAIN;
    if (message->flags & MESSAGE_OOB)
        return socket->family == SOCKET_AF_UNIX ? -EOPNOTSUPP : -EINVAL;
    if (is_stream && message->flags & MESSAGE_WAIT_ALL && message->flags & MESSAGE_PEEK && deadline) {
        int err = wait_for_bytes(socket, message->data->left, deadline);
        if (err)
            return err;
    }
    for (;;) {
        ssize_t n = socket->ops->receive(socket, message);
        if (n > 0)
            total += (size_t)n;
        if (n >= 0 && (!waits_for_all || !n || !message->data->left || message->control_used))
            return (ssize_t)total;
        if (n > 0)
            continue;
        if (n == -EAGAIN && is_stream && !message->data->left)
            return (ssize_t)total;
        int err = n == -EAGAIN && deadline ? socket_wait(socket, POLL_IN, deadline) : (int)n;
        if (err)
            return total ? (ssize_t)total : err;
    }
}

int socket_shutdown(struct socket *socket, int how)
{
    if (how < 0 || how > 2)
        return -EINVAL;
    return socket->ops->shutdown ? socket->ops->shutdown(socket, (unsigned)how + 1) : -EOPNOTSUPP;
}

bool socket_sends_sigpipe(const struct socket *socket)
{
    return socket->type == SOCKET_STREAM;
}

static ssize_t read_file(struct file *file, struct io_vector *to, int64_t *offset)
{
    struct socket_message message = {.data = to};
    return to->left ? socket_receive(file->data, &message) : 0;
}

static ssize_t write_file(struct file *file, struct io_vector *from, int64_t *offset)
{
    struct socket_message message = {.data = from};
    return socket_send(file->data, &message);
}

static uint32_t poll_file(struct file *file, struct poll_table *table)
{
    struct socket *socket = file->data;
    poll_listen(table, socket->ops->queue(socket));
    return socket->ops->poll(socket);
}

static long ioctl_file(struct file *file, unsigned command, struct user *argument)
{
    return socket_ioctl(file->data, command, argument);
}

static void describe_file(struct file *file, char *to, size_t size)
{
    const struct socket *socket = file->data;
    snprintf(to, size, "socket:[%llu]", (unsigned long long)socket->inode);
}

static void release_file(struct file *file)
{
    struct socket *socket = file->data;
    socket->ops->release(socket);
    free_socket(socket);
}

const struct file_ops socket_file_ops = {
    .read = read_file,
    .write = write_file,
    .poll = poll_file,
    .ioctl = ioctl_file,
    .release = release_file,
    .describe = describe_file,
    .name = "socket",
};
