/*
 * signalfd: reading takes pending signals of the reading thread and its process. All wait on one queue of the machine,
 * as a file may outlive the process that made it; signals are rare.
 */
#include <base/errno.h>
#include <file/poll.h>
#include "private.h"

enum { ENTRY_SIZE = 128 };
struct entry { /* struct signalfd_siginfo */
    uint32_t number;
    int32_t error, code;
    uint32_t pid, uid;
    int32_t fd;
    uint32_t tid, band, overrun, trap;
    int32_t status, value_int;
    uint64_t value_ptr, user_time, system_time, address;
    uint16_t address_lsb, padding;
    int32_t system_call;
    uint64_t call_address;
    uint32_t architecture;
    uint8_t reserved[28];
};
static_assert(sizeof(struct entry) == ENTRY_SIZE, "signalfd_siginfo");

static signal_set mask_of(struct file *file)
{
    return (signal_set)load_relaxed((uintptr_t *)&file->data);
}

static void fill(const struct signal_info *info, struct entry *out)
{
    *out = (struct entry){.number = (uint32_t)info->number, .error = info->error, .code = info->code};
    out->pid = (uint32_t)info->fields[0];
    out->uid = (uint32_t)(info->fields[0] >> 32);
    if (info->code == SIGNAL_CODE_TIMER) {
        out->tid = out->pid;
        out->overrun = out->uid;
        out->pid = out->uid = 0;
    }
    if (info->number == SIGNAL_CHLD && info->code > 0) {
        out->status = (int32_t)info->fields[1];
        out->user_time = info->fields[2];
        out->system_time = info->fields[3];
    } else if (info->code > 0 && info->code != SIGNAL_CODE_KERNEL) {
        out->address = info->fields[0];
        out->pid = out->uid = 0;
    } else {
        out->value_ptr = info->fields[1];
        out->value_int = (int32_t)info->fields[1];
    }
}

struct attempt {
    signal_set mask;
    struct signal_info info;
    int number;
};

static bool try_take(void *argument)
{
    struct attempt *attempt = argument;
    if (!attempt->number)
        attempt->number = signal_take(attempt->mask, &attempt->info);
    return attempt->number;
}

static ssize_t signalfd_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    size_t done = 0;
    if (to->left < ENTRY_SIZE)
        return -EINVAL;
    while (to->left >= ENTRY_SIZE) {
        struct attempt attempt = {.mask = mask_of(file)};
        struct entry entry;
        if (!try_take(&attempt)) {
            if (done || file_is_nonblocking(file))
                break;
            int err = wait_until(&signalfd_event, try_take, &attempt, WAIT_INTERRUPTIBLE, UINT64_MAX, false);
            if (err && !attempt.number)
                return err;
        }
        fill(&attempt.info, &entry);
        if (io_copy_to(to, &entry, sizeof entry) < sizeof entry)
            return done ? (ssize_t)done : -EFAULT;
        done += sizeof entry;
    }
    return done ? (ssize_t)done : -EAGAIN;
}

static uint32_t signalfd_poll(struct file *file, struct poll_table *table)
{
    struct task *task = task_current();
    poll_listen(table, &signalfd_event);
    if (!task)
        return 0;
    signal_set pending = load_relaxed(&task->signals.pending.set) | load_relaxed(&task->process->pending.set);
    return pending & mask_of(file) ? POLL_IN | POLL_RDNORM : 0;
}

static void signalfd_release(struct file *file)
{
}

static void signalfd_describe(struct file *file, char *to, size_t size)
{
    snprintf(to, size, "anon_inode:[signalfd]");
}

static const struct file_ops signalfd_ops = {
    .read = signalfd_read,
    .poll = signalfd_poll,
    .release = signalfd_release,
    .describe = signalfd_describe,
    .name = "signalfd",
};

int signalfd_create(signal_set mask, unsigned flags, struct file **out)
{
    struct file *file = file_create(&signalfd_ops, 2 | flags /* O_RDWR */, NULL);
    if (!file)
        return -ENOMEM;
    signalfd_change(file, mask);
    *out = file;
    return 0;
}

int signalfd_change(struct file *file, signal_set mask)
{
    if (file->ops != &signalfd_ops)
        return -EINVAL;
    store_relaxed((uintptr_t *)&file->data, (uintptr_t)(mask & ~SIGNALS_UNBLOCKABLE));
    wake_up_all(&signalfd_event, 0);
    return 0;
}
