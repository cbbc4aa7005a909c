/* Reading: readers take turns on read_lock, so the first message stays where it is while its bytes are copied out. */
#include <common/checked.h>
#include <mm/alloc.h>
#include "private.h"

static struct unix_message *first_message(struct unix_socket *socket)
{
    spin_lock(&socket->lock);
    struct unix_message *message =
        list_is_empty(&socket->queue) ? NULL : list_first(&socket->queue, struct unix_message, link);
    spin_unlock(&socket->lock);
    return message;
}

/* read_lock held: nobody else removes. */
static struct unix_message *next_message(struct unix_socket *socket, struct unix_message *message)
{
    spin_lock(&socket->lock);
    struct unix_message *next =
        message->link.next == &socket->queue ? NULL : list_entry(message->link.next, struct unix_message, link);
    spin_unlock(&socket->lock);
    return next;
}

static void consume(struct unix_socket *socket, struct unix_message *message, uint32_t n, bool all)
{
    spin_lock(&socket->lock);
    store_relaxed(&socket->queued_bytes, socket->queued_bytes - n);
    if (all) {
        list_remove(&message->link);
        store_relaxed(&socket->queued_count, socket->queued_count - 1);
    }
    spin_unlock(&socket->lock);
    if (all)
        unix_message_free(message);
}

/* A peeked message keeps its files: the reader gets references of its own. */
static int copy_files(struct unix_ancillary *to, const struct unix_ancillary *from)
{
    struct file **files = kmalloc_array(from->file_count, sizeof *files, ALLOC_WAIT);
    if (!files)
        return -ENOMEM;
    for (unsigned i = 0; i < from->file_count; i++) {
        file_get(from->files[i]);
        files[i] = from->files[i];
    }
    to->files = files;
    to->file_count = from->file_count;
    return 0;
}

static void give_ancillary(struct unix_socket *socket, struct unix_message *message, struct unix_receive *options)
{
    struct unix_ancillary *to = options->ancillary;
    if (!to)
        return;
    to->credentials = message->ancillary.credentials;
    to->has_credentials = true;
    if (!message->ancillary.files || to->files)
        return;
    if (options->peek) {
        copy_files(to, &message->ancillary); /* without memory a peek shows no files; they are not lost */
        return;
    }
    to->files = message->ancillary.files;
    to->file_count = message->ancillary.file_count;
    message->ancillary.files = NULL;
    atomic_fetch_sub(&socket->domain->files_in_flight, to->file_count);
}

static ssize_t receive_packet(struct unix_socket *socket, struct unix_message *message, struct io_vector *to,
                              struct unix_receive *options)
{
    size_t n = MIN((size_t)message->len, to->left);
    if (io_copy_to(to, message->bytes, n) != n)
        return -EFAULT;
    if (options->from)
        unix_get_name(message->sender, options->from);
    options->message_len = message->len;
    give_ancillary(socket, message, options);
    if (!options->peek)
        consume(socket, message, message->len, true);
    return (ssize_t)n;
}

static bool same_sender(const struct unix_message *a, const struct unix_credentials *b)
{
    return a->ancillary.credentials.pid == b->pid && a->ancillary.credentials.uid == b->uid &&
           a->ancillary.credentials.gid == b->gid;
}

static ssize_t receive_stream(struct unix_socket *socket, struct unix_message *message, struct io_vector *to,
                              struct unix_receive *options)
{
    size_t total = 0;
    struct unix_credentials sender = message->ancillary.credentials;
    bool checks_sender = unix_passes_credentials(socket);
    while (message && to->left) {
        if (total && checks_sender && !same_sender(message, &sender))
            break;
        bool has_files = message->ancillary.files;
        if (total && has_files && options->peek)
            break;
        size_t n = MIN((size_t)(message->len - message->done), to->left);
        size_t copied = io_copy_to(to, message->bytes + message->done, n);
        if (!copied && n)
            return total ? (ssize_t)total : -EFAULT;
        give_ancillary(socket, message, options);
        total += copied;
        struct unix_message *next = NULL;
        if (options->peek)
            next = next_message(socket, message);
        else {
            message->done += (uint32_t)copied;
            bool is_done = message->done == message->len;
            next = is_done ? next_message(socket, message) : NULL;
            consume(socket, message, (uint32_t)copied, is_done);
            if (is_done && !next)
                next = first_message(socket);
        }
        if (copied < n || has_files)
            break;
        message = next;
    }
    return (ssize_t)total;
}

ssize_t unix_receive(struct unix_socket *socket, struct io_vector *to, struct unix_receive *options)
{
    if (socket->type != UNIX_DATAGRAM && load_relaxed(&socket->state) != UNIX_CONNECTED)
        return socket->type == UNIX_SEQUENCED ? -ENOTCONN : -EINVAL;
    ssize_t done;
    mutex_lock(&socket->read_lock);
    struct unix_message *message = first_message(socket);
    if (message)
        done = unix_is_packets(socket) ? receive_packet(socket, message, to, options)
                                       : receive_stream(socket, message, to, options);
    else {
        int err = unix_take_error(socket);
        done = err ? -err : load_relaxed(&socket->shutdown) & UNIX_SHUTDOWN_READ ? 0 : -EAGAIN;
    }
    mutex_unlock(&socket->read_lock);
    return done;
}

uint32_t unix_readable_bytes(struct unix_socket *socket)
{
    if (!unix_is_packets(socket))
        return load_relaxed(&socket->queued_bytes);
    spin_lock(&socket->lock);
    uint32_t len = list_is_empty(&socket->queue) ? 0 : list_first(&socket->queue, struct unix_message, link)->len;
    spin_unlock(&socket->lock);
    return len;
}

uint32_t unix_unread_bytes(const struct unix_socket *socket)
{
    return load_relaxed(&socket->in_flight);
}
