/* Unix sockets: making, closing, shutdown, polling, and small questions. */
#include <file/poll.h>
#include <base/string.h>
#include <mm/alloc.h>
#include "private.h"

enum { SEND_BUFFER_DEFAULT = 212992 };

struct unix_domain *unix_domain_create(const struct unix_hooks *hooks)
{
    struct unix_domain *domain = kzalloc(sizeof *domain, ALLOC_WAIT);
    if (!domain)
        return NULL;
    domain->hooks = hooks;
    list_init(&domain->all);
    list_init(&domain->doomed);
    for (unsigned i = 0; i < UNIX_ABSTRACT_BUCKETS; i++)
        list_init(&domain->abstract[i]);
    return domain;
}

void unix_domain_destroy(struct unix_domain *domain)
{
    kfree(domain);
}

void unix_get_own_credentials(struct unix_domain *domain, struct unix_credentials *out)
{
    *out = (struct unix_credentials){0};
    if (domain->hooks && domain->hooks->identify)
        domain->hooks->identify(out);
}

int unix_create(struct unix_domain *domain, enum unix_type type, struct unix_socket **out)
{
    struct unix_socket *socket = kzalloc(sizeof *socket, ALLOC_WAIT);
    if (!socket)
        return -ENOMEM;
    socket->domain = domain;
    socket->type = type;
    socket->send_buffer = SEND_BUFFER_DEFAULT;
    refcount_init(&socket->refs, 1);
    spin_init(&socket->lock);
    mutex_init(&socket->bind_lock);
    mutex_init(&socket->read_lock);
    list_init(&socket->queue);
    list_init(&socket->accept_queue);
    list_init(&socket->accept_link);
    list_init(&socket->name_link);
    wait_queue_init(&socket->wait);
    wait_queue_init(&socket->room);
    spin_lock(&domain->lock);
    list_add_last(&domain->all, &socket->all_link);
    spin_unlock(&domain->lock);
    *out = socket;
    return 0;
}

int unix_pair(struct unix_domain *domain, enum unix_type type, struct unix_socket **a, struct unix_socket **b)
{
    struct unix_socket *first, *second;
    int err = unix_create(domain, type, &first);
    if (err)
        return err;
    err = unix_create(domain, type, &second);
    if (err) {
        unix_close(first);
        return err;
    }
    refcount_get(&first->refs);
    refcount_get(&second->refs);
    first->peer = second;
    second->peer = first;
    first->state = second->state = UNIX_CONNECTED;
    unix_get_own_credentials(domain, &first->own_credentials);
    second->own_credentials = first->peer_credentials = second->peer_credentials = first->own_credentials;
    *a = first;
    *b = second;
    return 0;
}

void unix_put(struct unix_socket *socket)
{
    if (!socket || !refcount_put(&socket->refs))
        return;
    spin_lock(&socket->domain->lock);
    list_remove(&socket->all_link);
    spin_unlock(&socket->domain->lock);
    kfree(socket);
}

bool unix_get_live(void *found)
{
    struct unix_socket *socket = found;
    return refcount_get_unless_zero(&socket->refs);
}

struct unix_socket *unix_peer_get(struct unix_socket *socket)
{
    spin_lock(&socket->lock);
    struct unix_socket *peer = socket->peer;
    if (peer)
        refcount_get(&peer->refs);
    spin_unlock(&socket->lock);
    return peer;
}

/* The other end of a connection learns that this one is gone. */
static void hang_up(struct unix_socket *peer, bool was_reset)
{
    spin_lock(&peer->lock);
    store_relaxed(&peer->shutdown, (uint32_t)(UNIX_SHUTDOWN_READ | UNIX_SHUTDOWN_WRITE));
    if (was_reset)
        store_relaxed(&peer->error, ECONNRESET);
    spin_unlock(&peer->lock);
    wake_up_all(&peer->wait, 0);
}

/* Connections that nobody accepted are closed with their listener. */
static void close_accept_queue(struct unix_socket *socket)
{
    for (;;) {
        struct unix_socket *child = NULL;
        spin_lock(&socket->lock);
        if (!list_is_empty(&socket->accept_queue)) {
            child = list_first(&socket->accept_queue, struct unix_socket, accept_link);
            list_remove(&child->accept_link);
        }
        spin_unlock(&socket->lock);
        if (!child)
            return;
        child->sends_embryo_reset = true;
        unix_close(child);
    }
}

void unix_close(struct unix_socket *socket)
{
    struct list unread;
    list_init(&unread);
    unix_drop_name(socket);
    spin_lock(&socket->lock);
    socket->is_dead = true;
    store_relaxed(&socket->shutdown, (uint32_t)(UNIX_SHUTDOWN_READ | UNIX_SHUTDOWN_WRITE));
    bool was_listening = socket->state == UNIX_LISTENING, is_connection = socket->type != UNIX_DATAGRAM;
    store_relaxed(&socket->state, UNIX_UNCONNECTED);
    struct unix_socket *peer = socket->peer;
    socket->peer = NULL;
    list_splice_last(&unread, &socket->queue);
    store_relaxed(&socket->queued_bytes, 0u);
    store_relaxed(&socket->queued_count, 0u);
    spin_unlock(&socket->lock);
    if (was_listening) {
        wake_up_all(&socket->room, 0);
        close_accept_queue(socket);
    }
    if (peer && is_connection)
        hang_up(peer, !list_is_empty(&unread) || socket->sends_embryo_reset);
    unix_drop_messages(socket->domain, &unread);
    unix_put(peer);
    wake_up_all(&socket->wait, 0);
    unix_put(socket);
}

