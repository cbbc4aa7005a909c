/* /dev/null, zero, full, random and urandom. */
#include <base/string.h>
#include <common/checked.h>
#include <device/entropy.h>
#include <file/poll.h>
#include <sched/thread.h>
#include <vfs/vfs.h>
#include "devices.h"

enum { ZERO_OBJECT_SIZE_SHIFT = 42, RNDGETENTCNT = 0x80045200, ENTROPY_BITS = 256, RANDOM_CHUNK = 256 };

static ssize_t null_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    return 0;
}

static ssize_t null_write(struct file *file, struct io_vector *from, int64_t *offset)
{
    size_t n = from->left;
    io_advance(from, n);
    return (ssize_t)n;
}

static int64_t null_seek(struct file *file, int64_t offset, int whence)
{
    return 0;
}

static ssize_t zero_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    size_t wanted = to->left, done = 0;
    while (done < wanted) {
        size_t part = MIN(wanted - done, (size_t)64 * 1024);
        size_t n = io_zero(to, part);
        done += n;
        if (n < part)
            return done ? (ssize_t)done : -EFAULT;
        sched_safe_point();
    }
    return (ssize_t)done;
}

/* A mapping of /dev/zero is anonymous memory; an unnamed sparse file that is never too short serves as that. */
static int zero_get_vm_object(struct file *file, bool is_shared, struct vm_object **out)
{
    struct file *memory;
    int err = vfs_open_anonymous("zero", UINT64_C(1) << ZERO_OBJECT_SIZE_SHIFT, false, &memory);
    if (err)
        return err;
    err = memory->ops->get_vm_object ? memory->ops->get_vm_object(memory, is_shared, out) : -ENODEV;
    file_put(memory);
    return err;
}

static ssize_t full_write(struct file *file, struct io_vector *from, int64_t *offset)
{
    return -ENOSPC;
}

static ssize_t random_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    uint8_t bytes[RANDOM_CHUNK];
    size_t wanted = to->left, done = 0;
    while (done < wanted) {
        size_t part = MIN(wanted - done, sizeof bytes);
        random_bytes(bytes, part);
        size_t n = io_copy_to(to, bytes, part);
        done += n;
        if (n < part)
            return done ? (ssize_t)done : -EFAULT;
        sched_safe_point();
        if (load_relaxed(&thread_current()->is_interrupted))
            break;
    }
    return (ssize_t)done;
}

static ssize_t random_write(struct file *file, struct io_vector *from, int64_t *offset)
{
    uint8_t bytes[RANDOM_CHUNK];
    size_t wanted = from->left, done = 0;
    while (done < wanted) {
        size_t part = MIN(wanted - done, sizeof bytes);
        size_t n = io_copy_from(from, bytes, part);
        entropy_add(bytes, n);
        done += n;
        if (n < part)
            return done ? (ssize_t)done : -EFAULT;
    }
    return (ssize_t)done;
}

static uint32_t random_poll(struct file *file, struct poll_table *table)
{
    return POLL_IN | POLL_OUT | POLL_RDNORM | POLL_WRNORM;
}

static long random_ioctl(struct file *file, unsigned command, struct user *argument)
{
    int32_t bits = ENTROPY_BITS;
    return command == RNDGETENTCNT ? copy_struct_to_user(argument, &bits) : -EINVAL;
}

const struct file_ops null_file_ops = {.read = null_read, .write = null_write, .seek = null_seek, .name = "null"};
const struct file_ops zero_file_ops = {
    .read = zero_read,
    .write = null_write,
    .seek = null_seek,
    .get_vm_object = zero_get_vm_object,
    .name = "zero",
};
const struct file_ops full_file_ops = {.read = zero_read, .write = full_write, .seek = null_seek, .name = "full"};
const struct file_ops random_file_ops = {
    .read = random_read,
    .write = random_write,
    .seek = null_seek,
    .poll = random_poll,
    .ioctl = random_ioctl,
    .name = "random",
};
