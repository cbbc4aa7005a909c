/*
 * Memory and string functions. Long copies and fills go by eight bytes through the string instructions, which the CPU
 * turns into cache-line moves (and which an emulator runs at an eighth of the steps of byte ones); the odd bytes at the
 * end are done by one overlapping move. The compiler must not turn these loops into calls to themselves: see module.mk.
 */
#include <base/string.h>
#include <stdint.h>

/* Unaligned access to memory of any type. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word64;
typedef uint32_t __attribute__((may_alias, aligned(1))) word32;
typedef uint16_t __attribute__((may_alias, aligned(1))) word16;

enum { LOOP_MAX = 128 }; /* up to so many bytes a plain loop is faster than starting a string instruction */

/* Up to 16 bytes; all loads come before all stores, so the areas may overlap. */
static void move_short(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n >= 8) {
        uint64_t head = *(const word64 *)from, tail = *(const word64 *)(from + n - 8);
        *(word64 *)to = head;
        *(word64 *)(to + n - 8) = tail;
    } else if (n >= 4) {
        uint32_t head = *(const word32 *)from, tail = *(const word32 *)(from + n - 4);
        *(word32 *)to = head;
        *(word32 *)(to + n - 4) = tail;
    } else if (n >= 2) {
        uint16_t head = *(const word16 *)from, tail = *(const word16 *)(from + n - 2);
        *(word16 *)to = head;
        *(word16 *)(to + n - 2) = tail;
    } else if (n) {
        *to = *from;
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if (n <= 16) {
        move_short(d, s, n);
        return to;
    }
    uint64_t tail = *(const word64 *)(s + n - 8);
    uint8_t *last = d + n - 8;
    if (n <= LOOP_MAX) {
        for (; last - d >= 16; d += 16, s += 16) {
            *(word64 *)d = *(const word64 *)s;
            *(word64 *)(d + 8) = *(const word64 *)(s + 8);
        }
        for (; d < last; d += 8, s += 8)
            *(word64 *)d = *(const word64 *)s;
    } else {
        size_t words = n / 8;
        __asm__ volatile("rep movsq" : "+D"(d), "+S"(s), "+c"(words) : : "memory");
    }
    *(word64 *)last = tail;
    return to;
}

void *memmove(void *to, const void *from, size_t n)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if (n <= 16) {
        move_short(d, s, n);
        return to;
    }
    if ((uintptr_t)d - (uintptr_t)s >= n) { /* as unsigned: the target does not start within the source */
        uint64_t tail = *(const word64 *)(s + n - 8);
        uint8_t *last = d + n - 8;
        for (; d < last; d += 8, s += 8)
            *(word64 *)d = *(const word64 *)s;
        *(word64 *)last = tail;
        return to;
    }
    uint64_t head = *(const word64 *)s;
    for (; n > 8; n -= 8)
        *(word64 *)(d + n - 8) = *(const word64 *)(s + n - 8);
    *(word64 *)d = head;
    return to;
}

void *memset(void *to, int byte, size_t n)
{
    uint8_t *d = to;
    uint64_t pattern = (uint8_t)byte * UINT64_C(0x0101010101010101);
    if (n < 8) {
        for (size_t i = 0; i < n; i++)
            d[i] = (uint8_t)byte;
        return to;
    }
    uint8_t *last = d + n - 8;
    if (n <= LOOP_MAX) {
        for (; last - d >= 16; d += 16)
            *(word64 *)d = *(word64 *)(d + 8) = pattern;
        for (; d < last; d += 8)
            *(word64 *)d = pattern;
    } else {
        size_t words = n / 8;
        __asm__ volatile("rep stosq" : "+D"(d), "+c"(words) : "a"(pattern) : "memory");
    }
    *(word64 *)last = pattern;
    return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    for (; n >= 8; n -= 8, x += 8, y += 8)
        if (*(const word64 *)x != *(const word64 *)y)
            break;
    for (; n; n--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

void *memchr(const void *s, int c, size_t n)
{
    const uint8_t *p = s;
    for (; n; n--, p++)
        if (*p == (uint8_t)c)
            return (void *)(uintptr_t)p;
    return NULL;
}

size_t strlen(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

size_t strnlen(const char *s, size_t max)
{
    size_t n = 0;
    while (n < max && s[n])
        n++;
    return n;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n; n--, a++, b++)
        if (*a != *b || !*a)
            return (uint8_t)*a - (uint8_t)*b;
    return 0;
}

char *strchr(const char *s, int c)
{
    for (; *s != (char)c; s++)
        if (!*s)
            return NULL;
    return (char *)(uintptr_t)s;
}

char *strrchr(const char *s, int c)
{
    const char *found = NULL;
    do {
        if (*s == (char)c)
            found = s;
    } while (*s++);
    return (char *)(uintptr_t)found;
}

char *strstr(const char *haystack, const char *needle)
{
    size_t len = strlen(needle);
    for (; *haystack || !len; haystack++)
        if (!strncmp(haystack, needle, len))
            return (char *)(uintptr_t)haystack;
    return NULL;
}
