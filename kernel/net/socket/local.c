/* Unix sockets: names, ancillary data and settings translated. */
#include <base/string.h>
#include "private.h"

static int local_bind(struct socket *socket, const struct socket_address *address, const void *caller)
{
    struct unix_name name;
    int err = local_address_parse(address, &name);
    return err ? err : unix_bind(socket->local, &name, caller, 0777);
}

static int local_listen(struct socket *socket, int backlog)
{
    return unix_listen(socket->local, backlog);
}

static int local_connect(struct socket *socket, const struct socket_address *address, const void *caller,
                         uint64_t deadline_ns)
{
    struct unix_name name;
    if (address->family == SOCKET_AF_UNSPEC)
        return unix_connect(socket->local, NULL, caller, deadline_ns);
    int err = local_address_parse(address, &name);
    if (err)
        return err;
    err = unix_connect(socket->local, &name, caller, deadline_ns);
    return err == -ERESTARTSYS && deadline_ns != UINT64_MAX ? -EINTR : err;
}

static int local_accept(struct socket *socket, struct socket *child)
{
    int err = unix_accept(socket->local, &child->local);
    if (!err)
        unix_set_inode(child->local, child->inode);
    return err;
}

static int local_get_name(struct socket *socket, bool is_peer, struct socket_address *out)
{
    struct unix_name name;
    int err = 0;
    if (is_peer)
        err = unix_get_peer_name(socket->local, &name);
    else
        unix_get_name(socket->local, &name);
    if (!err)
        local_address_build(&name, out);
    return err;
}

static ssize_t local_send(struct socket *socket, struct socket_message *message)
{
    struct control control;
    struct unix_name name;
    struct unix_send options = {.caller = message->caller};
    if (message->to && message->to->len) {
        int err = local_address_parse(message->to, &name);
        if (err)
            return err;
        options.to = &name;
    }
    int err = control_parse(socket, message, &control);
    if (err)
        return err;
    if (control.has_local)
        options.ancillary = &control.ancillary;
    bool had_files = control.ancillary.files;
    ssize_t done = unix_send(socket->local, message->data, &options);
    if (had_files && !control.ancillary.files) { /* they went with the first bytes: not again with the rest */
        message->control = NULL;
        message->control_len = 0;
    }
    control_destroy(&control);
    return done;
}

static void put_control(struct socket *socket, struct socket_message *message, struct unix_ancillary *ancillary)
{
    if (unix_passes_credentials(socket->local) && ancillary->has_credentials) {
        enum { SCM_CREDENTIALS = 2 };
        control_put(message, LEVEL_SOCKET, SCM_CREDENTIALS, &ancillary->credentials, sizeof ancillary->credentials);
    }
    if (ancillary->files)
        control_put_rights(message, ancillary);
    unix_ancillary_destroy(ancillary);
}

static ssize_t local_receive(struct socket *socket, struct socket_message *message)
{
    struct unix_ancillary ancillary = {.files = NULL};
    struct unix_name from = {.len = 0};
    struct unix_receive options = {.peek = message->flags & MESSAGE_PEEK, .ancillary = &ancillary, .from = &from};
    ssize_t done = unix_receive(socket->local, message->data, &options);
    if (done < 0)
        return done;
    put_control(socket, message, &ancillary);
    if (socket->type == SOCKET_STREAM)
        return done;
    if (options.message_len > (size_t)done) {
        message->flags_out |= MESSAGE_TRUNCATED;
        if (message->flags & MESSAGE_TRUNCATED)
            done = (ssize_t)options.message_len;
    }
    if (message->from && socket->type == SOCKET_DATAGRAM && from.len)
        local_address_build(&from, message->from);
    if (socket->type == SOCKET_SEQUENCED && options.message_len)
        message->flags_out |= MESSAGE_END_OF_RECORD;
    return done;
}

static int local_shutdown(struct socket *socket, unsigned how)
{
    struct unix_name name;
    if (socket->type != SOCKET_DATAGRAM && !unix_is_listening(socket->local) &&
        unix_get_peer_name(socket->local, &name) && !(unix_poll(socket->local) & POLL_RDHUP))
        return -ENOTCONN;
    return unix_shutdown(socket->local, how);
}

