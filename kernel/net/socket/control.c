/* Control messages (struct cmsghdr: size_t length with the header, int level, int type, data; 8-byte aligned). */
#include <base/string.h>
#include <mm/alloc.h>
#include "private.h"

enum { HEADER = 16, ALIGN = 8, SCM_RIGHTS = 1, SCM_CREDENTIALS = 2, SCM_TIMESTAMP = 29, SCM_TIMESTAMP_NS = 35 };

static int parse_rights(const struct socket_message *message, const uint8_t *data, size_t len, struct control *out)
{
    unsigned count = (unsigned)(len / 4);
    if (!message->descriptors || len % 4 || count + out->ancillary.file_count > UNIX_RIGHTS_MAX)
        return -EINVAL;
    if (!count)
        return 0;
    if (!out->ancillary.files)
        out->ancillary.files = kmalloc_array(UNIX_RIGHTS_MAX, sizeof(struct file *), ALLOC_WAIT);
    if (!out->ancillary.files)
        return -ENOMEM;
    for (unsigned i = 0; i < count; i++) {
        struct file *file = descriptor_file(message->descriptors, (int)load_le32(data + 4 * i));
        if (!file)
            return -EBADF;
        out->ancillary.files[out->ancillary.file_count++] = file;
    }
    out->has_local = true;
    return 0;
}

static int parse_credentials(struct socket *socket, const struct socket_message *message, const uint8_t *data,
                             size_t len, struct control *out)
{
    if (len != sizeof out->ancillary.credentials)
        return -EINVAL;
    memcpy(&out->ancillary.credentials, data, len);
    out->ancillary.has_credentials = true;
    out->has_local = true;
    struct unix_credentials own;
    unix_get_own_credentials(socket->net->local, &own);
    const struct unix_credentials *said = &out->ancillary.credentials;
    bool is_true = said->pid == own.pid && said->uid == own.uid && said->gid == own.gid;
    return is_true || message->is_privileged ? 0 : -EPERM;
}

static int parse_ip(int type, const uint8_t *data, size_t len, struct control *out)
{
    if (type == IP_PKTINFO && len == 12) {
        out->iface_index = load_le32(data);
        out->source = ip_from_v4(load_be32(data + 4));
    } else if (type == IP_TTL && len == 4) {
        out->ttl = (int)load_le32(data);
        return out->ttl < 1 || out->ttl > 255 ? -EINVAL : 0;
    } else if (type == IP_TOS && (len == 4 || len == 1))
        out->traffic_class = len == 4 ? (int)(load_le32(data) & 0xff) : data[0];
    else
        return -EINVAL;
    return 0;
}

static int parse_ipv6(int type, const uint8_t *data, size_t len, struct control *out)
{
    if (type == IPV6_PKTINFO && len >= 20) {
        memcpy(out->source.bytes, data, 16);
        out->iface_index = load_le32(data + 16);
    } else if (type == IPV6_HOPLIMIT && len == 4) {
        out->ttl = (int)load_le32(data);
        return out->ttl < -1 || out->ttl > 255 ? -EINVAL : 0;
    } else if (type == IPV6_TCLASS && len == 4) {
        out->traffic_class = (int)load_le32(data);
        return out->traffic_class < -1 || out->traffic_class > 255 ? -EINVAL : 0;
    } else
        return -EINVAL;
    return 0;
}

static int parse_one(struct socket *socket, const struct socket_message *message, int level, int type,
                     const uint8_t *data, size_t len, struct control *out)
{
    if (level == LEVEL_SOCKET && socket->family == SOCKET_AF_UNIX)
        return type == SCM_RIGHTS        ? parse_rights(message, data, len, out)
               : type == SCM_CREDENTIALS ? parse_credentials(socket, message, data, len, out)
                                         : -EINVAL;
    bool is_inet = socket->family == SOCKET_AF_INET || socket->family == SOCKET_AF_INET6;
    if (level == LEVEL_IP && is_inet)
        return parse_ip(type, data, len, out);
    if (level == LEVEL_IPV6 && socket_is_v6(socket))
        return parse_ipv6(type, data, len, out);
    return level == LEVEL_SOCKET ? -EINVAL : 0; /* other levels are others' business, as on Linux */
}

