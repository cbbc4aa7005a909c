/*
 * Data: a sender makes messages and puts them in the receiver's queue; each counts against its sender's buffer until it
 * is read. Descriptors in flight are bounded in number for the whole domain: sockets that were sent over each other and
 * then closed stay until then, and sending more fails with ETOOMANYREFS.
 */
#include <base/string.h>
#include <common/checked.h>
#include <file/poll.h>
#include <mm/alloc.h>
#include "private.h"

enum { STREAM_PART = 32768, FILES_IN_FLIGHT_MAX = 16384 };

void unix_ancillary_destroy(struct unix_ancillary *ancillary)
{
    for (unsigned i = 0; ancillary->files && i < ancillary->file_count; i++)
        file_put(ancillary->files[i]);
    kfree(ancillary->files);
    ancillary->files = NULL;
    ancillary->file_count = 0;
}

/* Half of it free: as Linux, so that a writer is not woken for every few bytes. */
bool unix_has_room(const struct unix_socket *socket)
{
    return (uint64_t)load_relaxed(&socket->in_flight) * 4 <= load_relaxed(&socket->send_buffer);
}

void unix_message_free(struct unix_message *message)
{
    struct unix_socket *sender = message->sender;
    if (message->ancillary.files)
        atomic_fetch_sub(&sender->domain->files_in_flight, message->ancillary.file_count);
    unix_ancillary_destroy(&message->ancillary);
    atomic_fetch_sub(&sender->in_flight, message->cost);
    if (unix_has_room(sender))
        wake_up_all(&sender->wait, POLL_OUT | POLL_WRNORM | POLL_WRBAND);
    unix_put(sender);
    kfree(message);
}

/*
 * A message may hold the last reference to a socket that holds messages, and so on: those with descriptors go to the
 * domain's list, which one thread at a time empties, so that depth does not grow with what a program queued.
 */
static void free_doomed(struct unix_domain *domain)
{
    spin_lock(&domain->lock);
    bool is_mine = !domain->is_draining;
    while (is_mine && !list_is_empty(&domain->doomed)) {
        struct unix_message *message = list_first(&domain->doomed, struct unix_message, link);
        list_remove(&message->link);
        domain->is_draining = true;
        spin_unlock(&domain->lock);
        unix_message_free(message);
        spin_lock(&domain->lock);
    }
    if (is_mine)
        domain->is_draining = false;
    spin_unlock(&domain->lock);
}

void unix_drop_messages(struct unix_domain *domain, struct list *messages)
{
    bool has_files = false;
    while (!list_is_empty(messages)) {
        struct unix_message *message = list_first(messages, struct unix_message, link);
        list_remove(&message->link);
        if (!message->ancillary.files) {
            unix_message_free(message);
            continue;
        }
        has_files = true;
        spin_lock(&domain->lock);
        list_add_last(&domain->doomed, &message->link);
        spin_unlock(&domain->lock);
    }
    if (has_files)
        free_doomed(domain);
}

/* Charges the sender's buffer: a message goes in while anything is free, so the buffer is exceeded by at most one. */
static bool charge(struct unix_socket *sender, uint32_t cost)
{
    uint32_t limit = load_relaxed(&sender->send_buffer), used = load_relaxed(&sender->in_flight);
    do {
        if (used && (uint64_t)used + cost > limit)
            return false;
    } while (!atomic_compare_exchange(&sender->in_flight, &used, used + cost));
    return true;
}

static int take_files(struct unix_message *message, struct unix_ancillary *from)
{
    struct unix_domain *domain = message->sender->domain;
    if (!from->files)
        return 0;
    uint32_t was = atomic_fetch_add(&domain->files_in_flight, from->file_count);
    if (was + from->file_count > FILES_IN_FLIGHT_MAX) {
        atomic_fetch_sub(&domain->files_in_flight, from->file_count);
        return -ETOOMANYREFS;
    }
    message->ancillary.files = from->files;
    message->ancillary.file_count = from->file_count;
    return 0;
}

/* A message of the next `len` bytes, charged to the sender. */
static int make_message(struct unix_socket *sender, struct io_vector *from, uint32_t len, struct unix_message **out)
{
    uint32_t cost = len + (uint32_t)sizeof(struct unix_message);
    if (!charge(sender, cost))
        return -EAGAIN;
    struct unix_message *message = kmalloc(sizeof *message + len, ALLOC_WAIT);
    if (!message) {
        atomic_fetch_sub(&sender->in_flight, cost);
        return -ENOBUFS;
    }
    memset(message, 0, sizeof *message);
    list_init(&message->link);
    refcount_get(&sender->refs);
    message->sender = sender;
    message->cost = cost;
    message->len = len;
    unix_get_own_credentials(sender->domain, &message->ancillary.credentials);
    if (io_copy_from(from, message->bytes, len) != len) {
        unix_message_free(message);
        return -EFAULT;
    }
    *out = message;
    return 0;
}

