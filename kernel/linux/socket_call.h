/* What the two files of socket calls share. */
#pragma once
#include <process/process.h>
#include <socket/socket.h>
#include <vfs/vfs.h>

enum { SOCKET_TRANSFER_MAX = 0x7ffff000 }; /* bytes of one call, as Linux's MAX_RW_COUNT */

/* Credentials of the calling process as the file system wants them. */
struct socket_caller {
    struct vfs_caller vfs;
    uint32_t groups[32];
};
const struct vfs_caller *socket_call_caller(struct socket_caller *caller);
/* The socket, its file referenced: put with file_put. -EBADF, -ENOTSOCK. */
int socket_call_get(int fd, struct file **file, struct socket **socket);
int socket_call_fetch_address(const struct user *from, int len, struct socket_address *out);
/* Sends SIGPIPE where EPIPE calls for it; returns `done`. */
long socket_call_finish_send(struct socket *socket, ssize_t done, int flags);
/* The calls on a socket that is found already. */
long socket_call_connect(struct socket *socket, const struct user *address, int address_len);
long socket_call_accept(struct socket *socket, struct user *address, struct user *address_len, int flags);
long socket_call_send_message(struct socket *socket, const struct user *at, int flags);
long socket_call_receive_message(struct socket *socket, struct user *at, int flags);
