/*
 * SOL_SOCKET options. Most are an int that is kept in socket->options; those that a transport acts on also go to its
 * set(), and are read back through its get(), so that clamping and doubling show.
 */
#include <base/string.h>
#include "private.h"

static int set_timeout(uint64_t *timeout_ns, const void *value, unsigned len)
{
    if (len < 16)
        return -EINVAL;
    int64_t seconds = (int64_t)load_le64(value), micros = (int64_t)load_le64((const uint8_t *)value + 8);
    if (micros < 0 || micros >= 1000000)
        return -EDOM;
    if (seconds < 0) /* Linux: does not wait at all */
        seconds = micros = 0;
    uint64_t ns = seconds > INT64_MAX / NS_PER_SECOND - 1 ? 0 : (uint64_t)(seconds * NS_PER_SECOND + micros * 1000);
    store_relaxed(timeout_ns, ns);
    return 0;
}

static int set_linger(struct socket *socket, const void *value, unsigned len)
{
    if (len < 8)
        return -EINVAL;
    bool is_on = load_le32(value);
    uint32_t seconds = load_le32((const uint8_t *)value + 4);
    int linger_s = is_on ? (int)MIN(seconds, (uint32_t)INT32_MAX) : -1;
    store_relaxed(&socket->linger_s, linger_s);
    store_relaxed(&socket->options[OPTION_LINGER], (int)seconds);
    if (socket->ops->set)
        socket->ops->set(socket, OPTION_LINGER, linger_s);
    return 0;
}

static int bind_to_device(struct socket *socket, const char *value, unsigned len)
{
    char name[16] = {0};
    memcpy(name, value, MIN(len, (unsigned)sizeof name - 1));
    struct net_interface *iface = name[0] ? interface_by_name(socket->net->stack, name) : NULL;
    if (name[0] && !iface)
        return -ENODEV;
    int index = iface ? (int)iface->index : 0;
    int err = socket->ops->set ? socket->ops->set(socket, OPTION_BIND_TO_INDEX, index) : -ENOPROTOOPT;
    if (err && err != -ENOPROTOOPT)
        return err;
    store_relaxed(&socket->options[OPTION_BIND_TO_INDEX], index);
    return 0;
}

/* Booleans become 0 or 1; -1: there is no such option to set. */
enum option_kind { NOT_SETTABLE = -1, FLAG, NUMBER };
static enum option_kind kind_of(int name)
{
    switch (name) {
    case OPTION_DEBUG:
    case OPTION_REUSE_ADDRESS:
    case OPTION_DONT_ROUTE:
    case OPTION_BROADCAST:
    case OPTION_KEEPALIVE:
    case OPTION_OOB_INLINE:
    case OPTION_NO_CHECK:
    case OPTION_BSD_COMPAT:
    case OPTION_REUSE_PORT:
    case OPTION_PASS_CREDENTIALS:
    case OPTION_TIMESTAMP:
    case OPTION_PASS_SECURITY:
    case OPTION_TIMESTAMP_NS:
    case OPTION_QUEUE_OVERFLOW:
    case OPTION_LOCK_FILTER:
    case OPTION_SELECT_ERROR_QUEUE:
    case OPTION_TIMESTAMP_NEW:
    case OPTION_TIMESTAMP_NS_NEW:
    case OPTION_PREFER_BUSY_POLL:
        return FLAG;
    case OPTION_SEND_BUFFER:
    case OPTION_RECEIVE_BUFFER:
    case OPTION_PRIORITY:
    case OPTION_RECEIVE_LOW_WATER:
    case OPTION_SEND_BUFFER_FORCE:
    case OPTION_RECEIVE_BUFFER_FORCE:
    case OPTION_MARK:
    case OPTION_TIMESTAMPING:
    case OPTION_PEEK_OFFSET:
    case OPTION_BUSY_POLL:
    case OPTION_MAX_PACING_RATE:
    case OPTION_INCOMING_CPU:
    case OPTION_BIND_TO_INDEX:
    case OPTION_TIMESTAMPING_NEW:
    case OPTION_BUSY_POLL_BUDGET:
        return NUMBER;
    default:
        return NOT_SETTABLE;
    }
}

