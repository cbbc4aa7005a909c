/* Words of the kernel command line that name devices; see command_line.h. */
#include <base/string.h>
#include <common/checked.h>
#include "command_line.h"

/* Decimal, or hexadecimal behind 0x; false when there is no digit or more than 64 bits. */
static bool parse_number(const char **at, uint64_t *out)
{
    const char *s = *at;
    unsigned base = 10;
    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
        base = 16;
        s += 2;
    }
    const char *start = s;
    uint64_t value = 0;
    for (;; s++) {
        unsigned digit;
        if (*s >= '0' && *s <= '9')
            digit = (unsigned)(*s - '0');
        else if (base == 16 && (*s | 32) >= 'a' && (*s | 32) <= 'f')
            digit = (unsigned)((*s | 32) - 'a' + 10);
        else
            break;
        if (multiply_overflows(value, base, &value) || add_overflows(value, digit, &value))
            return false;
    }
    if (s == start)
        return false;
    *at = s;
    *out = value;
    return true;
}

static uint64_t unit(const char **at)
{
    switch (**at) {
    case 'K':
    case 'k':
        ++*at;
        return 1024;
    case 'M':
    case 'm':
        ++*at;
        return 1024 * 1024;
    default:
        return 1;
    }
}

static bool parse_value(const char *at, struct virtio_mmio_word *out)
{
    uint64_t size, address, irq;
    if (!parse_number(&at, &size) || multiply_overflows(size, unit(&at), &size) || *at++ != '@' ||
        !parse_number(&at, &address) || *at++ != ':' || !parse_number(&at, &irq))
        return false;
    /* Linux allows ":ID" behind. */
    if ((*at && *at != ' ' && *at != ':') || irq > 1023 || !size || address & 3)
        return false;
    *out = (struct virtio_mmio_word){size, address, (uint32_t)irq};
    return true;
}

bool virtio_mmio_next_word(const char **at, struct virtio_mmio_word *out)
{
    static const char key[] = "virtio_mmio.device=";
    const char *s = *at;
    while (*s) {
        while (*s == ' ')
            s++;
        if (s[0] == '-' && s[1] == '-' && (s[2] == ' ' || !s[2])) {
            *at = s;
            return false;
        }
        const char *word = s;
        while (*s && *s != ' ')
            s++;
        if (!strncmp(word, key, sizeof key - 1) && parse_value(word + sizeof key - 1, out)) {
            *at = s;
            return true;
        }
    }
    *at = s;
    return false;
}
