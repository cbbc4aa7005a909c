/*
 * Time limits of calls that wait, as moments of the monotonic clock: 0 does not wait, UINT64_MAX has no limit.
 */
#pragma once
#include <arch/cpu.h>
#include <base/types.h>
#include <base/user.h>

uint64_t deadline_after(uint64_t ns);
static inline uint64_t deadline_of_ms(int timeout_ms)
{
    return timeout_ms < 0 ? UINT64_MAX : !timeout_ms ? 0 : deadline_after((uint64_t)timeout_ms * (uint64_t)NS_PER_MS);
}
/* from NULL: no limit. unit_ns: 1 for a timespec, 1000 for a timeval, whose microseconds may be a second or more. */
int deadline_read(const struct user *from, uint64_t unit_ns, uint64_t *deadline);
/* select, pselect6 and ppoll leave the time that was left. A program whose limit cannot be written to gets its answer.
 */
void deadline_write_left(struct user *to, uint64_t unit_ns, uint64_t deadline);
