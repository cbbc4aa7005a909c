/*
 * NETLINK_ROUTE sockets (RFC 3549 as Linux has it): a request is answered at once into the socket's queue, which reads
 * empty. Only questions are understood; changes get EOPNOTSUPP and there are no notifications.
 */
#include <base/string.h>
#include <mm/alloc.h>
#include "netlink.h"

enum { NETLINK_ROUTE = 0, REQUEST_MAX = 32768, QUEUE_MAX = 256, ADDRESS_LEN = 12, ATTRIBUTE_HEADER = 4 };

struct netlink_socket {
    struct spinlock lock; /* guards all below */
    struct list queue;
    unsigned queued;          /* also read relaxed by poll */
    uint32_t port_id, groups; /* port_id 0: not bound */
    struct wait_queue wait;
    struct mutex read_lock; /* one reader at a time; order: before lock */
};

static struct netlink_datagram *last_datagram(struct netlink_answer *answer)
{
    return list_is_empty(&answer->datagrams) ? NULL : list_last(&answer->datagrams, struct netlink_datagram, link);
}

uint8_t *netlink_begin(struct netlink_answer *answer, uint16_t type, uint32_t len)
{
    struct netlink_datagram *datagram = last_datagram(answer);
    if (answer->error)
        return NULL;
    if (!datagram || datagram->room - datagram->len < NETLINK_MESSAGE_MAX) {
        if (answer->count == QUEUE_MAX) {
            answer->error = -ENOBUFS;
            return NULL;
        }
        uint32_t room = answer->flags & NLM_MULTI ? NETLINK_DATAGRAM_MAX : NETLINK_MESSAGE_MAX;
        datagram = kmalloc(sizeof *datagram + room, ALLOC_WAIT);
        if (!datagram) {
            answer->error = -ENOBUFS;
            return NULL;
        }
        datagram->len = 0;
        datagram->room = room;
        list_add_last(&answer->datagrams, &datagram->link);
        answer->count++;
    }
    uint8_t *message = datagram->bytes + datagram->len;
    memset(message, 0, NETLINK_MESSAGE_MAX);
    store_le32(message, NLMSG_HEADER + len);
    store_le16(message + 4, type);
    store_le16(message + 6, answer->flags);
    store_le32(message + 8, answer->sequence);
    store_le32(message + 12, answer->port_id);
    answer->message = message;
    return message + NLMSG_HEADER;
}

/* Our own messages are known to fit NETLINK_MESSAGE_MAX: they hold a few names and addresses. */
void netlink_attribute(struct netlink_answer *answer, uint16_t type, const void *data, uint32_t len)
{
    uint8_t *message = answer->message;
    uint32_t at = align_up(load_le32(message), 4u);
    assert(at + ATTRIBUTE_HEADER + len <= NETLINK_MESSAGE_MAX);
    store_le16(message + at, (uint16_t)(ATTRIBUTE_HEADER + len));
    store_le16(message + at + 2, type);
    memcpy(message + at + ATTRIBUTE_HEADER, data, len);
    store_le32(message, at + ATTRIBUTE_HEADER + len);
}

void netlink_attribute32(struct netlink_answer *answer, uint16_t type, uint32_t value)
{
    netlink_attribute(answer, type, &value, sizeof value);
}

void netlink_end(struct netlink_answer *answer)
{
    struct netlink_datagram *datagram = last_datagram(answer);
    datagram->len += align_up(load_le32(answer->message), 4u);
}

static void free_datagrams(struct list *datagrams)
{
    while (!list_is_empty(datagrams)) {
        struct netlink_datagram *datagram = list_first(datagrams, struct netlink_datagram, link);
        list_remove(&datagram->link);
        kfree(datagram);
    }
}

/* struct nlmsgerr: the error and the request's header. */
static void answer_error(struct netlink_answer *answer, int err, const uint8_t *request)
{
    answer->flags = 0;
    answer->error = 0;
    uint8_t *body = netlink_begin(answer, NLMSG_ERROR, 4 + NLMSG_HEADER);
    if (!body)
        return;
    store_le32(body, (uint32_t)err);
    memcpy(body + 4, request, NLMSG_HEADER);
    netlink_end(answer);
}