static uint32_t local_poll(struct socket *socket)
{
    return unix_poll(socket->local);
}

static struct wait_queue *local_queue(struct socket *socket)
{
    return unix_wait_queue(socket->local);
}

static int local_take_error(struct socket *socket)
{
    return unix_take_error(socket->local);
}

static int local_set(struct socket *socket, int name, int value)
{
    enum { BUFFER_MIN = 4608, BUFFER_MAX = 8 << 20 };
    if (name == OPTION_PASS_CREDENTIALS)
        unix_set_pass_credentials(socket->local, value);
    else if (name == OPTION_SEND_BUFFER) {
        int64_t doubled = (int64_t)(value < 0 ? BUFFER_MAX : value) * 2;
        unix_set_send_buffer(socket->local, (uint32_t)(doubled > BUFFER_MAX   ? BUFFER_MAX
                                                       : doubled < BUFFER_MIN ? BUFFER_MIN
                                                                              : doubled));
    } else
        return -ENOPROTOOPT;
    return 0;
}

static int local_get(struct socket *socket, int name, int *value)
{
    if (name == OPTION_PASS_CREDENTIALS)
        *value = unix_passes_credentials(socket->local);
    else if (name == OPTION_SEND_BUFFER)
        *value = (int)unix_get_send_buffer(socket->local);
    else if (name == OPTION_ACCEPTS)
        *value = unix_is_listening(socket->local);
    else
        return -ENOPROTOOPT;
    return 0;
}

static int local_get_option(struct socket *socket, int level, int name, void *value, unsigned *len)
{
    struct unix_credentials credentials;
    if (level != LEVEL_SOCKET || name != OPTION_PEER_CREDENTIALS)
        return level == LEVEL_SOCKET ? -ENOPROTOOPT : -EOPNOTSUPP;
    unix_get_peer_credentials(socket->local, &credentials);
    *len = MIN(*len, (unsigned)sizeof credentials);
    memcpy(value, &credentials, *len);
    return 0;
}

static uint32_t local_readable_bytes(struct socket *socket)
{
    return unix_readable_bytes(socket->local);
}

static uint32_t local_unsent_bytes(struct socket *socket)
{
    return unix_unread_bytes(socket->local);
}

static void local_release(struct socket *socket)
{
    unix_close(socket->local);
}

const struct socket_ops local_ops = {
    .bind = local_bind,
    .listen = local_listen,
    .connect = local_connect,
    .accept = local_accept,
    .get_name = local_get_name,
    .send = local_send,
    .receive = local_receive,
    .shutdown = local_shutdown,
    .poll = local_poll,
    .queue = local_queue,
    .take_error = local_take_error,
    .set = local_set,
    .get = local_get,
    .get_option = local_get_option,
    .readable_bytes = local_readable_bytes,
    .unsent_bytes = local_unsent_bytes,
    .release = local_release,
};

static int check_type(struct socket *socket)
{
    if (socket->protocol && socket->protocol != SOCKET_AF_UNIX)
        return -EPROTONOSUPPORT;
    if (socket->type == SOCKET_RAW) /* as Linux: the same as datagrams */
        socket->type = SOCKET_DATAGRAM;
    socket->ops = &local_ops;
    return socket->type == SOCKET_STREAM || socket->type == SOCKET_DATAGRAM || socket->type == SOCKET_SEQUENCED
               ? 0
               : -ESOCKTNOSUPPORT;
}

int local_create(struct socket *socket)
{
    int err = check_type(socket);
    if (!err)
        err = unix_create(socket->net->local, (enum unix_type)socket->type, &socket->local);
    if (!err)
        unix_set_inode(socket->local, socket->inode);
    return err;
}

int local_create_pair(struct socket *a, struct socket *b)
{
    int err = check_type(a);
    if (!err)
        err = check_type(b);
    if (!err)
        err = unix_pair(a->net->local, (enum unix_type)a->type, &a->local, &b->local);
    if (err)
        return err;
    unix_set_inode(a->local, a->inode);
    unix_set_inode(b->local, b->inode);
    return 0;
}
