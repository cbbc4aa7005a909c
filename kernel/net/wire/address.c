/* IP addresses as text, and prefix comparison. */
#include <wire/address.h>

bool ip_matches(const struct ip_address *a, const struct ip_address *network, unsigned prefix)
{
    unsigned whole = prefix / 8;
    if (memcmp(a->bytes, network->bytes, whole))
        return false;
    if (prefix % 8 == 0)
        return true;
    uint8_t mask = (uint8_t)(0xff00u >> (prefix % 8));
    return ((a->bytes[whole] ^ network->bytes[whole]) & mask) == 0;
}

static bool parse_v4(const char *text, size_t len, uint8_t out[4])
{
    size_t at = 0;
    for (int i = 0; i < 4; i++) {
        unsigned value = 0, digits = 0;
        while (at < len && text[at] >= '0' && text[at] <= '9' && digits < 4) {
            value = value * 10 + (unsigned)(text[at++] - '0');
            digits++;
        }
        if (!digits || value > 255)
            return false;
        out[i] = (uint8_t)value;
        if (i < 3 && (at >= len || text[at++] != '.'))
            return false;
    }
    return at == len;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_v6(const char *text, size_t len, uint8_t out[16])
{
    uint8_t bytes[16] = {0};
    int n = 0, gap = -1;
    size_t at = 0;
    if (len >= 2 && text[0] == ':' && text[1] == ':') {
        gap = 0;
        at = 2;
    }
    while (at < len) {
        if (n > 14)
            return false;
        size_t start = at;
        unsigned value = 0;
        while (at < len && at - start < 4 && hex_digit(text[at]) >= 0)
            value = value << 4 | (unsigned)hex_digit(text[at++]);
        if (at < len && text[at] == '.') {
            if (n > 12 || !parse_v4(text + start, len - start, bytes + n))
                return false;
            n += 4;
            at = len;
            break;
        }
        if (at == start)
            return false;
        bytes[n++] = (uint8_t)(value >> 8);
        bytes[n++] = (uint8_t)value;
        if (at == len)
            break;
        if (text[at++] != ':' || at == len)
            return false;
        if (text[at] == ':') {
            if (gap >= 0)
                return false;
            gap = n;
            at++;
        }
    }
    if (gap < 0 ? n != 16 : n > 14)
        return false;
    memset(out, 0, 16);
    memcpy(out, bytes, (size_t)(gap < 0 ? 16 : gap));
    if (gap >= 0)
        memcpy(out + 16 - (n - gap), bytes + gap, (size_t)(n - gap));
    return true;
}

bool ip_parse(const char *text, size_t len, struct ip_address *out)
{
    uint8_t v4[4];
    if (parse_v4(text, len, v4)) {
        *out = ip_from_v4(load_be32(v4));
        return true;
    }
    return parse_v6(text, len, out->bytes);
}

void ip_format(const struct ip_address *a, char to[46])
{
    if (ip_is_v4(a)) {
        snprintf(to, 46, "%u.%u.%u.%u", a->bytes[12], a->bytes[13], a->bytes[14], a->bytes[15]);
        return;
    }
    int best = -1, best_len = 1;
    for (int i = 0; i < 8; i++) {
        int n = 0;
        while (i + n < 8 && !a->bytes[2 * (i + n)] && !a->bytes[2 * (i + n) + 1])
            n++;
        if (n > best_len) {
            best = i;
            best_len = n;
        }
    }
    size_t at = 0;
    for (int i = 0; i < 8; i++) {
        if (i == best) {
            at += (size_t)snprintf(to + at, 46 - at, "::");
            i += best_len - 1;
            continue;
        }
        bool needs_colon = i > 0 && !(best >= 0 && i == best + best_len);
        at += (size_t)snprintf(to + at, 46 - at, "%s%x", needs_colon ? ":" : "", load_be16(a->bytes + 2 * i));
    }
}
