/*
 * io_uring's operations. Those on files are tried without waiting (see struct uring_operation); those by name are the
 * calls of the same name.
 */
#include <base/errno.h>
#include <common/checked.h>
#include <file/poll.h>
#include <linux/syscalls.h>
#include <process/timers.h>
#include "paths.h"
#include "socket_call.h"
#include "timespec.h"
#include "uring_operations.h"
#include "vector.h"

enum { SIGPIPE = 13, FSYNC_DATA = 1, MESSAGE_NO_WAIT = 0x40, READ_WRITE_NO_WAIT = 8 };
enum { TIMEOUT_ABSOLUTE = 1, TIMEOUT_BOOTTIME = 4, TIMEOUT_REALTIME = 8 };
enum { CANCEL_ALL = 1, CANCEL_FD = 2, CANCEL_ANY = 4 };

static struct user *address_of(const struct uring_request *request)
{
    return user_pointer(request->sqe.address);
}

static long do_nothing(struct uring_request *request)
{
    return 0;
}

/* ---- reading and writing ---- */

static int check_transfer(const struct uring_sqe *sqe)
{
    return sqe->operation_flags & ~(uint32_t)READ_WRITE_NO_WAIT || (int32_t)sqe->len < 0 ? -EINVAL : 0;
}

/* -1 is the file's own position; what has none ignores it. */
static long transfer(struct uring_request *request, struct io_vector *io, bool is_write)
{
    struct file *file = request->file;
    int64_t offset = (int64_t)request->sqe.offset;
    if (is_write ? !file_is_writable(file) : !file_is_readable(file))
        return -EBADF;
    if (is_write ? !file->ops->write : !file->ops->read)
        return -EINVAL;
    if (offset < -1)
        return -EINVAL;
    if (!file->ops->seek)
        offset = -1;
    ssize_t done = is_write ? file_write(file, io, offset) : file_read(file, io, offset);
    if (done == -EPIPE)
        signal_send_task(task_current(), SIGPIPE, NULL);
    request->is_impatient = request->sqe.operation_flags & READ_WRITE_NO_WAIT;
    return done;
}

static long transfer_plain(struct uring_request *request, bool is_write)
{
    const struct uring_sqe *sqe = &request->sqe;
    struct io_segment segment;
    struct io_vector io;
    if (sqe->len && (sqe->address >= USER_ADDRESS_MAX || sqe->len > USER_ADDRESS_MAX - sqe->address))
        return -EFAULT;
    io_vector_user(&io, &segment, address_of(request), sqe->len);
    return transfer(request, &io, is_write);
}

static long transfer_vector(struct uring_request *request, bool is_write)
{
    struct user_vector v;
    if (request->sqe.len > VECTOR_MAX)
        return -EINVAL;
    long done = vector_copy(&v, address_of(request), (int)request->sqe.len);
    if (!done)
        done = transfer(request, &v.io, is_write);
    vector_free(&v);
    return done;
}

static long do_read(struct uring_request *request)
{
    return transfer_plain(request, false);
}
static long do_write(struct uring_request *request)
{
    return transfer_plain(request, true);
}
static long do_readv(struct uring_request *request)
{
    return transfer_vector(request, false);
}
static long do_writev(struct uring_request *request)
{
    return transfer_vector(request, true);
}
static long do_read_fixed(struct uring_request *request)
{
    int err = uring_fixed_buffer(request);
    return err ? err : transfer_plain(request, false);
}
static long do_write_fixed(struct uring_request *request)
{
    int err = uring_fixed_buffer(request);
    return err ? err : transfer_plain(request, true);
}

static int check_fsync(const struct uring_sqe *sqe)
{
    return sqe->operation_flags & ~(uint32_t)FSYNC_DATA || sqe->address || sqe->buffer_index ? -EINVAL : 0;
}
static long do_fsync(struct uring_request *request)
{
    const struct file_ops *ops = request->file->ops;
    return ops->sync ? ops->sync(request->file, request->sqe.operation_flags & FSYNC_DATA) : -EINVAL;
}

/* ---- sockets ---- */

static struct socket *socket_of(struct uring_request *request)
{
    return socket_of_file(request->file);
}

/* MSG_DONTWAIT: one try. */
static struct socket *message_socket(struct uring_request *request)
{
    request->is_impatient = request->sqe.operation_flags & MESSAGE_NO_WAIT;
    return socket_of(request);
}

static long do_send_message(struct uring_request *request)
{
    struct socket *socket = message_socket(request);
    return socket ? socket_call_send_message(socket, address_of(request), (int)request->sqe.operation_flags)
                  : -ENOTSOCK;
}
static long do_receive_message(struct uring_request *request)
{
    struct socket *socket = message_socket(request);
    return socket ? socket_call_receive_message(socket, address_of(request), (int)request->sqe.operation_flags)
                  : -ENOTSOCK;
}