static int set_number(struct socket *socket, int name, int value)
{
    enum option_kind kind = kind_of(name);
    if (kind == NOT_SETTABLE || (name == OPTION_PASS_CREDENTIALS && socket->family != SOCKET_AF_UNIX))
        return -ENOPROTOOPT;
    if (name == OPTION_REUSE_PORT && socket->family == SOCKET_AF_UNIX)
        return -EOPNOTSUPP;
    if (kind == FLAG)
        value = value != 0;
    if (name == OPTION_SEND_BUFFER_FORCE || name == OPTION_RECEIVE_BUFFER_FORCE)
        name = name == OPTION_SEND_BUFFER_FORCE ? OPTION_SEND_BUFFER : OPTION_RECEIVE_BUFFER;
    int err = socket->ops->set ? socket->ops->set(socket, name, value) : -ENOPROTOOPT;
    if (err && err != -ENOPROTOOPT)
        return err;
    bool is_buffer = name == OPTION_SEND_BUFFER || name == OPTION_RECEIVE_BUFFER;
    enum { BUFFER_MAX = 8 << 20 };
    if (is_buffer) /* negative ones are huge ones, as on Linux */
        value = value < 0 || value > BUFFER_MAX / 2 ? BUFFER_MAX : value * 2;
    store_relaxed(&socket->options[name], value);
    return 0;
}

static int set_socket_option(struct socket *socket, int name, const void *value, unsigned len)
{
    switch (name) {
    case OPTION_BIND_TO_DEVICE:
        return bind_to_device(socket, value, len);
    case OPTION_LINGER:
        return set_linger(socket, value, len);
    case OPTION_RECEIVE_TIMEOUT:
    case OPTION_RECEIVE_TIMEOUT_NEW:
        return set_timeout(&socket->receive_timeout_ns, value, len);
    case OPTION_SEND_TIMEOUT:
    case OPTION_SEND_TIMEOUT_NEW:
        return set_timeout(&socket->send_timeout_ns, value, len);
    case OPTION_ATTACH_FILTER: /* no packet filters: said, not pretended */
    case OPTION_DETACH_FILTER:
        return -ENOPROTOOPT;
    case OPTION_ZERO_COPY:
        return -EOPNOTSUPP;
    default:
        return len < 4 ? -EINVAL : set_number(socket, name, (int)load_le32(value));
    }
}

int socket_set_option(struct socket *socket, int level, int name, const void *value, unsigned len)
{
    if (level == LEVEL_SOCKET)
        return set_socket_option(socket, name, value, len);
    return socket->ops->set_option ? socket->ops->set_option(socket, level, name, value, len) : -EOPNOTSUPP;
}

static int give(void *to, unsigned *len, const void *value, unsigned size)
{
    *len = MIN(*len, size);
    memcpy(to, value, *len);
    return 0;
}

static int give_timeout(void *to, unsigned *len, uint64_t ns)
{
    uint64_t time[2] = {ns / NS_PER_SECOND, ns % NS_PER_SECOND / 1000};
    return give(to, len, time, sizeof time);
}

static int give_device(struct socket *socket, void *to, unsigned *len)
{
    unsigned index = (unsigned)load_relaxed(&socket->options[OPTION_BIND_TO_INDEX]);
    struct net_interface *iface = interface_by_index(socket->net->stack, index);
    if (!iface) {
        *len = 0;
        return 0;
    }
    unsigned size = (unsigned)strlen(iface->name) + 1;
    return *len < sizeof iface->name ? -EINVAL : give(to, len, iface->name, size);
}

