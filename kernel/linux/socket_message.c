/* sendmsg, recvmsg, sendmmsg, recvmmsg: message headers, segments and control messages are fetched and stored. */
#include <base/string.h>
#include <common/checked.h>
#include <linux/syscalls.h>
#include <mm/alloc.h>
#include "socket_call.h"

enum { CAPABILITY_SYS_ADMIN = 21, SEGMENTS_MAX = 1024, SEGMENTS_ON_STACK = 8, MESSAGES_MAX = 1024 };

struct linux_message { /* struct user_msghdr */
    uint64_t name;
    int32_t name_len, padding0;
    uint64_t segments, segment_count, control, control_len;
    uint32_t flags, padding1;
};
static_assert(sizeof(struct linux_message) == 56, "struct msghdr");
struct linux_multi_message { /* struct mmsghdr */
    struct linux_message header;
    uint32_t len, padding;
};
static_assert(sizeof(struct linux_multi_message) == 64, "struct mmsghdr");

/* What one sendmsg or recvmsg needs; big or rare parts are allocated. */
struct transfer {
    struct io_segment on_stack[SEGMENTS_ON_STACK], *segments;
    struct io_vector data;
    uint8_t *control;
};

static int fetch_segments(const struct linux_message *header, struct transfer *transfer)
{
    struct {
        uint64_t base, len;
    } raw;
    size_t count = header->segment_count, total = 0;
    if (count > SEGMENTS_MAX)
        return -EMSGSIZE;
    transfer->segments = transfer->on_stack;
    if (count > SEGMENTS_ON_STACK)
        transfer->segments = kmalloc_array(count, sizeof *transfer->segments, ALLOC_WAIT);
    if (!transfer->segments)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        int err = copy_struct_from_user(&raw, user_pointer(header->segments + i * sizeof raw));
        if (err)
            return err;
        if (raw.len > INT64_MAX)
            return -EINVAL;
        size_t len = MIN((size_t)raw.len, (size_t)SOCKET_TRANSFER_MAX - total);
        transfer->segments[i] = (struct io_segment){.user = user_pointer(raw.base), .len = len};
        total += len;
    }
    io_vector_init(&transfer->data, transfer->segments, count, false);
    return 0;
}

static void transfer_destroy(struct transfer *transfer)
{
    if (transfer->segments != transfer->on_stack)
        kfree(transfer->segments);
    kfree(transfer->control);
}

static int fetch_control(const struct linux_message *header, struct transfer *transfer)
{
    if (!header->control || !header->control_len)
        return 0;
    if (header->control_len > SOCKET_CONTROL_MAX)
        return -ENOBUFS;
    transfer->control = kmalloc(header->control_len, ALLOC_WAIT);
    if (!transfer->control)
        return -ENOBUFS;
    return copy_from_user(transfer->control, user_pointer(header->control), header->control_len);
}

static ssize_t send_one(struct socket *socket, const struct linux_message *header, int flags)
{
    struct transfer transfer = {.segments = transfer.on_stack};
    struct socket_address to;
    struct socket_caller caller;
    struct socket_message message = {
        .data = &transfer.data,
        .flags = (unsigned)flags,
        .descriptors = process_current()->descriptors,
        .is_privileged = process_current()->credentials.capabilities_effective >> CAPABILITY_SYS_ADMIN & 1};
    ssize_t done = fetch_segments(header, &transfer);
    if (!done)
        done = fetch_control(header, &transfer);
    if (!done && header->name && header->name_len) {
        done = socket_call_fetch_address(user_pointer(header->name), header->name_len, &to);
        message.to = &to;
    }
    if (!done) {
        message.caller = socket_call_caller(&caller);
        message.control = transfer.control;
        message.control_len = transfer.control ? header->control_len : 0;
        done = socket_call_finish_send(socket, socket_send(socket, &message), flags);
    }
    transfer_destroy(&transfer);
    return done;
}

/* Stores what comes back beside the data into the program's header at `at`. */
static int store_results(const struct linux_message *header, const struct socket_message *message, struct user *at)
{
    int err = 0;
    if (header->name) {
        const struct socket_address *from = message->from;
        int32_t len = (int32_t)from->len;
        err = copy_to_user(user_pointer(header->name), from->bytes, (size_t)MIN(len, header->name_len));
        if (!err)
            err = copy_to_user(user_offset(at, offsetof(struct linux_message, name_len)), &len, sizeof len);
    }
    if (!err && message->control_used)
        err = copy_to_user(user_pointer(header->control), message->control_out, message->control_used);
    uint64_t control_len = message->control_used;
    if (!err)
        err = copy_to_user(user_offset(at, offsetof(struct linux_message, control_len)), &control_len,
                           sizeof control_len);
    uint32_t flags = message->flags_out | (message->flags & MESSAGE_CLOSE_ON_EXEC);
    return err ? err : copy_to_user(user_offset(at, offsetof(struct linux_message, flags)), &flags, sizeof flags);
}

