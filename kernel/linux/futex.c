/* futex(2) and futex_waitv(2). */
#include <linux/syscalls.h>
#include <mm/alloc.h>
#include <process/futex.h>
#include <process/process.h>
#include <process/timers.h>
#include "timespec.h"

enum futex_command {
    WAIT = 0,
    WAKE = 1,
    REQUEUE = 3,
    CMP_REQUEUE = 4,
    WAKE_OP = 5,
    LOCK_PI = 6,
    UNLOCK_PI = 7,
    TRYLOCK_PI = 8,
    WAIT_BITSET = 9,
    WAKE_BITSET = 10,
    LOCK_PI2 = 13,
    PRIVATE_FLAG = 128,
    CLOCK_REALTIME_FLAG = 256,
};

/* restart_data: word, value, bitset, deadline, flags */
static long restart_wait(struct task *task);

static long wait(struct user *word, uint32_t value, uint32_t bitset, uint64_t deadline, unsigned flags)
{
    int err = futex_wait(word, value, bitset, deadline, flags);
    if (err != -ERESTARTSYS || deadline == UINT64_MAX)
        return err;
    struct task *task = task_current();
    task->restart = restart_wait;
    task->restart_data[0] = user_address(word);
    task->restart_data[1] = value;
    task->restart_data[2] = bitset;
    task->restart_data[3] = deadline;
    task->restart_data[4] = flags;
    return -ERESTART_RESTARTBLOCK;
}

static long restart_wait(struct task *task)
{
    const uint64_t *data = task->restart_data;
    return wait(user_pointer(data[0]), (uint32_t)data[1], (uint32_t)data[2], data[3], (unsigned)data[4]);
}

/* The fourth argument as a moment: WAIT's is relative, the others' absolute on the clock that is asked for. */
static int read_deadline(int command, bool is_realtime, struct user *timeout, uint64_t *deadline)
{
    uint64_t ns;
    *deadline = UINT64_MAX;
    if (!timeout)
        return 0;
    int err = timespec_read(timeout, &ns);
    if (err)
        return err;
    if (command == WAIT) {
        *deadline = deadline_after(ns);
        return 0;
    }
    return clock_deadline(is_realtime ? CLOCK_ID_REALTIME : CLOCK_ID_MONOTONIC, ns, deadline);
}

long sys_futex(struct user *word, int operation, unsigned value, struct user *timeout, struct user *word2,
               unsigned value3)
{
    int command = operation & ~(PRIVATE_FLAG | CLOCK_REALTIME_FLAG);
    unsigned flags = operation & PRIVATE_FLAG ? 0 : FUTEX_IS_SHARED;
    bool is_realtime = (operation & CLOCK_REALTIME_FLAG) || command == LOCK_PI;
    unsigned value2 = (unsigned)user_address(timeout);
    uint64_t deadline = UINT64_MAX;
    if (command == WAIT || command == WAIT_BITSET || command == LOCK_PI || command == LOCK_PI2) {
        int err = read_deadline(command, is_realtime, timeout, &deadline);
        if (err)
            return err;
    }
    switch (command) {
    case WAIT:
        return wait(word, value, FUTEX_MATCH_ANY, deadline, flags);
    case WAIT_BITSET:
        return wait(word, value, value3, deadline, flags);
    case WAKE:
        return futex_wake(word, value, FUTEX_MATCH_ANY, flags);
    case WAKE_BITSET:
        return futex_wake(word, value, value3, flags);
    case REQUEUE:
    case CMP_REQUEUE:
        if ((int)value < 0 || (int)value2 < 0)
            return -EINVAL;
        return futex_requeue(word, word2, value, value2, command == CMP_REQUEUE ? &value3 : NULL, flags);
    case WAKE_OP:
        return futex_wake_op(word, word2, value, value2, value3, flags);
    case LOCK_PI:
    case LOCK_PI2:
        return futex_lock_pi(word, deadline, false, flags);
    case TRYLOCK_PI:
        return futex_lock_pi(word, UINT64_MAX, true, flags);
    case UNLOCK_PI:
        return futex_unlock_pi(word, flags);
    default:
        return -ENOSYS; /* WAIT_REQUEUE_PI, CMP_REQUEUE_PI: glibc's condition variables do not use them */
    }
}

struct linux_futex_waitv {
    uint64_t value, address;
    uint32_t flags, reserved;
};

static int read_waits(const struct user *from, unsigned count, struct futex_wait_one *out)
{
    enum { SIZE_32 = 2, PRIVATE = 128 };
    for (unsigned i = 0; i < count; i++) {
        struct linux_futex_waitv one;
        if (copy_struct_from_user(&one, user_offset(from, i * sizeof one)))
            return -EFAULT;
        if (one.reserved || (one.flags & ~(uint32_t)PRIVATE) != SIZE_32)
            return -EINVAL;
        out[i] = (struct futex_wait_one){
            .word = user_pointer(one.address),
            .value = (uint32_t)one.value,
            .flags = one.flags & PRIVATE ? 0 : FUTEX_IS_SHARED,
        };
    }
    return 0;
}

long sys_futex_waitv(struct user *waiters, unsigned count, unsigned flags, struct user *timeout, int clock)
{
    uint64_t deadline = UINT64_MAX;
    if (flags || !count || count > FUTEX_WAITV_MAX || !waiters)
        return -EINVAL;
    if (timeout) {
        uint64_t ns;
        int err = clock == CLOCK_ID_REALTIME || clock == CLOCK_ID_MONOTONIC ? timespec_read(timeout, &ns) : -EINVAL;
        if (!err)
            err = clock_deadline(clock, ns, &deadline);
        if (err)
            return err;
    }
    struct futex_wait_one *waits = kmalloc_array(count, sizeof *waits, ALLOC_WAIT);
    if (!waits)
        return -ENOMEM;
    long result = read_waits(waiters, count, waits);
    if (!result)
        result = futex_wait_many(waits, count, deadline);
    kfree(waits);
    return result;
}