int unix_shutdown(struct unix_socket *socket, unsigned how)
{
    spin_lock(&socket->lock);
    store_relaxed(&socket->shutdown, socket->shutdown | how);
    struct unix_socket *peer = socket->type == UNIX_DATAGRAM ? NULL : socket->peer;
    if (peer)
        refcount_get(&peer->refs);
    spin_unlock(&socket->lock);
    wake_up_all(&socket->wait, 0);
    wake_up_all(&socket->room, 0);
    if (!peer)
        return 0;
    uint32_t theirs =
        (how & UNIX_SHUTDOWN_READ ? UNIX_SHUTDOWN_WRITE : 0u) | (how & UNIX_SHUTDOWN_WRITE ? UNIX_SHUTDOWN_READ : 0u);
    spin_lock(&peer->lock);
    store_relaxed(&peer->shutdown, peer->shutdown | theirs);
    spin_unlock(&peer->lock);
    wake_up_all(&peer->wait, 0);
    unix_put(peer);
    return 0;
}

uint32_t unix_poll(struct unix_socket *socket)
{
    uint32_t bits = 0, shutdown = load_relaxed(&socket->shutdown);
    enum unix_state state = load_relaxed(&socket->state);
    bool is_connection = socket->type != UNIX_DATAGRAM;
    if (state == UNIX_LISTENING)
        return load_relaxed(&socket->accept_count) ? POLL_IN | POLL_RDNORM : 0;
    if (load_relaxed(&socket->error))
        bits |= POLL_ERR;
    if (shutdown == (UNIX_SHUTDOWN_READ | UNIX_SHUTDOWN_WRITE) || (is_connection && state == UNIX_UNCONNECTED))
        bits |= POLL_HUP;
    if (shutdown & UNIX_SHUTDOWN_READ)
        bits |= POLL_RDHUP | POLL_IN | POLL_RDNORM;
    if (load_acquire(&socket->queued_count))
        bits |= POLL_IN | POLL_RDNORM;
    if (unix_has_room(socket))
        bits |= POLL_OUT | POLL_WRNORM | POLL_WRBAND;
    return bits;
}

struct wait_queue *unix_wait_queue(struct unix_socket *socket)
{
    return &socket->wait;
}

int unix_take_error(struct unix_socket *socket)
{
    return atomic_exchange(&socket->error, 0);
}

enum unix_type unix_get_type(const struct unix_socket *socket)
{
    return socket->type;
}

bool unix_is_listening(const struct unix_socket *socket)
{
    return load_relaxed(&socket->state) == UNIX_LISTENING;
}

void unix_get_name(struct unix_socket *socket, struct unix_name *out)
{
    out->len = 0;
    if (load_acquire(&socket->has_name))
        *out = socket->name;
}

int unix_get_peer_name(struct unix_socket *socket, struct unix_name *out)
{
    struct unix_socket *peer = unix_peer_get(socket);
    if (!peer)
        return -ENOTCONN;
    unix_get_name(peer, out);
    unix_put(peer);
    return 0;
}

void unix_get_peer_credentials(struct unix_socket *socket, struct unix_credentials *out)
{
    spin_lock(&socket->lock);
    *out = socket->peer_credentials;
    if (socket->state == UNIX_LISTENING)
        *out = socket->own_credentials;
    else if (socket->state == UNIX_UNCONNECTED)
        *out = (struct unix_credentials){0, UINT32_MAX, UINT32_MAX};
    spin_unlock(&socket->lock);
}

void unix_set_pass_credentials(struct unix_socket *socket, bool on)
{
    store_relaxed(&socket->passes_credentials, (uint32_t)on);
}

bool unix_passes_credentials(const struct unix_socket *socket)
{
    return load_relaxed(&socket->passes_credentials);
}

void unix_set_send_buffer(struct unix_socket *socket, uint32_t bytes)
{
    store_relaxed(&socket->send_buffer, bytes);
    wake_up_all(&socket->wait, POLL_OUT | POLL_WRNORM);
}

uint32_t unix_get_send_buffer(const struct unix_socket *socket)
{
    return load_relaxed(&socket->send_buffer);
}

void unix_set_inode(struct unix_socket *socket, uint64_t inode)
{
    store_relaxed(&socket->inode, inode);
}

void unix_for_each(struct unix_domain *domain, void (*visit)(const struct unix_summary *summary, void *argument),
                   void *argument)
{
    struct unix_socket *socket;
    spin_lock(&domain->lock);
    list_for_each(socket, &domain->all, all_link)
    {
        struct unix_summary summary = {.socket = socket,
                                       .refs = load_relaxed(&socket->refs.count),
                                       .type = socket->type,
                                       .is_listening = load_relaxed(&socket->state) == UNIX_LISTENING,
                                       .is_connected = load_relaxed(&socket->state) == UNIX_CONNECTED,
                                       .inode = load_relaxed(&socket->inode)};
        unix_get_name(socket, &summary.name);
        visit(&summary, argument);
    }
    spin_unlock(&domain->lock);
}
