/* Connections: listen, connect, accept; and the fixed peer of datagram sockets. */
#include <file/poll.h>
#include "private.h"

enum { BACKLOG_MAX = 4096 };

int unix_listen(struct unix_socket *socket, int backlog)
{
    int err = 0;
    if (socket->type == UNIX_DATAGRAM)
        return -EOPNOTSUPP;
    if (!load_acquire(&socket->has_name))
        return -EINVAL;
    struct unix_credentials credentials;
    unix_get_own_credentials(socket->domain, &credentials);
    spin_lock(&socket->lock);
    if (socket->state == UNIX_CONNECTED)
        err = -EINVAL;
    else {
        socket->backlog = backlog < 0 || backlog > BACKLOG_MAX ? BACKLOG_MAX : (unsigned)backlog;
        socket->own_credentials = credentials;
        store_relaxed(&socket->state, UNIX_LISTENING);
    }
    spin_unlock(&socket->lock);
    if (!err)
        wake_up_all(&socket->room, 0);
    return err;
}

static bool can_take_connection(struct unix_socket *listener)
{
    spin_lock(&listener->lock);
    bool can = listener->state != UNIX_LISTENING || listener->accept_count <= listener->backlog ||
               listener->shutdown & UNIX_SHUTDOWN_READ;
    spin_unlock(&listener->lock);
    return can;
}

/* Puts the child in the listener's queue; it then belongs to the listener. */
static int offer(struct unix_socket *listener, struct unix_socket *child)
{
    int err = 0;
    spin_lock(&listener->lock);
    if (listener->state != UNIX_LISTENING || listener->is_dead || listener->shutdown & UNIX_SHUTDOWN_READ)
        err = -ECONNREFUSED;
    else if (listener->accept_count > listener->backlog)
        err = -EAGAIN;
    else {
        list_add_last(&listener->accept_queue, &child->accept_link);
        store_relaxed(&listener->accept_count, listener->accept_count + 1);
    }
    spin_unlock(&listener->lock);
    if (!err)
        wake_up_all(&listener->wait, POLL_IN | POLL_RDNORM);
    return err;
}

static int set_connected(struct unix_socket *socket, struct unix_socket *child, const struct unix_credentials *theirs)
{
    int err = 0;
    spin_lock(&socket->lock);
    if (socket->state == UNIX_CONNECTED)
        err = -EISCONN;
    else if (socket->state == UNIX_LISTENING)
        err = -EINVAL;
    else {
        refcount_get(&child->refs);
        socket->peer = child;
        socket->peer_credentials = *theirs;
        store_relaxed(&socket->state, UNIX_CONNECTED);
    }
    spin_unlock(&socket->lock);
    return err;
}

static void unset_connected(struct unix_socket *socket)
{
    spin_lock(&socket->lock);
    struct unix_socket *child = socket->peer;
    socket->peer = NULL;
    store_relaxed(&socket->state, UNIX_UNCONNECTED);
    spin_unlock(&socket->lock);
    unix_put(child);
}

/* The end that accept will return: named as the listener, connected to the one who calls. */
static int make_child(struct unix_socket *socket, struct unix_socket *listener, struct unix_socket **out)
{
    int err = unix_create(socket->domain, socket->type, out);
    if (err)
        return err;
    struct unix_socket *child = *out;
    unix_get_name(listener, &child->name);
    child->has_name = 1;
    child->state = UNIX_CONNECTED;
    child->passes_credentials = load_relaxed(&listener->passes_credentials);
    child->own_credentials = listener->own_credentials;
    unix_get_own_credentials(socket->domain, &child->peer_credentials);
    refcount_get(&socket->refs);
    child->peer = socket;
    return 0;
}

/* The child never got an owner: undone without hanging up on its peer. */
static void drop_child(struct unix_socket *child)
{
    struct unix_socket *peer = child->peer;
    child->peer = NULL;
    unix_put(peer);
    unix_close(child);
}

static int connect_stream(struct unix_socket *socket, struct unix_socket *listener, uint64_t deadline_ns)
{
    struct unix_socket *child;
    if (listener->type != socket->type)
        return -EPROTOTYPE;
    int err = make_child(socket, listener, &child);
    if (err)
        return err;
    err = set_connected(socket, child, &listener->own_credentials);
    if (err)
        goto drop;
    while ((err = offer(listener, child)) == -EAGAIN && deadline_ns) {
        err = wait_event(&listener->room, can_take_connection(listener), WAIT_INTERRUPTIBLE, deadline_ns);
        if (err) {
            err = err == -ETIMEDOUT ? -EAGAIN : err;
            break;
        }
    }
    if (!err) {
        wake_up_all(&socket->wait, POLL_OUT | POLL_WRNORM);
        return 0;
    }
    unset_connected(socket);
drop:
    drop_child(child);
    return err;
}

static int connect_datagram(struct unix_socket *socket, struct unix_socket *peer)
{
    if (peer && peer->type != socket->type)
        return -EPROTOTYPE;
    if (peer) {
        spin_lock(&peer->lock);
        bool may = !peer->peer || peer->peer == socket;
        spin_unlock(&peer->lock);
        if (!may)
            return -EPERM;
        refcount_get(&peer->refs);
    }
    spin_lock(&socket->lock);
    struct unix_socket *old = socket->peer;
    socket->peer = peer;
    store_relaxed(&socket->state, peer ? UNIX_CONNECTED : UNIX_UNCONNECTED);
    spin_unlock(&socket->lock);
    unix_put(old);
    return 0;
}

int unix_connect(struct unix_socket *socket, const struct unix_name *name, const void *caller, uint64_t deadline_ns)
{
    struct unix_socket *found;
    bool is_datagram = socket->type == UNIX_DATAGRAM;
    if (!name)
        return is_datagram ? connect_datagram(socket, NULL) : -EINVAL;
    int err = unix_passes_credentials(socket) ? unix_autobind(socket) : 0;
    if (err)
        return err;
    err = unix_find(socket->domain, name, caller, &found);
    if (err)
        return err;
    err = is_datagram ? connect_datagram(socket, found) : connect_stream(socket, found, deadline_ns);
    unix_put(found);
    return err;
}

int unix_accept(struct unix_socket *listener, struct unix_socket **out)
{
    struct unix_socket *child = NULL;
    int err = -EAGAIN;
    spin_lock(&listener->lock);
    if (listener->state != UNIX_LISTENING || listener->type == UNIX_DATAGRAM)
        err = listener->type == UNIX_DATAGRAM ? -EOPNOTSUPP : -EINVAL;
    else if (!list_is_empty(&listener->accept_queue)) {
        child = list_first(&listener->accept_queue, struct unix_socket, accept_link);
        list_remove(&child->accept_link);
        store_relaxed(&listener->accept_count, listener->accept_count - 1);
    } else if (listener->shutdown & UNIX_SHUTDOWN_READ)
        err = -EINVAL;
    spin_unlock(&listener->lock);
    if (!child)
        return err;
    wake_up_all(&listener->room, 0);
    *out = child;
    return 0;
}
