/* clock_monotonic_ns and the realtime offset in unit tests: they stand still until the test moves them. */
#pragma once
#include <base/types.h>

void fake_clock_set(uint64_t now_ns);
void fake_clock_advance(uint64_t by_ns); /* moves the clock only; fakes/timer.h also fires timers */
