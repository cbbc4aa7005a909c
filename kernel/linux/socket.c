/* The socket calls: descriptors, addresses, options and message headers are fetched and stored; the work is socket's.
 */
#include <common/checked.h>
#include <base/string.h>
#include <linux/syscalls.h>
#include <mm/alloc.h>
#include <process/process.h>
#include <sched/wait.h>
#include <socket/net.h>
#include <socket/socket.h>
#include <vfs/vfs.h>

enum {
    LINUX_SOCK_NONBLOCK = 04000,
    LINUX_SOCK_CLOEXEC = 02000000,
    TYPE_MASK = 0xf,
    LINUX_SIGPIPE = 13,
    CAPABILITY_NET_RAW = 13,
    CAPABILITY_SYS_ADMIN = 21,
    CAPABILITY_DAC_OVERRIDE = 1,
    SEGMENTS_MAX = 1024,
    SEGMENTS_ON_STACK = 8,
    MESSAGES_MAX = 1024,
    TRANSFER_MAX = 0x7ffff000,
};

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

/* Credentials of the calling process as the file system wants them. */
struct caller {
    struct vfs_caller vfs;
    uint32_t groups[32];
};

static bool is_capable(unsigned capability)
{
    return process_current()->credentials.capabilities_effective >> capability & 1;
}

static const struct vfs_caller *caller_get(struct caller *caller)
{
    struct process *process = process_current();
    spin_lock(&process->lock);
    const struct credentials *credentials = &process->credentials;
    unsigned count = MIN(credentials->group_count, 32u);
    memcpy(caller->groups, credentials->groups, count * sizeof caller->groups[0]);
    caller->vfs = (struct vfs_caller){
        .fs = process->fs,
        .uid = credentials->fsuid,
        .gid = credentials->fsgid,
        .groups = caller->groups,
        .group_count = count,
        .is_privileged = credentials->capabilities_effective >> CAPABILITY_DAC_OVERRIDE & 1,
    };
    spin_unlock(&process->lock);
    return &caller->vfs;
}

/* The socket, its file referenced: put with file_put. */
static int get_socket(int fd, struct file **file, struct socket **socket)
{
    *file = descriptor_file(process_current()->descriptors, fd);
    if (!*file)
        return -EBADF;
    *socket = socket_of_file(*file);
    if (*socket)
        return 0;
    file_put(*file);
    return -ENOTSOCK;
}

static int fetch_address(const struct user *from, int len, struct socket_address *out)
{
    if (len < 0 || len > SOCKET_ADDRESS_MAX)
        return -EINVAL;
    memset(out, 0, sizeof *out);
    out->len = (unsigned)len;
    return len ? copy_from_user(out->bytes, from, (size_t)len) : 0;
}

/* Value-result: as much as fits, and the whole length. */
static int store_address(const struct socket_address *address, struct user *to, struct user *len_to)
{
    int32_t room, len = (int32_t)address->len;
    int err = copy_struct_from_user(&room, len_to);
    if (err)
        return err;
    if (room < 0)
        return -EINVAL;
    err = copy_to_user(to, address->bytes, (size_t)MIN(room, len));
    return err ? err : copy_struct_to_user(len_to, &len);
}

static long finish_send(struct socket *socket, ssize_t done, int flags)
{
    if (done == -EPIPE && !(flags & MESSAGE_NO_SIGNAL) && socket_sends_sigpipe(socket))
        signal_send_task(task_current(), LINUX_SIGPIPE, NULL);
    return done;
}

static long install(struct file *file, int flags)
{
    int fd = descriptor_install(process_current()->descriptors, file, 0, flags & LINUX_SOCK_CLOEXEC);
    if (fd < 0)
        file_put(file);
    return fd;
}

static int check_type(int type)
{
    return type & ~(TYPE_MASK | LINUX_SOCK_NONBLOCK | LINUX_SOCK_CLOEXEC) ? -EINVAL : 0;
}

long sys_socket(int family, int type, int protocol)
{
    struct file *file;
    int err = check_type(type);
    if (!err)
        err = socket_create(net_machine(), family, type & TYPE_MASK, protocol, (unsigned)type & LINUX_SOCK_NONBLOCK,
                            is_capable(CAPABILITY_NET_RAW), &file);
    return err ? err : install(file, type);
}