/* Into the receiver's queue: 0, or why not (the message is still the caller's). */
static int enqueue(struct unix_socket *receiver, struct unix_message *message)
{
    int err = 0;
    bool is_datagram = receiver->type == UNIX_DATAGRAM;
    spin_lock(&receiver->lock);
    if (receiver->is_dead)
        err = is_datagram ? -ECONNREFUSED : -EPIPE;
    else if (receiver->shutdown & UNIX_SHUTDOWN_READ)
        err = -EPIPE;
    else if (is_datagram && receiver->peer && receiver->peer != message->sender)
        err = -EPERM;
    else {
        list_add_last(&receiver->queue, &message->link);
        store_relaxed(&receiver->queued_bytes, receiver->queued_bytes + message->len);
        store_release(&receiver->queued_count, receiver->queued_count + 1);
    }
    spin_unlock(&receiver->lock);
    if (!err)
        wake_up_all(&receiver->wait, POLL_IN | POLL_RDNORM);
    return err;
}

/* Makes and queues one message; files and explicit credentials go along and are then no longer the caller's. */
static int send_one(struct unix_socket *socket, struct unix_socket *receiver, struct io_vector *from, uint32_t len,
                    struct unix_ancillary *ancillary)
{
    struct unix_message *message;
    int err = make_message(socket, from, len, &message);
    if (err)
        return err;
    if (ancillary) {
        if (ancillary->has_credentials)
            message->ancillary.credentials = ancillary->credentials;
        err = take_files(message, ancillary);
        if (err)
            goto free_message;
    }
    err = enqueue(receiver, message);
    if (!err) {
        if (ancillary)
            ancillary->files = NULL;
        return 0;
    }
    if (message->ancillary.files)
        atomic_fetch_sub(&socket->domain->files_in_flight, message->ancillary.file_count);
    message->ancillary.files = NULL;
free_message:
    unix_message_free(message);
    return err;
}

static ssize_t send_stream(struct unix_socket *socket, struct unix_socket *peer, struct io_vector *from,
                           struct unix_ancillary *ancillary)
{
    size_t total = 0;
    while (from->left) {
        uint32_t len = (uint32_t)MIN(from->left, (size_t)STREAM_PART);
        uint32_t limit = load_relaxed(&socket->send_buffer), used = load_relaxed(&socket->in_flight);
        uint32_t room = used < limit ? limit - used : 0, overhead = (uint32_t)sizeof(struct unix_message);
        if (room > overhead && room - overhead < len)
            len = room - overhead;
        int err = send_one(socket, peer, from, len, ancillary);
        if (err)
            return total ? (ssize_t)total : err;
        total += len;
        ancillary = NULL;
    }
    return (ssize_t)total;
}

static int find_receiver(struct unix_socket *socket, const struct unix_send *options, struct unix_socket **out)
{
    if (options->to && socket->type == UNIX_DATAGRAM) {
        struct unix_socket *found;
        int err = unix_find(socket->domain, options->to, options->caller, &found);
        if (err)
            return err;
        if (found->type != UNIX_DATAGRAM) {
            unix_put(found);
            return -EPROTOTYPE;
        }
        *out = found;
        return 0;
    }
    *out = unix_peer_get(socket);
    if (!*out)
        return -ENOTCONN;
    if (options->to && socket->type == UNIX_STREAM) {
        unix_put(*out);
        return -EISCONN;
    }
    return 0;
}

/* A datagram socket whose peer is gone forgets it (connect anew). */
static void forget_peer(struct unix_socket *socket, struct unix_socket *dead)
{
    spin_lock(&socket->lock);
    bool is_peer = socket->peer == dead;
    if (is_peer) {
        socket->peer = NULL;
        store_relaxed(&socket->state, UNIX_UNCONNECTED);
    }
    spin_unlock(&socket->lock);
    if (is_peer)
        unix_put(dead);
}

ssize_t unix_send(struct unix_socket *socket, struct io_vector *from, const struct unix_send *options)
{
    struct unix_socket *receiver;
    size_t len = from->left;
    int err = unix_take_error(socket);
    if (err)
        return -err;
    if (load_relaxed(&socket->shutdown) & UNIX_SHUTDOWN_WRITE)
        return -EPIPE;
    if (unix_passes_credentials(socket) && (err = unix_autobind(socket)))
        return err;
    err = find_receiver(socket, options, &receiver);
    if (err)
        return err == -ENOTCONN && socket->type == UNIX_STREAM && options->to ? -EOPNOTSUPP : err;
    ssize_t done;
    if (socket->type == UNIX_STREAM)
        done = send_stream(socket, receiver, from, options->ancillary);
    else if (len > load_relaxed(&socket->send_buffer) - MIN(load_relaxed(&socket->send_buffer), 32u))
        done = -EMSGSIZE;
    else {
        err = send_one(socket, receiver, from, (uint32_t)len, options->ancillary);
        done = err ? err : (ssize_t)len;
    }
    if (done == -ECONNREFUSED && !options->to)
        forget_peer(socket, receiver);
    unix_put(receiver);
    return done;
}
