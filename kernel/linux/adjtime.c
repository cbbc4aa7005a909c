/* adjtimex and clock_adjtime: the clock is the host's, which keeps it right; here its state is told and it can be set.
 */
#include <arch/cpu.h>
#include <base/errno.h>
#include <linux/syscalls.h>
#include <process/process.h>
#include <process/timers.h>

enum adjust {
    ADJUST_SET_OFFSET = 0x0100,
    ADJUST_NANO = 0x2000,
    ADJUST_SINGLE_SHOT = 0x8001,
    ADJUST_SINGLE_SHOT_READ = 0xa001,
};
enum {
    STATUS_UNSYNCHRONISED = 0x40,
    STATE_ERROR = 5,
    ERROR_MAX_US = 16000000,
    TOLERANCE = 32768000,
    TICK_US = 10000,
    CONSTANT = 2,
};

struct linux_timex {
    uint32_t modes, padding1;
    int64_t offset, frequency, max_error, estimated_error;
    int32_t status, padding2;
    int64_t constant, precision, tolerance, seconds, microseconds, tick;
    int64_t pps[2];
    int32_t pps_shift, padding3;
    int64_t pps_counts[5];
    int32_t tai, padding4[11];
};
static_assert(sizeof(struct linux_timex) == 208, "struct timex");

/* By the seconds and ns (or us) that the structure holds; the fraction is never negative. */
static int shift_clock(const struct linux_timex *by)
{
    int64_t per_second = by->modes & ADJUST_NANO ? NS_PER_SECOND : 1000000, shift, now;
    if (by->microseconds < 0 || by->microseconds >= per_second)
        return -EINVAL;
    if (__builtin_mul_overflow(by->seconds, NS_PER_SECOND, &shift) ||
        __builtin_add_overflow(shift, by->microseconds * (NS_PER_SECOND / per_second), &shift) ||
        __builtin_add_overflow(clock_realtime_offset_ns(), shift, &shift) ||
        __builtin_add_overflow((int64_t)clock_monotonic_ns(), shift, &now) || now < 0)
        return -EINVAL;
    clock_set_realtime_offset_ns(shift);
    return 0;
}

static int change(const struct linux_timex *in)
{
    if (!in->modes || in->modes == ADJUST_SINGLE_SHOT_READ)
        return 0;
    if (!process_is_capable(CAPABILITY_SYS_TIME))
        return -EPERM;
    if ((in->modes & ~(unsigned)ADJUST_NANO) == ADJUST_SET_OFFSET)
        return shift_clock(in);
    return -EPERM; /* no clock discipline: as where the clock belongs to another */
}

long sys_adjtimex(struct user *time)
{
    struct linux_timex in;
    uint64_t now;
    int err = copy_struct_from_user(&in, time);
    if (!err)
        err = change(&in);
    if (err)
        return err;
    clock_read(CLOCK_ID_REALTIME, &now);
    struct linux_timex out = {
        .modes = in.modes,
        .max_error = ERROR_MAX_US,
        .estimated_error = ERROR_MAX_US,
        .status = STATUS_UNSYNCHRONISED,
        .constant = CONSTANT,
        .precision = 1,
        .tolerance = TOLERANCE,
        .seconds = (int64_t)(now / (uint64_t)NS_PER_SECOND),
        .microseconds = (int64_t)(now % (uint64_t)NS_PER_SECOND / 1000),
        .tick = TICK_US,
    };
    err = copy_struct_to_user(time, &out);
    return err ? err : STATE_ERROR;
}

long sys_clock_adjtime(int clock, struct user *time)
{
    if (clock == CLOCK_ID_REALTIME)
        return sys_adjtimex(time);
    uint64_t now;
    struct linux_timex in;
    if (copy_struct_from_user(&in, time))
        return -EFAULT;
    return clock_read(clock, &now) ? -EINVAL : -EOPNOTSUPP;
}
