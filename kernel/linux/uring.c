/* io_uring's calls: parameters, arguments and registered things of the ABI. */
#include <base/errno.h>
#include <common/checked.h>
#include <file/eventfd.h>
#include <linux/dispatch.h>
#include <linux/syscalls.h>
#include "deadline.h"
#include "paths.h"
#include "uring_operations.h"

enum setup_flags {
    SETUP_IO_POLL = 1 << 0,
    SETUP_SQ_POLL = 1 << 1,
    SETUP_COOPERATIVE = 1 << 8,
    SETUP_WORK_FLAG = 1 << 9,
    SETUP_SINGLE_ISSUER = 1 << 12,
    SETUP_DEFER_WORK = 1 << 13,
    SETUP_KNOWN = URING_SETUP_CQ_SIZE | URING_SETUP_CLAMP | URING_SETUP_DISABLED | URING_SETUP_SUBMIT_ALL |
                  SETUP_COOPERATIVE | SETUP_SINGLE_ISSUER | SETUP_DEFER_WORK,
};
/* SINGLE_MMAP, NODROP, RW_CUR_POS, CUR_PERSONALITY, FAST_POLL, POLL_32BITS, EXT_ARG, NATIVE_WORKERS, CQE_SKIP,
 * LINKED_FILE */
enum { FEATURES = 1 | 2 | 8 | 16 | 32 | 64 | 256 | 512 | 2048 | 4096 };
enum enter_flags { ENTER_GET_EVENTS = 1, ENTER_SQ_WAKEUP = 2, ENTER_SQ_WAIT = 4, ENTER_EXTENDED = 8 };
enum register_operation {
    REGISTER_BUFFERS,
    UNREGISTER_BUFFERS,
    REGISTER_FILES,
    UNREGISTER_FILES,
    REGISTER_EVENTFD,
    UNREGISTER_EVENTFD,
    REGISTER_FILES_UPDATE,
    REGISTER_EVENTFD_ASYNC,
    REGISTER_PROBE,
    REGISTER_ENABLE_RINGS = 12,
};
enum { FILES_SKIP = -2, PROBE_SUPPORTED = 1, BUFFER_MAX = 1 << 30 };

struct linux_ring_offsets {
    uint32_t words[8];
    uint64_t unused;
};
struct linux_uring_params {
    uint32_t sq_entries, cq_entries, flags, sq_cpu, sq_idle, features, wq_fd, unused[3];
    struct linux_ring_offsets sq, cq;
};
static_assert(sizeof(struct linux_uring_params) == 120, "struct io_uring_params");

/* ---- setup ---- */

static unsigned power_of_two(unsigned n)
{
    unsigned power = 1;
    while (power < n)
        power *= 2;
    return power;
}

static int fit(unsigned *entries, unsigned max, bool clamp)
{
    if (!*entries || (*entries > max && !clamp))
        return -EINVAL;
    *entries = power_of_two(MIN(*entries, max));
    return 0;
}

static int size_rings(unsigned entries, struct linux_uring_params *p)
{
    bool clamp = p->flags & URING_SETUP_CLAMP;
    p->sq_entries = entries;
    int err = fit(&p->sq_entries, URING_ENTRIES_MAX, clamp);
    if (err)
        return err;
    if (!(p->flags & URING_SETUP_CQ_SIZE)) {
        p->cq_entries = p->sq_entries * 2;
        return 0;
    }
    err = fit(&p->cq_entries, URING_ENTRIES_MAX * 2, clamp);
    return err ? err : p->cq_entries < p->sq_entries ? -EINVAL : 0;
}

static int check_flags(const struct linux_uring_params *p)
{
    if (p->flags & SETUP_SQ_POLL)
        return -EPERM;
    if (p->flags & ~(uint32_t)SETUP_KNOWN || (p->flags & SETUP_DEFER_WORK && !(p->flags & SETUP_SINGLE_ISSUER)))
        return -EINVAL;
    return p->unused[0] || p->unused[1] || p->unused[2] ? -EINVAL : 0;
}

static void tell_offsets(const struct uring *ring, struct linux_uring_params *p)
{
    p->features = FEATURES;
    p->sq = (struct linux_ring_offsets){.words = {URING_SQ_HEAD, URING_SQ_TAIL, URING_SQ_MASK, URING_SQ_ENTRIES,
                                                  URING_SQ_FLAGS, URING_SQ_DROPPED, uring_array_offset(ring)}};
    p->cq = (struct linux_ring_offsets){.words = {URING_CQ_HEAD, URING_CQ_TAIL, URING_CQ_MASK, URING_CQ_ENTRIES,
                                                  URING_CQ_OVERFLOW, URING_CQES, URING_CQ_FLAGS}};
}