static void answer_one(struct netlink_answer *answer, const uint8_t *request, uint32_t len)
{
    uint16_t type = load_le16(request + 4), flags = load_le16(request + 6);
    bool is_dump = (flags & NLM_DUMP) != 0;
    answer->sequence = load_le32(request + 8);
    answer->flags = is_dump ? NLM_MULTI : 0;
    if (!(flags & NLM_REQUEST) || type < 16) /* control messages of ours: ignored */
        return;
    int err = netlink_route_request(answer, type, flags, request + NLMSG_HEADER, len - NLMSG_HEADER);
    if (err) {
        answer_error(answer, err, request);
        return;
    }
    if (is_dump) {
        uint8_t *body = netlink_begin(answer, NLMSG_DONE, 4);
        if (body)
            netlink_end(answer);
    } else if (flags & NLM_ACK)
        answer_error(answer, 0, request);
}

static ssize_t netlink_send(struct socket *socket, struct socket_message *message)
{
    struct netlink_socket *netlink = socket->netlink;
    size_t len = message->data->left;
    if (len > REQUEST_MAX)
        return -EMSGSIZE;
    uint8_t *request = kmalloc(len + NLMSG_HEADER, ALLOC_WAIT);
    if (!request)
        return -ENOBUFS;
    if (io_copy_from(message->data, request, len) != len) {
        kfree(request);
        return -EFAULT;
    }
    struct netlink_answer answer = {.net = socket->net};
    list_init(&answer.datagrams);
    spin_lock(&netlink->lock);
    if (!netlink->port_id)
        netlink->port_id = atomic_fetch_add(&socket->net->next_port_id, 1u) | 0x80000000u;
    answer.port_id = netlink->port_id;
    answer.count = netlink->queued;
    spin_unlock(&netlink->lock);
    for (size_t at = 0; len - at >= NLMSG_HEADER;) {
        uint32_t message_len = load_le32(request + at);
        if (message_len < NLMSG_HEADER || message_len > len - at)
            break;
        answer_one(&answer, request + at, message_len);
        at += align_up(message_len, 4u);
        if (at > len)
            break;
    }
    kfree(request);
    spin_lock(&netlink->lock);
    list_splice_last(&netlink->queue, &answer.datagrams);
    store_relaxed(&netlink->queued, answer.count);
    spin_unlock(&netlink->lock);
    wake_up_all(&netlink->wait, POLL_IN | POLL_RDNORM);
    return answer.error ? answer.error : (ssize_t)len;
}

static void build_address(uint32_t port_id, uint32_t groups, struct socket_address *out)
{
    *out = (struct socket_address){.len = ADDRESS_LEN, .family = SOCKET_AF_NETLINK};
    store_le32(out->bytes + 4, port_id);
    store_le32(out->bytes + 8, groups);
}

static ssize_t receive_locked(struct netlink_socket *netlink, struct socket_message *message)
{
    spin_lock(&netlink->lock);
    struct netlink_datagram *datagram =
        list_is_empty(&netlink->queue) ? NULL : list_first(&netlink->queue, struct netlink_datagram, link);
    spin_unlock(&netlink->lock);
    if (!datagram)
        return -EAGAIN;
    size_t n = MIN((size_t)datagram->len, message->data->left);
    ssize_t done = (ssize_t)n;
    if (io_copy_to(message->data, datagram->bytes, n) != n)
        return -EFAULT;
    if (n < datagram->len) {
        message->flags_out |= MESSAGE_TRUNCATED;
        if (message->flags & MESSAGE_TRUNCATED)
            done = (ssize_t)datagram->len;
    }
    if (message->flags & MESSAGE_PEEK)
        return done;
    spin_lock(&netlink->lock);
    list_remove(&datagram->link);
    store_relaxed(&netlink->queued, netlink->queued - 1);
    spin_unlock(&netlink->lock);
    kfree(datagram);
    return done;
}