static long send_or_receive(struct uring_request *request, bool is_send)
{
    struct socket *socket = message_socket(request);
    struct io_segment segment;
    struct io_vector data;
    int flags = (int)request->sqe.operation_flags;
    if (!socket)
        return -ENOTSOCK;
    io_vector_user(&data, &segment, address_of(request), MIN((size_t)request->sqe.len, (size_t)SOCKET_TRANSFER_MAX));
    struct socket_message message = {.data = &data, .flags = (unsigned)flags};
    if (!is_send)
        return socket_receive(socket, &message);
    return socket_call_finish_send(socket, socket_send(socket, &message), flags);
}
static long do_send(struct uring_request *request)
{
    return send_or_receive(request, true);
}
static long do_receive(struct uring_request *request)
{
    return send_or_receive(request, false);
}
static int check_message(const struct uring_sqe *sqe)
{
    return sqe->file_index || sqe->priority ? -EINVAL : 0;
}

static int check_accept(const struct uring_sqe *sqe)
{
    return sqe->len || sqe->buffer_index || sqe->file_index || sqe->priority ? -EINVAL : 0;
}
static long do_accept(struct uring_request *request)
{
    struct socket *socket = socket_of(request);
    return socket ? socket_call_accept(socket, address_of(request), user_pointer(request->sqe.offset),
                                       (int)request->sqe.operation_flags)
                  : -ENOTSOCK;
}

static int check_connect(const struct uring_sqe *sqe)
{
    return sqe->len || sqe->buffer_index || sqe->operation_flags || sqe->file_index ? -EINVAL : 0;
}
/* Begun, it is tried again once the socket is writable: by then it is connected, or has an error to tell. */
static long do_connect(struct uring_request *request)
{
    struct socket *socket = socket_of(request);
    if (!socket)
        return -ENOTSOCK;
    long result = socket_call_connect(socket, address_of(request), (int)request->sqe.offset);
    if (result == -EISCONN && request->progress)
        return 0;
    if (result != -EINPROGRESS && !(result == -EALREADY && request->progress))
        return result;
    request->progress = 1;
    return -EAGAIN;
}

static long do_shutdown(struct uring_request *request)
{
    struct socket *socket = socket_of(request);
    return socket ? socket_shutdown(socket, (int)request->sqe.len) : -ENOTSOCK;
}
static long do_socket(struct uring_request *request)
{
    return sys_socket(request->sqe.fd, (int)request->sqe.offset, (int)request->sqe.len);
}

/* ---- waiting ---- */

static int check_poll(const struct uring_sqe *sqe)
{
    return sqe->len || sqe->offset || sqe->address || sqe->buffer_index ? -EINVAL : 0;
}
static long do_poll(struct uring_request *request)
{
    return uring_wait_for_file(request, request->sqe.operation_flags);
}

/* The time as ns, or as a moment of the monotonic clock. As on Linux the ns may be more than a second. */
static int read_time(const struct uring_request *request, bool as_deadline, uint64_t *out)
{
    uint32_t flags = request->sqe.operation_flags;
    int64_t words[2], ns;
    if (copy_struct_from_user(&words, address_of(request)))
        return -EFAULT;
    if (words[0] < 0 || words[1] < 0)
        return -EINVAL;
    if (multiply_overflows(words[0], NS_PER_SECOND, &ns) || add_overflows(ns, words[1], &ns))
        ns = INT64_MAX;
    *out = (uint64_t)ns;
    if (!(flags & TIMEOUT_ABSOLUTE)) {
        *out = as_deadline ? deadline_after(*out) : *out;
        return 0;
    }
    int clock = flags & TIMEOUT_REALTIME   ? CLOCK_ID_REALTIME
                : flags & TIMEOUT_BOOTTIME ? CLOCK_ID_BOOTTIME
                                           : CLOCK_ID_MONOTONIC;
    return clock_deadline(clock, *out, out);
}

/* A count of completions (in `offset`) is not known here. */
static int check_timeout(const struct uring_sqe *sqe)
{
    uint32_t flags = sqe->operation_flags;
    bool has_two_clocks = flags & TIMEOUT_BOOTTIME && flags & TIMEOUT_REALTIME;
    return flags & ~(uint32_t)(TIMEOUT_ABSOLUTE | TIMEOUT_BOOTTIME | TIMEOUT_REALTIME) || has_two_clocks ||
                   sqe->len != 1 || sqe->offset || sqe->buffer_index || sqe->file_index
               ? -EINVAL
               : 0;
}
static long do_timeout(struct uring_request *request)
{
    uint64_t deadline_ns;
    int err = read_time(request, true, &deadline_ns);
    return err ? err : uring_wait_until(request, deadline_ns);
}
static long read_link_timeout(struct uring_request *request)
{
    return read_time(request, false, &request->time_ns);
}

