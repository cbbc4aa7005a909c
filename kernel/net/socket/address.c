/* Addresses between the ABI's bytes (struct sockaddr_in, _in6, _un) and ours. */
#include <base/string.h>
#include "private.h"

/* sockaddr_in: family, port, address, 8 zero bytes. sockaddr_in6: family, port, flow label, address, scope. */
enum { IN_LEN = 16, IN6_LEN = 28, IN6_LEN_MIN = 24, FAMILY_LEN = 2 };

static int parse_in(const struct socket_address *from, struct inet_address *out)
{
    if (from->len < IN_LEN)
        return -EINVAL;
    *out = (struct inet_address){.address = ip_from_v4(load_be32(from->bytes + 4)), .port = load_be16(from->bytes + 2)};
    return 0;
}

static int parse_in6(const struct socket_address *from, struct inet_address *out)
{
    if (from->len < IN6_LEN_MIN)
        return -EINVAL;
    *out = (struct inet_address){.port = load_be16(from->bytes + 2)};
    memcpy(out->address.bytes, from->bytes + 8, 16);
    if (from->len >= IN6_LEN && (ip_is_link_local(&out->address) || ip_is_multicast(&out->address)))
        out->scope = load_le32(from->bytes + 24);
    return 0;
}

int inet_address_parse(const struct socket *socket, const struct socket_address *from, enum address_use use,
                       struct inet_address *out)
{
    if (from->len < FAMILY_LEN)
        return -EINVAL;
    if (!socket_is_v6(socket)) {
        if (from->len < IN_LEN)
            return -EINVAL;
        if (from->family == SOCKET_AF_INET)
            return parse_in(from, out);
        /* bind(AF_UNSPEC, 0.0.0.0) has always worked on Linux; sendto too. */
        bool is_unspecific =
            from->family == SOCKET_AF_UNSPEC && (use == ADDRESS_TO_REACH || !load_be32(from->bytes + 4));
        return is_unspecific ? parse_in(from, out) : -EAFNOSUPPORT;
    }
    if (from->family == SOCKET_AF_INET6)
        return parse_in6(from, out);
    if (from->family == SOCKET_AF_INET && use == ADDRESS_TO_REACH && socket->type != SOCKET_STREAM)
        return parse_in(from, out);
    return from->len < IN6_LEN_MIN ? -EINVAL : -EAFNOSUPPORT;
}

void inet_address_build(const struct socket *socket, const struct inet_address *from, struct socket_address *out)
{
    memset(out, 0, sizeof *out);
    store_be16(out->bytes + 2, from->port);
    if (!socket_is_v6(socket)) {
        out->len = IN_LEN;
        out->family = SOCKET_AF_INET;
        memcpy(out->bytes + 4, from->address.bytes + 12, 4);
        return;
    }
    out->len = IN6_LEN;
    out->family = SOCKET_AF_INET6;
    memcpy(out->bytes + 8, from->address.bytes, 16);
    if (ip_is_link_local(&from->address))
        store_le32(out->bytes + 24, from->scope);
}

int local_address_parse(const struct socket_address *from, struct unix_name *out)
{
    if (from->len < FAMILY_LEN || from->len > FAMILY_LEN + UNIX_PATH_MAX)
        return -EINVAL;
    if (from->family != SOCKET_AF_UNIX)
        return -EINVAL;
    unsigned len = from->len - FAMILY_LEN;
    memset(out, 0, sizeof *out);
    memcpy(out->bytes, from->bytes + FAMILY_LEN, len);
    if (len && out->bytes[0]) /* a path may fill all of sun_path without a NUL */
        len = (unsigned)strlen(out->bytes) + 1;
    out->len = (uint16_t)len;
    return 0;
}

void local_address_build(const struct unix_name *from, struct socket_address *out)
{
    memset(out, 0, sizeof *out);
    out->len = FAMILY_LEN + from->len;
    out->family = SOCKET_AF_UNIX;
    memcpy(out->bytes + FAMILY_LEN, from->bytes, from->len);
}
