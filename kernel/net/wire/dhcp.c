/* DHCPv4 messages (RFC 2131, options RFC 2132). */
#include <wire/wire.h>

enum { DHCP_FIXED = 236, DHCP_COOKIE = 0x63825363 };

static void copy_text(char *to, size_t size, const uint8_t *from, unsigned len)
{
    size_t n = 0;
    for (unsigned i = 0; i < len && n + 1 < size; i++)
        if (from[i] > ' ' && from[i] < 127)
            to[n++] = (char)from[i];
    to[n] = 0;
}

static void parse_option(uint8_t kind, const uint8_t *value, unsigned len, struct dhcp_info *out)
{
    uint32_t word = len >= 4 ? load_be32(value) : 0;
    switch (kind) {
    case 1: out->netmask = word; break;
    case 3: out->router = word; break;
    case 6:
        for (unsigned i = 0; i < 3 && 4 * i + 4 <= len; i++)
            out->dns[i] = load_be32(value + 4 * i);
        break;
    case 12: copy_text(out->hostname, sizeof out->hostname, value, len); break;
    case 15: copy_text(out->domain, sizeof out->domain, value, len); break;
    case 26: out->mtu = len >= 2 ? load_be16(value) : 0; break;
    case 28: out->broadcast = word; break;
    case 51: out->lease_s = word; break;
    case 53: out->type = len ? value[0] : 0; break;
    case 54: out->server = word; break;
    case 58: out->renew_s = word; break;
    case 59: out->rebind_s = word; break;
    default: break;
    }
}

bool wire_parse_dhcp(const uint8_t *p, size_t len, struct dhcp_info *out)
{
    if (len < DHCP_FIXED + 4 || p[1] != 1 || p[2] != 6 || load_be32(p + DHCP_FIXED) != DHCP_COOKIE)
        return false;
    *out = (struct dhcp_info){.transaction = load_be32(p + 4), .seconds = load_be16(p + 8),
                              .client_address = load_be32(p + 12), .your_address = load_be32(p + 16)};
    memcpy(out->client_mac, p + 28, 6);
    for (size_t at = DHCP_FIXED + 4; at < len;) {
        uint8_t kind = p[at++];
        if (kind == 255)
            break;
        if (kind == 0)
            continue;
        if (at >= len || at + 1 + p[at] > len)
            break;
        parse_option(kind, p + at + 1, p[at], out);
        at += 1u + p[at];
    }
    return out->type != 0;
}

static uint8_t *put_option(uint8_t *p, uint8_t kind, const void *value, unsigned len)
{
    p[0] = kind;
    p[1] = (uint8_t)len;
    memcpy(p + 2, value, len);
    return p + 2 + len;
}

static uint8_t *put_word(uint8_t *p, uint8_t kind, uint32_t value)
{
    uint8_t word[4];
    store_be32(word, value);
    return value ? put_option(p, kind, word, 4) : p;
}

size_t wire_build_dhcp(uint8_t *p, size_t size, const struct dhcp_info *info)
{
    static const uint8_t wanted[] = {1, 3, 6, 12, 15, 26, 28, 51, 58, 59};
    bool is_reply = info->type == DHCP_OFFER || info->type == DHCP_ACK || info->type == DHCP_NAK;
    memset(p, 0, size);
    p[0] = is_reply ? 2 : 1;
    p[1] = 1;
    p[2] = 6;
    store_be32(p + 4, info->transaction);
    store_be16(p + 8, info->seconds);
    store_be32(p + 12, info->client_address);
    store_be32(p + 16, info->your_address);
    memcpy(p + 28, info->client_mac, 6);
    store_be32(p + DHCP_FIXED, DHCP_COOKIE);
    uint8_t *option = put_option(p + DHCP_FIXED + 4, 53, &info->type, 1);
    option = put_word(option, 50, info->requested);
    option = put_word(option, 54, info->server);
    option = put_word(option, 1, info->netmask);
    option = put_word(option, 3, info->router);
    option = put_word(option, 6, info->dns[0]);
    option = put_word(option, 51, info->lease_s);
    if (info->hostname[0])
        option = put_option(option, 12, info->hostname, (unsigned)strnlen(info->hostname, sizeof info->hostname));
    if (!is_reply)
        option = put_option(option, 55, wanted, sizeof wanted);
    *option++ = 255;
    size_t len = (size_t)(option - p);
    return len < 300 ? 300 : len; /* BOOTP relays expect the old minimum */
}