/* ---- cancelling ---- */

static bool has_user_data(const struct uring_request *request, const void *user_data)
{
    return request->sqe.user_data == *(const uint64_t *)user_data;
}
static bool is_timeout_of(const struct uring_request *request, const void *user_data)
{
    return uring_is_timeout(request) && has_user_data(request, user_data);
}
static bool is_on_file(const struct uring_request *request, const void *file)
{
    return request->file == file;
}
static bool is_any(const struct uring_request *request, const void *unused)
{
    return true;
}

static long cancel_one(struct uring_request *request, bool (*matches)(const struct uring_request *, const void *))
{
    return uring_cancel(request->ring, matches, &request->sqe.address, false) ? 0 : -ENOENT;
}

static int check_remove(const struct uring_sqe *sqe)
{
    return sqe->offset || sqe->len || sqe->operation_flags || sqe->buffer_index ? -EINVAL : 0;
}
static long do_remove_poll(struct uring_request *request)
{
    return cancel_one(request, has_user_data);
}
static long do_remove_timeout(struct uring_request *request)
{
    return cancel_one(request, is_timeout_of);
}

static int check_cancel(const struct uring_sqe *sqe)
{
    uint32_t flags = sqe->operation_flags;
    bool is_odd = flags & CANCEL_ANY && flags & CANCEL_FD;
    return flags & ~(uint32_t)(CANCEL_ALL | CANCEL_FD | CANCEL_ANY) || is_odd || sqe->offset || sqe->file_index
               ? -EINVAL
               : 0;
}
/* One: 0 or -ENOENT; several: how many. */
static long do_cancel(struct uring_request *request)
{
    uint32_t flags = request->sqe.operation_flags;
    bool is_all = flags & (CANCEL_ALL | CANCEL_ANY);
    unsigned count;
    if (flags & CANCEL_FD) {
        struct file *file = file_of_any(request->sqe.fd);
        if (!file)
            return -EBADF;
        count = uring_cancel(request->ring, is_on_file, file, is_all);
        file_put(file);
    } else {
        count = uring_cancel(request->ring, flags & CANCEL_ANY ? is_any : has_user_data, &request->sqe.address, is_all);
    }
    return is_all ? (long)count : count ? 0 : -ENOENT;
}

/* ---- by name, and the rest ---- */

static int check_no_slot(const struct uring_sqe *sqe)
{
    return sqe->file_index || sqe->buffer_index || sqe->flags & URING_FIXED_FILE ? -EINVAL : 0;
}
static int check_plain(const struct uring_sqe *sqe)
{
    return sqe->flags & URING_FIXED_FILE || sqe->buffer_index ? -EINVAL : 0;
}

static long do_openat(struct uring_request *request)
{
    const struct uring_sqe *sqe = &request->sqe;
    return sys_openat(sqe->fd, address_of(request), (int)sqe->operation_flags, sqe->len);
}
static long do_openat2(struct uring_request *request)
{
    const struct uring_sqe *sqe = &request->sqe;
    return sys_openat2(sqe->fd, address_of(request), user_pointer(sqe->offset), sqe->len);
}
static int check_close(const struct uring_sqe *sqe)
{
    return sqe->offset || sqe->address || sqe->len || sqe->operation_flags ? -EINVAL : check_no_slot(sqe);
}
static long do_close(struct uring_request *request)
{
    struct file *file = file_of_any(request->sqe.fd);
    bool is_ring = file && uring_of_file(file);
    if (file)
        file_put(file);
    return is_ring ? -EBADF : sys_close(request->sqe.fd);
}
static long do_statx(struct uring_request *request)
{
    const struct uring_sqe *sqe = &request->sqe;
    return sys_statx(sqe->fd, address_of(request), (int)sqe->operation_flags, sqe->len, user_pointer(sqe->offset));
}
static long do_fallocate(struct uring_request *request)
{
    const struct uring_sqe *sqe = &request->sqe;
    return sys_fallocate(sqe->fd, (int)sqe->len, (long)sqe->offset, (long)sqe->address);
}
static int check_sync_range(const struct uring_sqe *sqe)
{
    return sqe->address ? -EINVAL : check_plain(sqe);
}
static long do_sync_range(struct uring_request *request)
{
    const struct uring_sqe *sqe = &request->sqe;
    return sys_sync_file_range(sqe->fd, (long)sqe->offset, sqe->len, sqe->operation_flags);
}
static long do_fadvise(struct uring_request *request)
{
    const struct uring_sqe *sqe = &request->sqe;
    return sys_fadvise64(sqe->fd, (long)sqe->offset, sqe->len, (int)sqe->operation_flags);
}
static long do_madvise(struct uring_request *request)
{
    return sys_madvise(request->sqe.address, request->sqe.len, (int)request->sqe.operation_flags);
}
static long do_epoll_ctl(struct uring_request *request)
{
    return sys_epoll_ctl(request->sqe.fd, (int)request->sqe.len, (int)request->sqe.offset, address_of(request));
}
static long do_renameat(struct uring_request *request)
{
    const struct uring_sqe *sqe = &request->sqe;
    return sys_renameat2(sqe->fd, address_of(request), (int)sqe->len, user_pointer(sqe->offset), sqe->operation_flags);
}
static long do_unlinkat(struct uring_request *request)
{
    return sys_unlinkat(request->sqe.fd, address_of(request), (int)request->sqe.operation_flags);
}
static long do_mkdirat(struct uring_request *request)
{
    return sys_mkdirat(request->sqe.fd, address_of(request), request->sqe.len);
}
static long do_symlinkat(struct uring_request *request)
{
    return sys_symlinkat(address_of(request), request->sqe.fd, user_pointer(request->sqe.offset));
}
static long do_linkat(struct uring_request *request)
{
    const struct uring_sqe *sqe = &request->sqe;
    return sys_linkat(sqe->fd, address_of(request), (int)sqe->len, user_pointer(sqe->offset),
                      (int)sqe->operation_flags);
}

