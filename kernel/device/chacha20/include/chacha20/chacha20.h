/* The ChaCha20 block function (RFC 8439, section 2.3). */
#pragma once
#include <stdint.h>
/* Writes the 64-byte block for (key, counter, nonce). */
void chacha20_block(const uint32_t key[8], uint32_t counter, const uint32_t nonce[3], uint8_t out[64]);
