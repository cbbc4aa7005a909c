/* The socket calls but those with message headers: descriptors, addresses, options are fetched and stored. */
#include <common/checked.h>
#include <base/string.h>
#include <linux/syscalls.h>
#include <process/process.h>
#include <socket/net.h>
#include "socket_call.h"

enum {
    LINUX_SOCK_NONBLOCK = 04000,
    LINUX_SOCK_CLOEXEC = 02000000,
    TYPE_MASK = 0xf,
    LINUX_SIGPIPE = 13,
    CAPABILITY_NET_RAW = 13,
    CAPABILITY_DAC_OVERRIDE = 1
};

static bool is_capable(unsigned capability)
{
    return process_current()->credentials.capabilities_effective >> capability & 1;
}

const struct vfs_caller *socket_call_caller(struct socket_caller *caller)
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
int socket_call_get(int fd, struct file **file, struct socket **socket)
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

int socket_call_fetch_address(const struct user *from, int len, struct socket_address *out)
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

long socket_call_finish_send(struct socket *socket, ssize_t done, int flags)
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
    struct socket_caller caller;
    struct socket *socket;
    struct file *file;
    int err = socket_call_get(fd, &file, &socket);
    if (err)
        return err;
    err = socket_call_fetch_address(address, address_len, &name);
    if (!err)
        err = socket_bind(socket, &name, socket_call_caller(&caller));
    file_put(file);
    return err;
}

long socket_call_connect(struct socket *socket, const struct user *address, int address_len)
{
    struct socket_address name;
    struct socket_caller caller;
    int err = socket_call_fetch_address(address, address_len, &name);
    return err ? err : socket_connect(socket, &name, socket_call_caller(&caller));
}

long sys_connect(int fd, struct user *address, int address_len)
{
    struct socket *socket;
    struct file *file;
    int err = socket_call_get(fd, &file, &socket);
    if (err)
        return err;
    long result = socket_call_connect(socket, address, address_len);
    file_put(file);
    return result;
}

long sys_listen(int fd, int backlog)
{
    struct socket *socket;
    struct file *file;
    int err = socket_call_get(fd, &file, &socket);
    if (err)
        return err;
    err = socket_listen(socket, backlog);
    file_put(file);
    return err;
}

long socket_call_accept(struct socket *socket, struct user *address, struct user *address_len, int flags)
{
    struct descriptor_table *table = process_current()->descriptors;
    struct socket_address peer;
    struct file *accepted;
    if (flags & ~(LINUX_SOCK_NONBLOCK | LINUX_SOCK_CLOEXEC))
        return -EINVAL;
    /* The number first: a connection that was taken must not be lost for want of one. */
    int number = descriptor_reserve(table, 0, flags & LINUX_SOCK_CLOEXEC);
    if (number < 0)
        return number;
    int err = socket_accept(socket, (unsigned)flags & LINUX_SOCK_NONBLOCK, &accepted, address ? &peer : NULL);
    if (err) {
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

long sys_accept4(int fd, struct user *address, struct user *address_len, int flags)
{
    struct socket *socket;
    struct file *file;
    if (flags & ~(LINUX_SOCK_NONBLOCK | LINUX_SOCK_CLOEXEC))
        return -EINVAL;
    int err = socket_call_get(fd, &file, &socket);
    if (err)
        return err;
    long result = socket_call_accept(socket, address, address_len, flags);
    file_put(file);
    return result;
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
    int err = socket_call_get(fd, &file, &socket);
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
    struct socket_caller caller;
    struct socket *socket;
    struct file *file;
    int err = socket_call_get(fd, &file, &socket);
    if (err)
        return err;
    io_vector_user(&data, &segment, buf, MIN(len, (size_t)SOCKET_TRANSFER_MAX));
    struct socket_message message = {.data = &data, .flags = (unsigned)flags};
    ssize_t done = address ? socket_call_fetch_address(address, address_len, &to) : 0;
    if (!done) {
        if (address) {
            message.to = &to;
            message.caller = socket_call_caller(&caller);
        }
        done = socket_call_finish_send(socket, socket_send(socket, &message), flags);
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
    int err = socket_call_get(fd, &file, &socket);
    if (err)
        return err;
    io_vector_user(&data, &segment, buf, MIN(len, (size_t)SOCKET_TRANSFER_MAX));
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

long sys_shutdown(int fd, int how)
{
    struct socket *socket;
    struct file *file;
    int err = socket_call_get(fd, &file, &socket);
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
    int err = socket_call_get(fd, &file, &socket);
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
    int err = socket_call_get(fd, &file, &socket);
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
