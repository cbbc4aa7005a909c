/* Reading and writing integers of a stated byte order at any alignment: for wire and disk formats. */
#pragma once

#include <stdint.h>

#define BYTES_ACCESSORS(bits, order, convert)                                                                          \
    static inline uint##bits##_t load_##order##bits(const void *p)                                                     \
    {                                                                                                                  \
        uint##bits##_t v;                                                                                              \
        __builtin_memcpy(&v, p, sizeof v);                                                                             \
        return convert(v);                                                                                             \
    }                                                                                                                  \
    static inline void store_##order##bits(void *p, uint##bits##_t v)                                                  \
    {                                                                                                                  \
        v = convert(v);                                                                                                \
        __builtin_memcpy(p, &v, sizeof v);                                                                             \
    }
#define BYTES_SAME(v) (v)
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the accessors below assume a little-endian CPU");
BYTES_ACCESSORS(16, le, BYTES_SAME)
BYTES_ACCESSORS(32, le, BYTES_SAME)
BYTES_ACCESSORS(64, le, BYTES_SAME)
BYTES_ACCESSORS(16, be, __builtin_bswap16)
BYTES_ACCESSORS(32, be, __builtin_bswap32)
BYTES_ACCESSORS(64, be, __builtin_bswap64)
#undef BYTES_SAME
#undef BYTES_ACCESSORS
