/* Stream sockets over TCP: errors and settings translated, waiting for the handshake. */
#include <arch/cpu.h>
#include "private.h"

static struct tcp_address to_tcp(const struct inet_address *from)
{
    return (struct tcp_address){from->address, from->port, from->scope};
}

static int stream_bind(struct socket *socket, const struct socket_address *address, const void *caller)
{
    struct inet_address local;
    int err = inet_address_parse(socket, address, ADDRESS_TO_BIND, &local);
    struct tcp_address to = to_tcp(&local);
    return err ? err : tcp_bind(socket->tcp, &to);
}

static int stream_listen(struct socket *socket, int backlog)
{
    return tcp_listen(socket->tcp, backlog);
}

static int wait_connected(struct socket *socket, uint64_t deadline_ns)
{
    int err;
    while ((err = tcp_connect_result(socket->tcp)) == -EINPROGRESS) {
        if (!deadline_ns)
            return -EINPROGRESS;
        err = socket_wait(socket, POLL_OUT, deadline_ns);
        if (err)
            return err == -EAGAIN ? -EINPROGRESS : err;
    }
    return err;
}

static void reach_this_host(struct ip_address *address)
{
    if (!ip_is_any(address))
        return;
    *address = ip_is_v4(address) ? ip_from_v4(0x7f000001) : (struct ip_address){.halves = {0, __builtin_bswap64(1)}};
}

static int stream_connect(struct socket *socket, const struct socket_address *address, const void *caller,
                          uint64_t deadline_ns)
{
    struct inet_address peer;
    if (address->family == SOCKET_AF_UNSPEC)
        return tcp_disconnect(socket->tcp);
    int err = inet_address_parse(socket, address, ADDRESS_TO_REACH, &peer);
    if (err)
        return err;
    reach_this_host(&peer.address);
    struct tcp_address to = to_tcp(&peer);
    err = tcp_connect(socket->tcp, &to);
    if (err == -ENETUNREACH) {
        err = socket_wait_for_route(socket, &peer.address);
        err = err ? err : tcp_connect(socket->tcp, &to);
    }
    bool is_under_way = err == -EINPROGRESS || (err == -EALREADY && deadline_ns);
    return is_under_way && deadline_ns ? wait_connected(socket, deadline_ns) : err;
}

static int stream_accept(struct socket *socket, struct socket *child)
{
    return tcp_accept(socket->tcp, &child->tcp);
}

static int stream_get_name(struct socket *socket, bool is_peer, struct socket_address *out)
{
    struct tcp_address address;
    int err = 0;
    if (is_peer)
        err = tcp_get_peer(socket->tcp, &address);
    else
        tcp_get_local(socket->tcp, &address);
    if (err)
        return err;
    struct inet_address name = {address.address, address.port, address.scope};
    inet_address_build(socket, &name, out);
    return 0;
}

static ssize_t stream_send(struct socket *socket, struct socket_message *message)
{
    if (message->control_len) { /* checked and without meaning here */
        struct control control;
        int err = control_parse(socket, message, &control);
        if (err)
            return err;
        control_destroy(&control);
    }
    return tcp_send(socket->tcp, message->data, message->flags & MESSAGE_MORE);
}

static ssize_t stream_receive(struct socket *socket, struct socket_message *message)
{
    unsigned flags = message->flags & MESSAGE_PEEK ? TCP_RECEIVE_PEEK : 0;
    if (message->flags & MESSAGE_TRUNCATED)
        flags |= TCP_RECEIVE_DISCARD;
    return tcp_receive(socket->tcp, message->data, flags);
}

static int stream_shutdown(struct socket *socket, unsigned how)
{
    return tcp_shutdown(socket->tcp, how);
}

static uint32_t stream_poll(struct socket *socket)
{
    return tcp_poll(socket->tcp);
}

static struct wait_queue *stream_queue(struct socket *socket)
{
    return tcp_wait_queue(socket->tcp);
}

static int stream_take_error(struct socket *socket)
{
    return tcp_take_error(socket->tcp);
}

static bool find_setting(int name, enum tcp_setting *out)
{
    static const struct {
        int name;
        enum tcp_setting setting;
    } table[] = {
        {OPTION_REUSE_ADDRESS, TCP_SET_REUSE_ADDRESS},
        {OPTION_REUSE_PORT, TCP_SET_REUSE_PORT},
        {OPTION_KEEPALIVE, TCP_SET_KEEPALIVE},
        {OPTION_SEND_BUFFER, TCP_SET_SEND_BUFFER},
        {OPTION_RECEIVE_BUFFER, TCP_SET_RECEIVE_BUFFER},
        {OPTION_LINGER, TCP_SET_LINGER_S},
        {OPTION_RECEIVE_LOW_WATER, TCP_SET_RECEIVE_LOW_WATER},
        {OPTION_BIND_TO_INDEX, TCP_SET_INTERFACE},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(table); i++)
        if (table[i].name == name) {
            *out = table[i].setting;
            return true;
        }
    return false;
}

static int stream_set(struct socket *socket, int name, int value)
{
    enum tcp_setting setting;
    return find_setting(name, &setting) ? tcp_set(socket->tcp, setting, value) : -ENOPROTOOPT;
}

static int stream_get(struct socket *socket, int name, int *value)
{
    enum tcp_setting setting;
    if (name == OPTION_ACCEPTS)
        *value = tcp_get_state(socket->tcp) == TCP_LISTEN;
    else if (find_setting(name, &setting))
        *value = tcp_get(socket->tcp, setting);
    else
        return -ENOPROTOOPT;
    return 0;
}

static int stream_set_option(struct socket *socket, int level, int name, const void *value, unsigned len)
{
    return level == LEVEL_TCP ? tcp_set_option(socket->tcp, name, value, len)
                              : inet_set_option(socket, level, name, value, len);
}

static int stream_get_option(struct socket *socket, int level, int name, void *value, unsigned *len)
{
    if (level != LEVEL_TCP)
        return inet_get_option(socket, level, name, value, len);
    size_t room = MIN(*len, (unsigned)TCP_OPTION_MAX);
    int err = tcp_get_option(socket->tcp, name, value, &room);
    if (!err)
        *len = (unsigned)room;
    return err;
}

static uint32_t stream_readable_bytes(struct socket *socket)
{
    return tcp_readable_bytes(socket->tcp);
}

static uint32_t stream_unsent_bytes(struct socket *socket)
{
    return tcp_unacked_bytes(socket->tcp);
}

static void stream_release(struct socket *socket)
{
    tcp_close(socket->tcp);
}

const struct socket_ops stream_ops = {
    .bind = stream_bind,
    .listen = stream_listen,
    .connect = stream_connect,
    .accept = stream_accept,
    .get_name = stream_get_name,
    .send = stream_send,
    .receive = stream_receive,
    .shutdown = stream_shutdown,
    .poll = stream_poll,
    .queue = stream_queue,
    .take_error = stream_take_error,
    .set = stream_set,
    .get = stream_get,
    .set_option = stream_set_option,
    .get_option = stream_get_option,
    .readable_bytes = stream_readable_bytes,
    .unsent_bytes = stream_unsent_bytes,
    .release = stream_release,
};

int stream_create(struct socket *socket)
{
    socket->ops = &stream_ops;
    return tcp_create(socket->net->stack, socket_is_v6(socket), &socket->tcp);
}