static ssize_t netlink_receive(struct socket *socket, struct socket_message *message)
{
    mutex_lock(&socket->netlink->read_lock);
    ssize_t done = receive_locked(socket->netlink, message);
    mutex_unlock(&socket->netlink->read_lock);
    if (done >= 0 && message->from)
        build_address(0, 0, message->from); /* from the kernel */
    return done;
}

static int netlink_bind(struct socket *socket, const struct socket_address *address, const void *caller)
{
    struct netlink_socket *netlink = socket->netlink;
    if (address->len < ADDRESS_LEN || address->family != SOCKET_AF_NETLINK)
        return -EINVAL;
    uint32_t port_id = load_le32(address->bytes + 4);
    spin_lock(&netlink->lock);
    int err = netlink->port_id && port_id && netlink->port_id != port_id ? -EINVAL : 0;
    if (!err) {
        if (!netlink->port_id)
            netlink->port_id = port_id ? port_id : atomic_fetch_add(&socket->net->next_port_id, 1u) | 0x80000000u;
        netlink->groups = load_le32(address->bytes + 8);
    }
    spin_unlock(&netlink->lock);
    return err;
}

static int netlink_connect(struct socket *socket, const struct socket_address *address, const void *caller,
                           uint64_t deadline_ns)
{
    if (address->family == SOCKET_AF_UNSPEC)
        return 0;
    if (address->len < ADDRESS_LEN || address->family != SOCKET_AF_NETLINK)
        return -EINVAL;
    return load_le32(address->bytes + 4) ? -ECONNREFUSED : 0; /* only the kernel is there */
}

static int netlink_get_name(struct socket *socket, bool is_peer, struct socket_address *out)
{
    struct netlink_socket *netlink = socket->netlink;
    spin_lock(&netlink->lock);
    uint32_t port_id = netlink->port_id, groups = netlink->groups;
    spin_unlock(&netlink->lock);
    build_address(is_peer ? 0 : port_id, is_peer ? 0 : groups, out);
    return 0;
}

static uint32_t netlink_poll(struct socket *socket)
{
    uint32_t bits = POLL_OUT | POLL_WRNORM | POLL_WRBAND;
    return load_relaxed(&socket->netlink->queued) ? bits | POLL_IN | POLL_RDNORM : bits;
}

static struct wait_queue *netlink_queue(struct socket *socket)
{
    return &socket->netlink->wait;
}

/* Membership, packet info and the rest of what libraries set for good measure. */
static int netlink_set_option(struct socket *socket, int level, int name, const void *value, unsigned len)
{
    enum { NETLINK_OPTION_LAST = 12 };
    return level == LEVEL_NETLINK && name > 0 && name <= NETLINK_OPTION_LAST && len >= 4 ? 0 : -ENOPROTOOPT;
}

static void netlink_release(struct socket *socket)
{
    free_datagrams(&socket->netlink->queue);
    kfree(socket->netlink);
}

const struct socket_ops netlink_ops = {
    .bind = netlink_bind,
    .connect = netlink_connect,
    .get_name = netlink_get_name,
    .send = netlink_send,
    .receive = netlink_receive,
    .poll = netlink_poll,
    .queue = netlink_queue,
    .set_option = netlink_set_option,
    .release = netlink_release,
};

int netlink_create(struct socket *socket)
{
    if (socket->type != SOCKET_RAW && socket->type != SOCKET_DATAGRAM)
        return -ESOCKTNOSUPPORT;
    if (socket->protocol != NETLINK_ROUTE)
        return -EPROTONOSUPPORT;
    struct netlink_socket *netlink = kzalloc(sizeof *netlink, ALLOC_WAIT);
    if (!netlink)
        return -ENOBUFS;
    list_init(&netlink->queue);
    wait_queue_init(&netlink->wait);
    mutex_init(&netlink->read_lock);
    socket->netlink = netlink;
    socket->ops = &netlink_ops;
    return 0;
}