int control_parse(struct socket *socket, const struct socket_message *message, struct control *out)
{
    *out = (struct control){.ttl = -1, .traffic_class = -1};
    size_t at = 0;
    while (message->control_len - at >= HEADER) {
        const uint8_t *header = message->control + at;
        uint64_t len = load_le64(header);
        int err = -EINVAL;
        if (len >= HEADER && len <= message->control_len - at)
            err = parse_one(socket, message, (int)load_le32(header + 8), (int)load_le32(header + 12), header + HEADER,
                            len - HEADER, out);
        if (err) {
            control_destroy(out);
            return err;
        }
        at += align_up(len, ALIGN);
        if (at > message->control_len)
            break;
    }
    return 0;
}

void control_destroy(struct control *control)
{
    unix_ancillary_destroy(&control->ancillary);
}

/* Room for a message of `len` bytes of data, header written; fewer bytes (*len) when it is cut; NULL: not even that. */
static uint8_t *reserve(struct socket_message *message, int level, int type, size_t *len)
{
    size_t left = message->control_room - message->control_used;
    if (left < HEADER) {
        message->flags_out |= MESSAGE_CONTROL_TRUNCATED;
        return NULL;
    }
    if (left - HEADER < *len) {
        message->flags_out |= MESSAGE_CONTROL_TRUNCATED;
        *len = left - HEADER;
    }
    uint8_t *header = message->control_out + message->control_used;
    store_le64(header, HEADER + *len);
    store_le32(header + 8, (uint32_t)level);
    store_le32(header + 12, (uint32_t)type);
    size_t used = align_up(HEADER + *len, (size_t)ALIGN);
    size_t end = MIN(used, left);
    memset(header + HEADER + *len, 0, end - HEADER - *len);
    message->control_used += end;
    return header + HEADER;
}

void control_put(struct socket_message *message, int level, int type, const void *data, size_t len)
{
    uint8_t *to = reserve(message, level, type, &len);
    if (to)
        memcpy(to, data, len);
}

/* Descriptors for as many files as there is room for; the rest is dropped. */
void control_put_rights(struct socket_message *message, struct unix_ancillary *ancillary)
{
    size_t left = message->control_room - message->control_used;
    unsigned fitting = left < HEADER ? 0 : (unsigned)MIN((left - HEADER) / 4, (size_t)ancillary->file_count), count = 0;
    int fds[UNIX_RIGHTS_MAX];
    while (message->descriptors && count < fitting) {
        struct file *file = ancillary->files[count];
        file_get(file);
        int fd = descriptor_install(message->descriptors, file, 0, message->flags & MESSAGE_CLOSE_ON_EXEC);
        if (fd < 0) {
            file_put(file);
            break;
        }
        fds[count++] = fd;
    }
    if (count < ancillary->file_count)
        message->flags_out |= MESSAGE_CONTROL_TRUNCATED;
    if (count)
        control_put(message, LEVEL_SOCKET, SCM_RIGHTS, fds, count * sizeof fds[0]);
}

void control_put_time(const struct socket *socket, struct socket_message *message, uint64_t realtime_ns)
{
    uint64_t time[2] = {realtime_ns / NS_PER_SECOND, realtime_ns % NS_PER_SECOND};
    if (socket_option_is_set(socket, OPTION_TIMESTAMP_NS) || socket_option_is_set(socket, OPTION_TIMESTAMP_NS_NEW))
        control_put(message, LEVEL_SOCKET,
                    socket_option_is_set(socket, OPTION_TIMESTAMP_NS) ? SCM_TIMESTAMP_NS : OPTION_TIMESTAMP_NS_NEW,
                    time, sizeof time);
    else if (socket_option_is_set(socket, OPTION_TIMESTAMP) || socket_option_is_set(socket, OPTION_TIMESTAMP_NEW)) {
        time[1] /= 1000;
        control_put(message, LEVEL_SOCKET,
                    socket_option_is_set(socket, OPTION_TIMESTAMP) ? SCM_TIMESTAMP : OPTION_TIMESTAMP_NEW, time,
                    sizeof time);
    }
}
