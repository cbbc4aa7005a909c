/* ChaCha20, RFC 8439. */
#include <base/string.h>
#include <common/bytes.h>
#include <chacha20/chacha20.h>

static inline uint32_t rotate(uint32_t v, unsigned by)
{
    return v << by | v >> (32 - by);
}

static inline void quarter_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
    *a += *b, *d = rotate(*d ^ *a, 16);
    *c += *d, *b = rotate(*b ^ *c, 12);
    *a += *b, *d = rotate(*d ^ *a, 8);
    *c += *d, *b = rotate(*b ^ *c, 7);
}

void chacha20_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3], uint8_t out[64])
{
    uint32_t start[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    memcpy(start + 4, key, 32);
    start[12] = counter;
    memcpy(start + 13, nonce, 12);
    uint32_t x[16];
    memcpy(x, start, sizeof x);
    for (int i = 0; i < 10; i++) {
        for (int j = 0; j < 4; j++)
            quarter_round(&x[j], &x[4 + j], &x[8 + j], &x[12 + j]);
        for (int j = 0; j < 4; j++)
            quarter_round(&x[j], &x[4 + (j + 1) % 4], &x[8 + (j + 2) % 4], &x[12 + (j + 3) % 4]);
    }
    for (int i = 0; i < 16; i++)
        store_le32(out + 4 * i, x[i] + start[i]);
}
