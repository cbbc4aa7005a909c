/* Parsing and building of IPv4, IPv6, ARP, UDP and TCP headers, and the Internet checksum. */
#include <wire/wire.h>

uint64_t checksum_add(uint64_t sum, const void *bytes, size_t len)
{
    const uint8_t *p = bytes;
    while (len >= 32) {
        sum += (uint64_t)load_le32(p) + load_le32(p + 4) + load_le32(p + 8) + load_le32(p + 12);
        sum += (uint64_t)load_le32(p + 16) + load_le32(p + 20) + load_le32(p + 24) + load_le32(p + 28);
        p += 32;
        len -= 32;
    }
    for (; len >= 4; p += 4, len -= 4)
        sum += load_le32(p);
    if (len >= 2) {
        sum += load_le16(p);
        p += 2;
        len -= 2;
    }
    if (len)
        sum += *p;
    return sum;
}

uint64_t checksum_pseudo(const struct ip_address *from, const struct ip_address *to, uint8_t protocol, uint32_t len)
{
    uint64_t sum = __builtin_bswap32(len) + (uint64_t)__builtin_bswap32(protocol);
    if (ip_is_v4(from) && ip_is_v4(to))
        return sum + from->words[3] + to->words[3];
    return checksum_add(checksum_add(sum, from->bytes, 16), to->bytes, 16);
}

static bool parse_v4(const uint8_t *p, size_t len, size_t packet_len, struct ip_info *out)
{
    unsigned header = (p[0] & 15u) * 4, total = load_be16(p + 2);
    if (header < IPV4_HEADER || header > len || total < header || total > packet_len)
        return false;
    if (checksum_fold(checksum_add(0, p, header)))
        return false;
    uint16_t fragment = load_be16(p + 6);
    *out = (struct ip_info){.is_v4 = true, .traffic_class = p[1], .ttl = p[8], .protocol = p[9],
                            .header_len = (uint16_t)header, .payload_len = (uint16_t)(total - header),
                            .fragment_id = load_be16(p + 4), .fragment_offset = (uint16_t)((fragment & 0x1fff) * 8),
                            .more_fragments = fragment & 0x2000, .dont_fragment = fragment & 0x4000,
                            .from = ip_from_v4(load_be32(p + 12)), .to = ip_from_v4(load_be32(p + 16))};
    return true;
}

/* Walks hop-by-hop, routing, destination and fragment headers. */
static bool parse_v6(const uint8_t *p, size_t len, size_t packet_len, struct ip_info *out)
{
    unsigned total = IPV6_HEADER + load_be16(p + 4);
    if (len < IPV6_HEADER || total > packet_len || total > 0xffff)
        return false;
    *out = (struct ip_info){.traffic_class = (uint8_t)(load_be16(p) >> 4), .ttl = p[7]};
    memcpy(out->from.bytes, p + 8, 16);
    memcpy(out->to.bytes, p + 24, 16);
    if (ip_is_v4(&out->from) || ip_is_v4(&out->to))
        return false; /* mapped addresses must not appear on the wire (RFC 4942) */
    unsigned at = IPV6_HEADER;
    uint8_t next = p[6];
    for (int i = 0; i < 8; i++) {
        if (next != 0 && next != 43 && next != 60 && next != PROTOCOL_FRAGMENT6)
            break;
        if (at + 8 > len || at + 8 > total)
            return false;
        if (next == PROTOCOL_FRAGMENT6) {
            uint16_t fragment = load_be16(p + at + 2);
            out->fragment_offset = fragment & 0xfff8;
            out->more_fragments = fragment & 1;
            out->fragment_id = load_be32(p + at + 4);
            next = p[at];
            at += 8;
            if (out->fragment_offset)
                break;
            continue;
        }
        next = p[at];
        at += 8 + p[at + 1] * 8u;
    }
    if (at > len || at > total)
        return false;
    out->protocol = next;
    out->header_len = (uint16_t)at;
    out->payload_len = (uint16_t)(total - at);
    return true;
}

bool wire_parse_ip(const uint8_t *p, size_t len, size_t packet_len, struct ip_info *out)
{
    if (len < IPV4_HEADER)
        return false;
    if (p[0] >> 4 == 4)
        return parse_v4(p, len, packet_len, out);
    return p[0] >> 4 == 6 && len >= IPV6_HEADER && parse_v6(p, len, packet_len, out);
}

void wire_build_ip(uint8_t *p, const struct ip_info *info)
{
    if (info->is_v4) {
        p[0] = 0x45;
        p[1] = info->traffic_class;
        store_be16(p + 2, (uint16_t)(IPV4_HEADER + info->payload_len));
        store_be16(p + 4, (uint16_t)info->fragment_id);
        store_be16(p + 6, (uint16_t)((info->dont_fragment ? 0x4000 : 0) | (info->more_fragments ? 0x2000 : 0) |
                                     info->fragment_offset / 8));
        p[8] = info->ttl;
        p[9] = info->protocol;
        store_le16(p + 10, 0);
        memcpy(p + 12, info->from.bytes + 12, 4);
        memcpy(p + 16, info->to.bytes + 12, 4);
        store_le16(p + 10, checksum_fold(checksum_add(0, p, IPV4_HEADER)));
        return;
    }
    store_be32(p, 0x60000000u | (uint32_t)info->traffic_class << 20);
    store_be16(p + 4, info->payload_len);
    p[6] = info->protocol;
    p[7] = info->ttl;
    memcpy(p + 8, info->from.bytes, 16);
    memcpy(p + 24, info->to.bytes, 16);
}

