/*
 * libaio's calls. Reads, writes and syncs are carried out while they are submitted; their results come through the
 * context as all others.
 */
#include <aio/aio.h>
#include <base/errno.h>
#include <common/checked.h>
#include <file/eventfd.h>
#include <linux/syscalls.h>
#include "deadline.h"
#include "paths.h"
#include "vector.h"

enum aio_operation {
    AIO_PREAD = 0,
    AIO_PWRITE = 1,
    AIO_FSYNC = 2,
    AIO_FDSYNC = 3,
    AIO_POLL = 5,
    AIO_PREADV = 7,
    AIO_PWRITEV = 8,
};
enum { AIO_FLAG_SIGNAL = 1, SIGPIPE = 13 };

struct linux_iocb {
    uint64_t data;
    uint32_t key, rw_flags;
    uint16_t operation;
    int16_t priority;
    uint32_t fd;
    uint64_t buf, size;
    int64_t offset;
    uint64_t reserved;
    uint32_t flags, signal_fd;
};
static_assert(sizeof(struct linux_iocb) == 64, "struct iocb");

long sys_io_setup(unsigned count, struct user *context)
{
    uint64_t id;
    uintptr_t made;
    if (copy_struct_from_user(&id, context))
        return -EFAULT;
    if (id || !count)
        return -EINVAL;
    int err = aio_context_create(count, &made);
    if (err)
        return err;
    id = made;
    if (!copy_struct_to_user(context, &id))
        return 0;
    aio_context_destroy(made);
    return -EFAULT;
}

long sys_io_destroy(unsigned long context)
{
    return aio_context_destroy(context);
}

/* ---- submitting ---- */

struct request {
    struct aio_context *context;
    struct linux_iocb in; /* read once */
    struct file *file, *signal;
    struct aio_event event;
};

static void complete(struct request *request, int64_t result)
{
    request->event.result = result;
    aio_complete(request->context, &request->event, request->signal);
}

/* Errors in what is asked for are the call's; what reading or writing says is the event's. */
static int transfer(struct request *request, bool is_vector, bool is_write)
{
    const struct linux_iocb *in = &request->in;
    struct file *file = request->file;
    struct user_vector v;
    struct user *buf = user_pointer(in->buf);
    if (in->rw_flags)
        return -EOPNOTSUPP;
    if (is_write ? !file_is_writable(file) : !file_is_readable(file))
        return -EBADF;
    if (is_write ? !file->ops->write : !file->ops->read)
        return -EINVAL;
    v.segments = v.short_segments;
    int err = 0;
    if (is_vector)
        err = in->size > VECTOR_MAX ? -EINVAL : vector_copy(&v, buf, (int)in->size);
    else if (in->size && (in->buf >= USER_ADDRESS_MAX || in->size > USER_ADDRESS_MAX - in->buf))
        err = -EFAULT;
    else
        io_vector_user(&v.io, v.short_segments, buf, MIN(in->size, IO_MAX));
    if (!err && in->offset < 0)
        err = -EINVAL;
    if (!err) {
        int64_t offset = file->ops->seek ? in->offset : -1;
        ssize_t done = is_write ? file_write(file, &v.io, offset) : file_read(file, &v.io, offset);
        if (done == -EPIPE)
            signal_send_task(task_current(), SIGPIPE, NULL);
        complete(request, done == -ERESTARTSYS ? -EINTR : done);
    }
    vector_free(&v);
    return err;
}

static int sync_file(struct request *request, bool data_only)
{
    const struct linux_iocb *in = &request->in;
    if (in->buf || in->offset || in->size || in->rw_flags || !request->file->ops->sync)
        return -EINVAL;
    complete(request, request->file->ops->sync(request->file, data_only));
    return 0;
}

static int wait_for_file(struct request *request)
{
    const struct linux_iocb *in = &request->in;
    if (in->buf > UINT16_MAX || in->offset || in->size || in->rw_flags)
        return -EINVAL;
    return aio_wait_for(request->context, request->file, (uint32_t)in->buf, &request->event, request->signal);
}

