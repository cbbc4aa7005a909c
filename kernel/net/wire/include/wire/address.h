/* IP addresses. One type for both families: IPv4 is kept v4-mapped (::ffff:a.b.c.d), so tables and sockets have one key. */
#pragma once
#include <base/string.h>
#include <base/types.h>
#include <common/bytes.h>

struct ip_address {
    union {
        uint8_t bytes[16];
        uint32_t words[4];  /* as on the wire */
        uint64_t halves[2];
    };
};
#define ETHERNET_ADDRESS_LEN 6

static inline struct ip_address ip_from_v4(uint32_t host_order)
{
    struct ip_address a = {.halves = {0, 0}};
    a.words[2] = __builtin_bswap32(0xffff);
    a.words[3] = __builtin_bswap32(host_order);
    return a;
}
static inline bool ip_is_v4(const struct ip_address *a)
{
    return a->halves[0] == 0 && a->words[2] == __builtin_bswap32(0xffff);
}
static inline uint32_t ip_to_v4(const struct ip_address *a)
{
    return __builtin_bswap32(a->words[3]);
}
static inline bool ip_equal(const struct ip_address *a, const struct ip_address *b)
{
    return a->halves[0] == b->halves[0] && a->halves[1] == b->halves[1];
}
/* :: and 0.0.0.0. */
static inline bool ip_is_any(const struct ip_address *a)
{
    return a->halves[0] == 0 && (a->halves[1] == 0 || (ip_is_v4(a) && a->words[3] == 0));
}
static inline bool ip_is_loopback(const struct ip_address *a)
{
    if (ip_is_v4(a))
        return a->bytes[12] == 127;
    return a->halves[0] == 0 && a->halves[1] == __builtin_bswap64(1);
}
static inline bool ip_is_multicast(const struct ip_address *a)
{
    return ip_is_v4(a) ? (a->bytes[12] & 0xf0) == 0xe0 : a->bytes[0] == 0xff;
}
static inline bool ip_is_link_local(const struct ip_address *a)
{
    return a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}
/* prefix: bits of the 128 (IPv4: 96 + its own). */
bool ip_matches(const struct ip_address *a, const struct ip_address *network, unsigned prefix);
/* Text to address, either family; false when it is none. */
bool ip_parse(const char *text, size_t len, struct ip_address *out);
/* Writes at most 46 bytes, NUL included. */
void ip_format(const struct ip_address *a, char to[46]);