static int get_number(struct socket *socket, int name, int *value)
{
    enum { BUFFER_DEFAULT = 212992 };
    if (socket->ops->get && !socket->ops->get(socket, name, value))
        return 0;
    *value = name < OPTION_COUNT && name > 0 ? load_relaxed(&socket->options[name]) : 0;
    switch (name) {
    case OPTION_TYPE:
        *value = socket->type;
        return 0;
    case OPTION_DOMAIN:
        *value = socket->family;
        return 0;
    case OPTION_PROTOCOL:
        *value = socket->family == SOCKET_AF_UNIX ? 0 : socket->protocol;
        return 0;
    case OPTION_ERROR:
        *value = socket->ops->take_error ? socket->ops->take_error(socket) : 0;
        return 0;
    case OPTION_ACCEPTS:
    case OPTION_INCOMING_NAPI_ID:
        *value = 0;
        return 0;
    case OPTION_SEND_LOW_WATER:
        *value = 1;
        return 0;
    case OPTION_RECEIVE_LOW_WATER:
        *value = *value ? *value : 1;
        return 0;
    case OPTION_SEND_BUFFER:
    case OPTION_RECEIVE_BUFFER:
        *value = *value ? *value : BUFFER_DEFAULT;
        return 0;
    case OPTION_PEEK_OFFSET:
        *value = -1;
        return 0;
    case OPTION_PASS_CREDENTIALS:
        return socket->family == SOCKET_AF_UNIX ? 0 : -ENOPROTOOPT;
    case OPTION_INCOMING_CPU:
        *value = (int)cpu_index();
        return 0;
    case OPTION_BPF_EXTENSIONS:
        *value = 0;
        return 0;
    default:
        return kind_of(name) == NOT_SETTABLE ? -ENOPROTOOPT : 0;
    }
}

static int get_socket_option(struct socket *socket, int name, void *value, unsigned *len)
{
    int number, linger_s = load_relaxed(&socket->linger_s);
    int linger[2] = {linger_s >= 0, linger_s >= 0 ? linger_s : load_relaxed(&socket->options[OPTION_LINGER])};
    uint64_t cookie = socket->inode;
    struct socket_address peer;
    int err;
    switch (name) {
    case OPTION_LINGER:
        return give(value, len, linger, sizeof linger);
    case OPTION_RECEIVE_TIMEOUT:
    case OPTION_RECEIVE_TIMEOUT_NEW:
        return give_timeout(value, len, load_relaxed(&socket->receive_timeout_ns));
    case OPTION_SEND_TIMEOUT:
    case OPTION_SEND_TIMEOUT_NEW:
        return give_timeout(value, len, load_relaxed(&socket->send_timeout_ns));
    case OPTION_BIND_TO_DEVICE:
        return give_device(socket, value, len);
    case OPTION_COOKIE:
        return *len < sizeof cookie ? -EINVAL : give(value, len, &cookie, sizeof cookie);
    case OPTION_NETNS_COOKIE:
        cookie = 1;
        return *len < sizeof cookie ? -EINVAL : give(value, len, &cookie, sizeof cookie);
    case OPTION_PEER_NAME:
        err = socket_get_name(socket, true, &peer);
        return err ? err : give(value, len, peer.bytes, peer.len);
    case OPTION_PEER_CREDENTIALS:
        return socket->family == SOCKET_AF_UNIX ? socket->ops->get_option(socket, LEVEL_SOCKET, name, value, len)
                                                : -ENOPROTOOPT;
    default:
        err = get_number(socket, name, &number);
        return err ? err : give(value, len, &number, sizeof number);
    }
}

int socket_get_option(struct socket *socket, int level, int name, void *value, unsigned *len)
{
    if (level == LEVEL_SOCKET)
        return get_socket_option(socket, name, value, len);
    return socket->ops->get_option ? socket->ops->get_option(socket, level, name, value, len) : -EOPNOTSUPP;
}