long sys_socketpair(int family, int type, int protocol, struct user *fds)
{
    struct descriptor_table *table = process_current()->descriptors;
    struct file *files[2];
    int numbers[2], err = check_type(type);
    if (err)
        return err;
    err = socket_create_pair(net_machine(), family, type & TYPE_MASK, protocol, (unsigned)type & LINUX_SOCK_NONBLOCK,
                             files);
    if (err)
        return err;
    numbers[0] = descriptor_reserve(table, 0, type & LINUX_SOCK_CLOEXEC);
    err = numbers[0];
    if (err < 0)
        goto put_files;
    numbers[1] = descriptor_reserve(table, 0, type & LINUX_SOCK_CLOEXEC);
    err = numbers[1];
    if (err < 0)
        goto release_first;
    err = copy_to_user(fds, numbers, sizeof numbers);
    if (err)
        goto release_second;
    descriptor_fill(table, numbers[0], files[0]);
    descriptor_fill(table, numbers[1], files[1]);
    return 0;

release_second:
    descriptor_release(table, numbers[1]);
release_first:
    descriptor_release(table, numbers[0]);
put_files:
    file_put(files[0]);
    file_put(files[1]);
    return err;
}

long sys_bind(int fd, struct user *address, int address_len)
{
    struct socket_address name;
    struct caller caller;
    struct socket *socket;
    struct file *file;
    int err = get_socket(fd, &file, &socket);
    if (err)
        return err;
    err = fetch_address(address, address_len, &name);
    if (!err)
        err = socket_bind(socket, &name, caller_get(&caller));
    file_put(file);
    return err;
}

long sys_connect(int fd, struct user *address, int address_len)
{
    struct socket_address name;
    struct caller caller;
    struct socket *socket;
    struct file *file;
    int err = get_socket(fd, &file, &socket);
    if (err)
        return err;
    err = fetch_address(address, address_len, &name);
    if (!err)
        err = socket_connect(socket, &name, caller_get(&caller));
    file_put(file);
    return err;
}

long sys_listen(int fd, int backlog)
{
    struct socket *socket;
    struct file *file;
    int err = get_socket(fd, &file, &socket);
    if (err)
        return err;
    err = socket_listen(socket, backlog);
    file_put(file);
    return err;
}

long sys_accept4(int fd, struct user *address, struct user *address_len, int flags)
{
    struct descriptor_table *table = process_current()->descriptors;
    struct socket_address peer;
    struct socket *socket;
    struct file *file, *accepted;
    if (flags & ~(LINUX_SOCK_NONBLOCK | LINUX_SOCK_CLOEXEC))
        return -EINVAL;
    int err = get_socket(fd, &file, &socket);
    if (err)
        return err;
    /* The number first: a connection that was taken must not be lost for want of one. */
    int number = descriptor_reserve(table, 0, flags & LINUX_SOCK_CLOEXEC);
    err = number < 0 ? number
                     : socket_accept(socket, (unsigned)flags & LINUX_SOCK_NONBLOCK, &accepted, address ? &peer : NULL);
    file_put(file);
    if (err) {
        if (number >= 0)
            descriptor_release(table, number);
        return err;
    }
    err = address ? store_address(&peer, address, address_len) : 0;
    if (err) {
        descriptor_release(table, number);
        file_put(accepted);
        return err;
    }
    descriptor_fill(table, number, accepted);
    return number;
}

long sys_accept(int fd, struct user *address, struct user *address_len)
{
    return sys_accept4(fd, address, address_len, 0);
}

static long get_name(int fd, bool is_peer, struct user *address, struct user *address_len)
{
    struct socket_address name;
    struct socket *socket;
    struct file *file;
    int err = get_socket(fd, &file, &socket);
    if (err)
        return err;
    err = socket_get_name(socket, is_peer, &name);
    file_put(file);
    return err ? err : store_address(&name, address, address_len);
}

long sys_getsockname(int fd, struct user *address, struct user *address_len)
{
    return get_name(fd, false, address, address_len);
}

long sys_getpeername(int fd, struct user *address, struct user *address_len)
{
    return get_name(fd, true, address, address_len);
}

long sys_sendto(int fd, struct user *buf, size_t len, int flags, struct user *address, int address_len)
{
    struct socket_address to;
    struct io_segment segment;
    struct io_vector data;
    struct caller caller;
    struct socket *socket;
    struct file *file;
    int err = get_socket(fd, &file, &socket);
    if (err)
        return err;
    io_vector_user(&data, &segment, buf, MIN(len, (size_t)TRANSFER_MAX));
    struct socket_message message = {.data = &data, .flags = (unsigned)flags};
    ssize_t done = address ? fetch_address(address, address_len, &to) : 0;
    if (!done) {
        if (address) {
            message.to = &to;
            message.caller = caller_get(&caller);
        }
        done = finish_send(socket, socket_send(socket, &message), flags);
    }
    file_put(file);
    return done;
}