long sys_io_uring_setup(unsigned entries, struct user *parameters)
{
    struct linux_uring_params p;
    struct file *file;
    if (copy_struct_from_user(&p, parameters))
        return -EFAULT;
    int err = check_flags(&p);
    if (!err)
        err = size_rings(entries, &p);
    if (!err)
        err = uring_create(p.sq_entries, p.cq_entries, p.flags, &file);
    if (err)
        return err;
    tell_offsets(uring_of_file(file), &p);
    int fd = copy_struct_to_user(parameters, &p) ? -EFAULT
                                                 : descriptor_install(process_current()->descriptors, file, 0, true);
    if (fd < 0)
        file_put(file);
    return fd;
}

/* ---- enter ---- */

struct linux_getevents {
    uint64_t mask;
    uint32_t mask_size, padding;
    uint64_t time;
};
static_assert(sizeof(struct linux_getevents) == 24, "struct io_uring_getevents_arg");

static int read_argument(unsigned flags, const struct user *argument, size_t size, struct linux_getevents *out,
                         uint64_t *deadline_ns)
{
    *out = (struct linux_getevents){.mask = user_address(argument), .mask_size = (uint32_t)size};
    *deadline_ns = UINT64_MAX;
    if (!(flags & ENTER_EXTENDED))
        return 0;
    if (size != sizeof *out)
        return -EINVAL;
    if (copy_struct_from_user(out, argument))
        return -EFAULT;
    if (out->padding)
        return -EINVAL;
    return deadline_read(user_pointer(out->time), 1, deadline_ns);
}

static long wait(struct uring *ring, unsigned complete, unsigned flags, const struct user *argument, size_t size)
{
    struct linux_getevents in;
    uint64_t deadline_ns;
    int err = read_argument(flags, argument, size, &in, &deadline_ns);
    if (!err && in.mask)
        err = signal_mask_swap_from_user(user_pointer(in.mask), in.mask_size);
    if (err)
        return err;
    long result = uring_wait(ring, complete, deadline_ns);
    if (in.mask && result != -EINTR)
        signal_mask_restore();
    return result;
}

static long enter(struct uring *ring, unsigned submit, unsigned complete, unsigned flags, const struct user *argument,
                  size_t size)
{
    if (!uring_is_mine(ring))
        return -EPERM;
    long done = submit ? uring_submit(ring, submit) : 0;
    if (done < 0 || (unsigned)done != submit || !(flags & ENTER_GET_EVENTS))
        return done;
    long err = wait(ring, complete, flags, argument, size);
    return done ? done : err;
}

long sys_io_uring_enter(int fd, unsigned submit, unsigned complete, unsigned flags, struct user *argument,
                        size_t argument_size)
{
    if (flags & ~(unsigned)(ENTER_GET_EVENTS | ENTER_SQ_WAKEUP | ENTER_SQ_WAIT | ENTER_EXTENDED))
        return -EINVAL;
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    struct uring *ring = uring_of_file(file);
    long result = ring ? enter(ring, submit, complete, flags, argument, argument_size) : -EOPNOTSUPP;
    file_put(file);
    return result;
}

/* ---- register ---- */

static long register_buffers(struct uring *ring, const struct user *argument, unsigned count)
{
    if (!count || count > URING_BUFFERS_MAX)
        return -EINVAL;
    struct uring_buffer *buffers = kmalloc_array(count, sizeof *buffers, ALLOC_WAIT);
    if (!buffers)
        return -ENOMEM;
    int err = copy_from_user(buffers, argument, count * sizeof *buffers);
    for (unsigned i = 0; i < count && !err; i++) {
        const struct uring_buffer *b = &buffers[i];
        if (!b->base || !b->len || b->len > BUFFER_MAX || b->base > USER_ADDRESS_MAX - b->len)
            err = -EFAULT;
    }
    if (!err)
        err = uring_set_buffers(ring, buffers, count);
    if (err)
        kfree(buffers);
    return err;
}

/* A descriptor's file, referenced; NULL for -1. A ring would keep itself open. */
static int file_to_register(int32_t fd, struct file **out)
{
    *out = NULL;
    if (fd == -1)
        return 0;
    struct file *file = file_of(fd);
    if (!file || uring_of_file(file)) {
        if (file)
            file_put(file);
        return -EBADF;
    }
    *out = file;
    return 0;
}

static long register_files(struct uring *ring, const struct user *argument, unsigned count)
{
    if (!count)
        return -EINVAL;
    if (count > URING_FILES_MAX)
        return -EMFILE;
    struct file **files = kmalloc_array(count, sizeof(struct file *), ALLOC_WAIT | ALLOC_ZERO);
    if (!files)
        return -ENOMEM;
    int err = 0;
    unsigned n = 0;
    for (; n < count && !err; n++) {
        int32_t fd;
        err = copy_struct_from_user(&fd, user_offset(argument, n * sizeof fd));
        if (!err)
            err = file_to_register(fd, &files[n]);
    }
    if (!err)
        err = uring_set_files(ring, files, count);
    if (!err)
        return 0;
    while (n--)
        if (files[n])
            file_put(files[n]);
    kfree(files);
    return err;
}

