/* Randomness: a ChaCha20 generator per machine, seeded by virtio-rng, RDRAND and interrupt timing. */
#pragma once
#include <base/types.h>
void random_bytes(void *to, size_t n); /* any context but hard interrupt; never fails */
void entropy_add(const void *bytes, size_t n); /* mixes in */
uint64_t random_u64(void);
/* A slow source (virtio-rng): `request` is called without locks when the generator is first used and must not sleep; the
 * source answers by entropy_add when it can. */
void entropy_set_source(void (*request)(void));