long sys_recvfrom(int fd, struct user *buf, size_t len, int flags, struct user *address, struct user *address_len)
{
    struct socket_address from;
    struct io_segment segment;
    struct io_vector data;
    struct socket *socket;
    struct file *file;
    int err = get_socket(fd, &file, &socket);
    if (err)
        return err;
    io_vector_user(&data, &segment, buf, MIN(len, (size_t)TRANSFER_MAX));
    struct socket_message message = {.data = &data, .flags = (unsigned)flags, .from = address ? &from : NULL};
    ssize_t done = socket_receive(socket, &message);
    file_put(file);
    if (done >= 0 && address) {
        err = store_address(&from, address, address_len);
        if (err)
            return err;
    }
    return done;
}

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
        size_t len = MIN((size_t)raw.len, (size_t)TRANSFER_MAX - total);
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
    struct caller caller;
    struct socket_message message = {.data = &transfer.data,
                                     .flags = (unsigned)flags,
                                     .descriptors = process_current()->descriptors,
                                     .is_privileged = is_capable(CAPABILITY_SYS_ADMIN)};
    ssize_t done = fetch_segments(header, &transfer);
    if (!done)
        done = fetch_control(header, &transfer);
    if (!done && header->name && header->name_len) {
        done = fetch_address(user_pointer(header->name), header->name_len, &to);
        message.to = &to;
    }
    if (!done) {
        message.caller = caller_get(&caller);
        message.control = transfer.control;
        message.control_len = transfer.control ? header->control_len : 0;
        done = finish_send(socket, socket_send(socket, &message), flags);
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

long sys_sendmsg(int fd, struct user *at, int flags)
{
    struct linux_message header;
    struct socket *socket;
    struct file *file;
    int err = get_socket(fd, &file, &socket);
    if (err)
        return err;
    err = copy_struct_from_user(&header, at);
    ssize_t done = err ? err : send_one(socket, &header, flags);
    file_put(file);
    return done;
}

long sys_recvmsg(int fd, struct user *at, int flags)
{
    struct socket *socket;
    struct file *file;
    int err = get_socket(fd, &file, &socket);
    if (err)
        return err;
    ssize_t done = receive_one(socket, at, flags);
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
    int err = get_socket(fd, &file, &socket);
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
        err = get_socket(fd, &file, &socket);
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

long sys_shutdown(int fd, int how)
{
    struct socket *socket;
    struct file *file;
    int err = get_socket(fd, &file, &socket);
    if (err)
        return err;
    err = socket_shutdown(socket, how);
    file_put(file);
    return err;
}

long sys_setsockopt(int fd, int level, int name, struct user *value, int len)
{
    uint8_t bytes[SOCKET_OPTION_MAX] __attribute__((aligned(8)));
    struct socket *socket;
    struct file *file;
    if (len < 0)
        return -EINVAL;
    int err = get_socket(fd, &file, &socket);
    if (err)
        return err;
    unsigned size = MIN((unsigned)len, (unsigned)sizeof bytes);
    memset(bytes, 0, sizeof bytes);
    err = copy_from_user(bytes, value, size);
    if (!err)
        err = socket_set_option(socket, level, name, bytes, size);
    file_put(file);
    return err;
}

long sys_getsockopt(int fd, int level, int name, struct user *value, struct user *len)
{
    uint8_t bytes[SOCKET_OPTION_MAX] __attribute__((aligned(8)));
    struct socket *socket;
    struct file *file;
    int32_t room;
    int err = get_socket(fd, &file, &socket);
    if (err)
        return err;
    err = copy_struct_from_user(&room, len);
    if (!err && room < 0)
        err = -EINVAL;
    if (err)
        goto out;
    unsigned used = MIN((unsigned)room, (unsigned)sizeof bytes);
    err = socket_get_option(socket, level, name, bytes, &used);
    if (err)
        goto out;
    room = (int32_t)used;
    err = copy_to_user(value, bytes, used);
    if (!err)
        err = copy_struct_to_user(len, &room);
out:
    file_put(file);
    return err;
}
