/* Time limits; see deadline.h. */
#include <arch/cpu.h>
#include <base/errno.h>
#include <common/checked.h>
#include "deadline.h"

struct linux_time { /* timespec; timeval with microseconds in `fraction` */
    int64_t seconds, fraction;
};

uint64_t deadline_after(uint64_t ns)
{
    uint64_t deadline;
    if (!ns)
        return 0;
    return add_overflows(clock_monotonic_ns(), ns, &deadline) ? UINT64_MAX - 1 : deadline;
}

int deadline_read(const struct user *from, uint64_t unit_ns, uint64_t *deadline)
{
    struct linux_time time;
    uint64_t ns, fraction_ns;
    *deadline = UINT64_MAX;
    if (!from)
        return 0;
    int err = copy_struct_from_user(&time, from);
    if (err)
        return err;
    if (time.seconds < 0 || time.fraction < 0 || (unit_ns == 1 && time.fraction >= NS_PER_SECOND))
        return -EINVAL;
    if (multiply_overflows((uint64_t)time.seconds, (uint64_t)NS_PER_SECOND, &ns) ||
        multiply_overflows((uint64_t)time.fraction, unit_ns, &fraction_ns) || add_overflows(ns, fraction_ns, &ns))
        ns = UINT64_MAX / 2;
    *deadline = deadline_after(ns);
    return 0;
}

/* select, pselect6 and ppoll leave the time that was left. A program whose limit cannot be written to gets its answer.
 */
void deadline_write_left(struct user *to, uint64_t unit_ns, uint64_t deadline)
{
    if (!to)
        return;
    uint64_t now = clock_monotonic_ns(), left = deadline > now ? deadline - now : 0;
    struct linux_time time = {(int64_t)(left / (uint64_t)NS_PER_SECOND),
                              (int64_t)(left % (uint64_t)NS_PER_SECOND / unit_ns)};
    if (copy_struct_to_user(to, &time))
        return;
}
