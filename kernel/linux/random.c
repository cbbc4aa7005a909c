/* getrandom(2). The generator is never unseeded, so no flag makes a difference beyond being valid. */
#include <base/errno.h>
#include <common/checked.h>
#include <device/entropy.h>
#include <linux/syscalls.h>
#include <sched/thread.h>

enum { GRND_NONBLOCK = 1, GRND_RANDOM = 2, GRND_INSECURE = 4, CHUNK = 256, LEN_MAX = 0x1ffffff };

/* Requests up to CHUNK bytes are never cut short by a signal, as getrandom(2) promises. */
long sys_getrandom(struct user *buf, size_t len, unsigned flags)
{
    uint8_t bytes[CHUNK];
    size_t done = 0;
    if (flags & ~(unsigned)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE) ||
        (flags & (GRND_RANDOM | GRND_INSECURE)) == (GRND_RANDOM | GRND_INSECURE))
        return -EINVAL;
    len = MIN(len, (size_t)LEN_MAX);
    while (done < len) {
        size_t part = MIN(len - done, sizeof bytes);
        random_bytes(bytes, part);
        if (copy_to_user(user_offset(buf, done), bytes, part))
            return done ? (long)done : -EFAULT;
        done += part;
        sched_safe_point();
        if (load_relaxed(&thread_current()->is_interrupted))
            break;
    }
    return (long)done;
}
