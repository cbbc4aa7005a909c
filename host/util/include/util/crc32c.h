/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), with the processor's instruction where there is one. */
#pragma once
#include <stddef.h>
#include <stdint.h>
/* Continues from `crc` (0 at the start). */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t n);
