/* device/entropy.h in unit tests: a seeded generator, the same bytes in every run. */
#pragma once
#include <device/entropy.h>

void fake_random_seed(uint64_t seed);