#define READS        .needs_file = true, .retry_when = POLL_IN | POLL_RDNORM, .check = check_transfer
#define WRITES       .needs_file = true, .retry_when = POLL_OUT | POLL_WRNORM, .check = check_transfer
#define SHORT_BREAKS .breaks_link_when_short = true
static const struct uring_operation operations[URING_OPCODES] = {
    [0] = {.issue = do_nothing},
    [1] = {.issue = do_readv, READS},
    [2] = {.issue = do_writev, WRITES},
    [3] = {.issue = do_fsync, .check = check_fsync, .needs_file = true},
    [4] = {.issue = do_read_fixed, READS, SHORT_BREAKS},
    [5] = {.issue = do_write_fixed, WRITES, SHORT_BREAKS},
    [6] = {.issue = do_poll, .check = check_poll, .needs_file = true},
    [7] = {.issue = do_remove_poll, .check = check_remove},
    [8] = {.issue = do_sync_range, .check = check_sync_range},
    [9] = {.issue = do_send_message, .check = check_message, .needs_file = true, .retry_when = POLL_OUT | POLL_WRNORM},
    [10] = {.issue = do_receive_message,
            .check = check_message,
            .needs_file = true,
            .retry_when = POLL_IN | POLL_RDNORM},
    [11] = {.issue = do_timeout, .check = check_timeout},
    [12] = {.issue = do_remove_timeout, .check = check_remove},
    [13] = {.issue = do_accept, .check = check_accept, .needs_file = true, .retry_when = POLL_IN | POLL_RDNORM},
    [14] = {.issue = do_cancel, .check = check_cancel},
    [15] = {.issue = read_link_timeout, .check = check_timeout},
    [16] = {.issue = do_connect, .check = check_connect, .needs_file = true, .retry_when = POLL_OUT | POLL_WRNORM},
    [17] = {.issue = do_fallocate, .check = check_plain},
    [18] = {.issue = do_openat, .check = check_no_slot},
    [19] = {.issue = do_close, .check = check_close},
    [21] = {.issue = do_statx, .check = check_plain},
    [22] = {.issue = do_read, READS, SHORT_BREAKS},
    [23] = {.issue = do_write, WRITES, SHORT_BREAKS},
    [24] = {.issue = do_fadvise, .check = check_plain},
    [25] = {.issue = do_madvise, .check = check_plain},
    [26] = {.issue = do_send, .check = check_message, .needs_file = true, .retry_when = POLL_OUT | POLL_WRNORM},
    [27] = {.issue = do_receive, .check = check_message, .needs_file = true, .retry_when = POLL_IN | POLL_RDNORM},
    [28] = {.issue = do_openat2, .check = check_no_slot},
    [29] = {.issue = do_epoll_ctl, .check = check_plain},
    [34] = {.issue = do_shutdown, .needs_file = true},
    [35] = {.issue = do_renameat, .check = check_plain},
    [36] = {.issue = do_unlinkat, .check = check_plain},
    [37] = {.issue = do_mkdirat, .check = check_plain},
    [38] = {.issue = do_symlinkat, .check = check_plain},
    [39] = {.issue = do_linkat, .check = check_plain},
    [45] = {.issue = do_socket, .check = check_no_slot},
};

const struct uring_operation *uring_operation_of(uint8_t opcode)
{
    return opcode < URING_OPCODES && operations[opcode].issue ? &operations[opcode] : NULL;
}