bool wire_parse_arp(const uint8_t *p, size_t len, struct arp_info *out)
{
    if (len < ARP_LEN || load_be16(p) != 1 || load_be16(p + 2) != ETHERTYPE_IPV4 || p[4] != 6 || p[5] != 4)
        return false;
    out->operation = load_be16(p + 6);
    memcpy(out->from_mac, p + 8, 6);
    out->from = load_be32(p + 14);
    memcpy(out->to_mac, p + 18, 6);
    out->to = load_be32(p + 24);
    return true;
}

void wire_build_arp(uint8_t p[ARP_LEN], const struct arp_info *info)
{
    store_be16(p, 1);
    store_be16(p + 2, ETHERTYPE_IPV4);
    p[4] = 6;
    p[5] = 4;
    store_be16(p + 6, info->operation);
    memcpy(p + 8, info->from_mac, 6);
    store_be32(p + 14, info->from);
    memcpy(p + 18, info->to_mac, 6);
    store_be32(p + 24, info->to);
}

bool wire_parse_udp(const uint8_t *p, size_t len, struct udp_info *out)
{
    if (len < UDP_HEADER)
        return false;
    *out = (struct udp_info){load_be16(p), load_be16(p + 2), load_be16(p + 4), load_be16(p + 6)};
    return out->len >= UDP_HEADER && out->len <= len;
}

static void parse_tcp_option(uint8_t kind, const uint8_t *value, unsigned len, struct tcp_info_wire *out)
{
    if (kind == 2 && len == 2) {
        out->has_mss = true;
        out->mss = load_be16(value);
    } else if (kind == 3 && len == 1) {
        out->has_scale = true;
        out->scale = value[0] > 14 ? 14 : value[0];
    } else if (kind == 4 && len == 0) {
        out->sack_permitted = true;
    } else if (kind == 5 && len % 8 == 0 && len <= 32) {
        out->sack_count = (uint8_t)(len / 8);
        for (unsigned i = 0; i < len / 8; i++)
            out->sack[i] = (struct sack_block){load_be32(value + 8 * i), load_be32(value + 8 * i + 4)};
    } else if (kind == 8 && len == 8) {
        out->has_timestamp = true;
        out->timestamp = load_be32(value);
        out->timestamp_echo = load_be32(value + 4);
    }
}

bool wire_parse_tcp(const uint8_t *p, size_t len, struct tcp_info_wire *out)
{
    if (len < TCP_HEADER)
        return false;
    unsigned header = (p[12] >> 4) * 4u;
    if (header < TCP_HEADER || header > len)
        return false;
    out->from_port = load_be16(p);
    out->to_port = load_be16(p + 2);
    out->seq = load_be32(p + 4);
    out->ack = load_be32(p + 8);
    out->header_len = (uint8_t)header;
    out->flags = p[13];
    out->window = load_be16(p + 14);
    out->urgent = load_be16(p + 18);
    out->has_mss = out->has_scale = out->has_timestamp = out->sack_permitted = false;
    out->sack_count = 0;
    if (header == TCP_HEADER + 12 && load_be32(p + 20) == 0x0101080a) { /* the common form */
        out->has_timestamp = true;
        out->timestamp = load_be32(p + 24);
        out->timestamp_echo = load_be32(p + 28);
        return true;
    }
    for (unsigned at = TCP_HEADER; at < header;) {
        uint8_t kind = p[at];
        if (kind == 0)
            break;
        if (kind == 1) {
            at++;
            continue;
        }
        if (at + 1 >= header || p[at + 1] < 2 || at + p[at + 1] > header)
            break;
        parse_tcp_option(kind, p + at + 2, p[at + 1] - 2u, out);
        at += p[at + 1];
    }
    return true;
}

unsigned wire_tcp_header_len(const struct tcp_info_wire *info)
{
    unsigned len = TCP_HEADER;
    if (info->has_mss)
        len += 4;
    if (info->has_scale)
        len += 4;
    if (info->has_timestamp)
        len += 12;
    else if (info->sack_permitted)
        len += 4;
    if (info->sack_count)
        len += 4 + 8u * info->sack_count;
    return len;
}

void wire_build_tcp(uint8_t *p, const struct tcp_info_wire *info)
{
    store_be16(p, info->from_port);
    store_be16(p + 2, info->to_port);
    store_be32(p + 4, info->seq);
    store_be32(p + 8, info->ack);
    p[12] = (uint8_t)(wire_tcp_header_len(info) / 4 << 4);
    p[13] = info->flags;
    store_be16(p + 14, info->window);
    store_be16(p + 16, 0);
    store_be16(p + 18, info->urgent);
    uint8_t *option = p + TCP_HEADER;
    if (info->has_mss) {
        store_be32(option, 0x02040000u | info->mss);
        option += 4;
    }
    if (info->has_scale) {
        store_be32(option, 0x01030300u | info->scale);
        option += 4;
    }
    if (info->has_timestamp) {
        store_be32(option, info->sack_permitted ? 0x0402080a : 0x0101080a);
        store_be32(option + 4, info->timestamp);
        store_be32(option + 8, info->timestamp_echo);
        option += 12;
    } else if (info->sack_permitted) {
        store_be32(option, 0x01010402);
        option += 4;
    }
    if (info->sack_count) {
        store_be32(option, 0x01010500u | (2u + 8u * info->sack_count));
        for (unsigned i = 0; i < info->sack_count; i++) {
            store_be32(option + 4 + 8 * i, info->sack[i].start);
            store_be32(option + 8 + 8 * i, info->sack[i].end);
        }
    }
}