static ssize_t receive_one(struct socket *socket, struct user *at, int flags)
{
    struct transfer transfer = {.segments = transfer.on_stack};
    struct linux_message header;
    struct socket_address from;
    int err = copy_struct_from_user(&header, at);
    if (err)
        return err;
    if (header.name && header.name_len < 0)
        return -EINVAL;
    struct socket_message message = {.data = &transfer.data,
                                     .flags = (unsigned)flags,
                                     .descriptors = process_current()->descriptors,
                                     .from = header.name ? &from : NULL};
    ssize_t done = fetch_segments(&header, &transfer);
    if (!done && header.control && header.control_len) {
        message.control_room = MIN((size_t)header.control_len, (size_t)SOCKET_CONTROL_MAX);
        message.control_out = transfer.control = kmalloc(message.control_room, ALLOC_WAIT);
        done = transfer.control ? 0 : -ENOBUFS;
    }
    if (!done)
        done = socket_receive(socket, &message);
    if (done >= 0) {
        err = store_results(&header, &message, at);
        done = err ? err : done;
    }
    transfer_destroy(&transfer);
    return done;
}

long socket_call_send_message(struct socket *socket, const struct user *at, int flags)
{
    struct linux_message header;
    int err = copy_struct_from_user(&header, at);
    return err ? err : send_one(socket, &header, flags);
}

long socket_call_receive_message(struct socket *socket, struct user *at, int flags)
{
    return receive_one(socket, at, flags);
}

long sys_sendmsg(int fd, struct user *at, int flags)
{
    struct socket *socket;
    struct file *file;
    int err = socket_call_get(fd, &file, &socket);
    if (err)
        return err;
    long done = socket_call_send_message(socket, at, flags);
    file_put(file);
    return done;
}

long sys_recvmsg(int fd, struct user *at, int flags)
{
    struct socket *socket;
    struct file *file;
    int err = socket_call_get(fd, &file, &socket);
    if (err)
        return err;
    long done = receive_one(socket, at, flags);
    file_put(file);
    return done;
}

long sys_sendmmsg(int fd, struct user *messages, unsigned count, int flags)
{
    struct linux_message header;
    struct socket *socket;
    struct file *file;
    ssize_t done = 0;
    unsigned i = 0;
    int err = socket_call_get(fd, &file, &socket);
    if (err)
        return err;
    for (count = MIN(count, (unsigned)MESSAGES_MAX); i < count; i++) {
        struct user *at = user_offset(messages, i * sizeof(struct linux_multi_message));
        done = copy_struct_from_user(&header, at);
        if (!done)
            done = send_one(socket, &header, flags);
        if (done < 0)
            break;
        uint32_t len = (uint32_t)done;
        done = copy_to_user(user_offset(at, offsetof(struct linux_multi_message, len)), &len, sizeof len);
        if (done)
            break;
        sched_safe_point(); /* what looped back is delivered before more is made */
    }
    file_put(file);
    return i ? (long)i : done;
}

static int fetch_deadline(const struct user *timeout, uint64_t *deadline_ns)
{
    int64_t time[2];
    *deadline_ns = UINT64_MAX;
    if (!timeout)
        return 0;
    int err = copy_from_user(time, timeout, sizeof time);
    if (err)
        return err;
    if (time[0] < 0 || time[1] < 0 || time[1] >= NS_PER_SECOND)
        return -EINVAL;
    if (time[0] < INT64_MAX / NS_PER_SECOND / 2)
        *deadline_ns = clock_monotonic_ns() + (uint64_t)(time[0] * NS_PER_SECOND + time[1]);
    return 0;
}

/* As on Linux the timeout is looked at after each message only. */
long sys_recvmmsg(int fd, struct user *messages, unsigned count, int flags, struct user *timeout)
{
    struct socket *socket;
    struct file *file;
    uint64_t deadline_ns;
    ssize_t done = 0;
    unsigned i = 0;
    int err = fetch_deadline(timeout, &deadline_ns);
    if (!err)
        err = socket_call_get(fd, &file, &socket);
    if (err)
        return err;
    for (count = MIN(count, (unsigned)MESSAGES_MAX); i < count; i++) {
        struct user *at = user_offset(messages, i * sizeof(struct linux_multi_message));
        done = receive_one(socket, at, flags & ~MESSAGE_WAIT_FOR_ONE);
        if (done < 0)
            break;
        uint32_t len = (uint32_t)done;
        done = copy_to_user(user_offset(at, offsetof(struct linux_multi_message, len)), &len, sizeof len);
        if (done)
            break;
        if (flags & MESSAGE_WAIT_FOR_ONE)
            flags |= MESSAGE_DONT_WAIT;
        if (clock_monotonic_ns() >= deadline_ns) {
            i++;
            break;
        }
    }
    file_put(file);
    return i ? (long)i : done;
}