struct linux_files_update {
    uint32_t offset, unused;
    uint64_t fds;
};

/* How many were updated; an error only when none was. */
static long update_files(struct uring *ring, const struct user *argument, unsigned count)
{
    struct linux_files_update in;
    if (!count)
        return -EINVAL;
    if (copy_struct_from_user(&in, argument))
        return -EFAULT;
    if (in.unused)
        return -EINVAL;
    for (unsigned i = 0; i < count; i++) {
        struct file *file;
        int32_t fd;
        uint32_t index;
        int err = add_overflows(in.offset, i, &index) ? -EOVERFLOW : 0;
        if (!err)
            err = copy_struct_from_user(&fd, user_pointer(in.fds + i * sizeof fd));
        if (!err && fd == FILES_SKIP)
            continue;
        if (!err)
            err = file_to_register(fd, &file);
        if (err)
            return i ? (long)i : err;
        err = uring_update_file(ring, index, file);
        if (err) {
            if (file)
                file_put(file);
            return i ? (long)i : err;
        }
    }
    return count;
}

static long register_eventfd(struct uring *ring, const struct user *argument, unsigned count)
{
    int32_t fd;
    if (count != 1)
        return -EINVAL;
    if (copy_struct_from_user(&fd, argument))
        return -EFAULT;
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    int err = file_is_eventfd(file) ? uring_set_eventfd(ring, file) : -EINVAL;
    if (err)
        file_put(file);
    return err;
}

struct linux_probe_operation {
    uint8_t opcode, unused1;
    uint16_t flags;
    uint32_t unused2;
};
struct linux_probe {
    uint8_t last, count;
    uint16_t unused1;
    uint32_t unused2[3];
};
static_assert(sizeof(struct linux_probe) == 16 && sizeof(struct linux_probe_operation) == 8, "struct io_uring_probe");

static long probe(struct user *argument, unsigned count)
{
    struct linux_probe head;
    if (count > 256)
        return -EINVAL;
    if (copy_struct_from_user(&head, argument))
        return -EFAULT;
    if (head.last || head.count || head.unused1)
        return -EINVAL;
    count = MIN(count, (unsigned)URING_OPCODES);
    for (unsigned i = 0; i < count; i++) {
        struct linux_probe_operation operation = {
            .opcode = (uint8_t)i,
            .flags = uring_operation_of((uint8_t)i) ? PROBE_SUPPORTED : 0,
        };
        if (copy_struct_to_user(user_offset(argument, sizeof head + i * sizeof operation), &operation))
            return -EFAULT;
    }
    head.last = URING_OPCODES - 1;
    head.count = (uint8_t)count;
    return copy_struct_to_user(argument, &head);
}

static long register_with(struct uring *ring, unsigned operation, struct user *argument, unsigned count)
{
    bool has_argument = argument || count;
    switch (operation) {
    case REGISTER_BUFFERS:
        return register_buffers(ring, argument, count);
    case UNREGISTER_BUFFERS:
        return has_argument ? -EINVAL : uring_set_buffers(ring, NULL, 0);
    case REGISTER_FILES:
        return register_files(ring, argument, count);
    case UNREGISTER_FILES:
        return has_argument ? -EINVAL : uring_set_files(ring, NULL, 0);
    case REGISTER_FILES_UPDATE:
        return update_files(ring, argument, count);
    case REGISTER_EVENTFD:
    case REGISTER_EVENTFD_ASYNC:
        return register_eventfd(ring, argument, count);
    case UNREGISTER_EVENTFD:
        return has_argument ? -EINVAL : uring_set_eventfd(ring, NULL);
    case REGISTER_PROBE:
        return argument ? probe(argument, count) : -EINVAL;
    case REGISTER_ENABLE_RINGS:
        return has_argument ? -EINVAL : uring_enable(ring);
    default:
        return -EINVAL;
    }
}

long sys_io_uring_register(int fd, unsigned operation, struct user *argument, unsigned count)
{
    struct file *file = file_of(fd);
    if (!file)
        return -EBADF;
    struct uring *ring = uring_of_file(file);
    long result = !ring ? -EOPNOTSUPP : !uring_is_mine(ring) ? -EPERM : register_with(ring, operation, argument, count);
    file_put(file);
    return result;
}

void system_calls_init(void)
{
    uring_init(uring_operation_of);
}
