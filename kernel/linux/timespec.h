/* struct timespec, timeval, itimerspec and itimerval in program memory, and moments that they stand for. */
#pragma once
#include <arch/cpu.h>
#include <base/errno.h>
#include <base/user.h>
#include <common/checked.h>

/* Beyond what an int64_t holds in ns (292 years): for ever. */
#define TIME_FOREVER ((uint64_t)INT64_MAX)

static inline int time_make(int64_t seconds, int64_t fraction, int64_t per_second, uint64_t *ns)
{
    if (seconds < 0 || fraction < 0 || fraction >= per_second)
        return -EINVAL;
    uint64_t sub = (uint64_t)fraction * (uint64_t)(NS_PER_SECOND / per_second);
    bool fits = seconds < INT64_MAX / NS_PER_SECOND;
    *ns = fits ? (uint64_t)seconds * (uint64_t)NS_PER_SECOND + sub : TIME_FOREVER;
    return 0;
}
static inline int timespec_read(const struct user *from, uint64_t *ns)
{
    int64_t words[2];
    int err = copy_struct_from_user(&words, from);
    return err ? err : time_make(words[0], words[1], NS_PER_SECOND, ns);
}
static inline int timespec_write(struct user *to, uint64_t ns)
{
    uint64_t words[2] = {ns / (uint64_t)NS_PER_SECOND, ns % (uint64_t)NS_PER_SECOND};
    return copy_struct_to_user(to, &words);
}
static inline int timeval_read(const struct user *from, uint64_t *ns)
{
    int64_t words[2];
    int err = copy_struct_from_user(&words, from);
    return err ? err : time_make(words[0], words[1], 1000000, ns);
}
static inline int timeval_write(struct user *to, uint64_t ns)
{
    uint64_t words[2] = {ns / (uint64_t)NS_PER_SECOND, ns % (uint64_t)NS_PER_SECOND / 1000};
    return copy_struct_to_user(to, &words);
}
/* The moment of clock_monotonic_ns() that far ahead. */
static inline uint64_t deadline_after(uint64_t ns)
{
    uint64_t deadline;
    return add_overflows(clock_monotonic_ns(), ns, &deadline) || ns >= TIME_FOREVER ? UINT64_MAX : deadline;
}
