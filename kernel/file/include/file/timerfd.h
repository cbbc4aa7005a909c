/* timerfd_create(2) and friends. Times are ns; a clock is CLOCK_REALTIME 0, MONOTONIC 1, BOOTTIME 7 or an ALARM one. */
#pragma once
#include <file/file.h>

enum { TIMERFD_ABSOLUTE = 1, TIMERFD_CANCEL_ON_SET = 2 };
struct timerfd_setting {
    uint64_t interval_ns, value_ns; /* value 0: disarmed */
};
/* flags: O_NONBLOCK. -EINVAL: no such clock. */
int timerfd_create(int clock, uint32_t flags, struct file **out);
/* `old` may be NULL. -EINVAL: not a timerfd, or unknown flags. */
int timerfd_set(struct file *file, unsigned flags, const struct timerfd_setting *setting, struct timerfd_setting *old);
int timerfd_get(struct file *file, struct timerfd_setting *out);