static int carry_out(struct request *request)
{
    switch (request->in.operation) {
    case AIO_PREAD:
    case AIO_PWRITE:
        return transfer(request, false, request->in.operation == AIO_PWRITE);
    case AIO_PREADV:
    case AIO_PWRITEV:
        return transfer(request, true, request->in.operation == AIO_PWRITEV);
    case AIO_FSYNC:
    case AIO_FDSYNC:
        return sync_file(request, request->in.operation == AIO_FDSYNC);
    case AIO_POLL:
        return wait_for_file(request);
    default:
        return -EINVAL;
    }
}

static int find_signal(struct request *request)
{
    if (!(request->in.flags & AIO_FLAG_SIGNAL))
        return 0;
    struct file *file = file_of((int)request->in.signal_fd);
    if (!file)
        return -EBADF;
    if (!file_is_eventfd(file)) {
        file_put(file);
        return -EINVAL;
    }
    request->signal = file;
    return 0;
}

static int submit_one(struct aio_context *context, struct user *from)
{
    struct request request = {.context = context};
    uint32_t key = 0;
    if (copy_struct_from_user(&request.in, from))
        return -EFAULT;
    if (request.in.reserved || (int64_t)request.in.size < 0)
        return -EINVAL;
    int err = aio_reserve(context);
    if (err)
        return err;
    request.event = (struct aio_event){.data = request.in.data, .request = user_address(from)};
    request.file = file_of((int)request.in.fd);
    err = request.file ? find_signal(&request) : -EBADF;
    if (!err)
        err = copy_to_user(user_offset(from, offsetof(struct linux_iocb, key)), &key, sizeof key);
    if (!err)
        err = carry_out(&request);
    if (err)
        aio_unreserve(context);
    if (request.signal)
        file_put(request.signal);
    if (request.file)
        file_put(request.file);
    return err;
}

long sys_io_submit(unsigned long id, long count, struct user *requests)
{
    if (count < 0)
        return -EINVAL;
    struct aio_context *context = aio_context_get(id);
    if (!context)
        return -EINVAL;
    long done = 0, err = 0, max = MIN(count, (long)aio_capacity(context));
    for (; done < max && !err; done += !err) {
        uint64_t request;
        err = copy_struct_from_user(&request, user_offset(requests, (size_t)done * sizeof request));
        if (!err)
            err = submit_one(context, user_pointer(request));
    }
    aio_context_put(context);
    return done ? done : err;
}

/* What is cancelled comes as an event; `result` is not written, as on Linux. */
long sys_io_cancel(unsigned long id, struct user *request, struct user *result)
{
    uint32_t key;
    if (copy_from_user(&key, user_offset(request, offsetof(struct linux_iocb, key)), sizeof key))
        return -EFAULT;
    struct aio_context *context = key ? NULL : aio_context_get(id);
    if (!context)
        return -EINVAL;
    int err = aio_cancel(context, user_address(request));
    aio_context_put(context);
    return err;
}

/* ---- events ---- */

static long take_events(unsigned long id, long min, long count, struct user *events, uint64_t deadline_ns)
{
    struct aio_context *context = aio_context_get(id);
    if (!context)
        return -EINVAL;
    long result = min < 0 || min > count ? -EINVAL : aio_take_events(context, min, count, events, deadline_ns);
    aio_context_put(context);
    return result;
}

long sys_io_getevents(unsigned long context, long min, long count, struct user *events, struct user *timeout)
{
    uint64_t deadline_ns;
    int err = deadline_read(timeout, 1, &deadline_ns);
    return err ? err : take_events(context, min, count, events, deadline_ns);
}

struct linux_signal_mask { /* struct __aio_sigset */
    uint64_t mask, size;
};

long sys_io_pgetevents(unsigned long context, long min, long count, struct user *events, struct user *timeout,
                       struct user *mask)
{
    struct linux_signal_mask in = {0};
    uint64_t deadline_ns;
    int err = deadline_read(timeout, 1, &deadline_ns);
    if (!err && mask)
        err = copy_struct_from_user(&in, mask);
    if (!err && in.mask)
        err = signal_mask_swap_from_user(user_pointer(in.mask), in.size);
    if (err)
        return err;
    long result = take_events(context, min, count, events, deadline_ns);
    if (in.mask && result != -EINTR)
        signal_mask_restore();
    return result == -EINTR ? -ERESTARTNOHAND : result;
}
