/* Unix sockets: names, messages, descriptors and credentials, polling, limits. */
#include "show.h"
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static struct sockaddr_un path_name(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strcpy(name.sun_path, path);
    return name;
}
#define NAME(name) (struct sockaddr *)&(name), sizeof(name)

static void paths(void)
{
    char directory[] = "/tmp/unixXXXXXX";
    struct sockaddr_un name, got;
    socklen_t len = sizeof got;
    struct stat st;
    char buf[16];
    mkdtemp(directory);
    chdir(directory);
    name = path_name("socket");
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(connect(client, NAME(name)));
    SHOW(listen(listener, 1));
    umask(022);
    SHOW(bind(listener, NAME(name)));
    SHOW(bind(listener, NAME(name)));
    SHOW(stat("socket", &st));
    SHOW(st.st_mode);
    SHOW(open("socket", O_RDONLY));
    SHOW(connect(client, NAME(name)));
    SHOW(listen(listener, 1));
    SHOW(connect(client, NAME(name)));
    SHOW(connect(client, NAME(name)));
    int server = accept(listener, (struct sockaddr *)&got, &len);
    SHOW(len);
    len = sizeof got;
    SHOW(getpeername(client, (struct sockaddr *)&got, &len));
    SHOW(len);
    puts(got.sun_path);
    SHOW(write(client, "hello", 5));
    SHOW(read(server, buf, sizeof buf));
    int other = socket(AF_UNIX, SOCK_STREAM, 0), datagram = socket(AF_UNIX, SOCK_DGRAM, 0);
    SHOW(bind(other, NAME(name)));
    SHOW(connect(datagram, NAME(name)));
    close(listener);
    SHOW(connect(other, NAME(name)));
    SHOW(unlink("socket"));
    SHOW(connect(other, NAME(name)));
    SHOW(write(client, "still", 5));
    SHOW(read(server, buf, sizeof buf));
    close(client);
    close(server);
    close(other);
    close(datagram);
    chdir("/");
    SHOW(rmdir(directory));
}

static void abstract(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0skiff-test"}, got;
    socklen_t len = offsetof(struct sockaddr_un, sun_path) + 11, size = sizeof got;
    int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0), client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
    char buf[16];
    SHOW(connect(client, (struct sockaddr *)&name, len));
    SHOW(bind(listener, (struct sockaddr *)&name, len));
    SHOW(listen(listener, 0));
    SHOW(connect(client, (struct sockaddr *)&name, len));
    int second = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
    SHOW(connect(second, (struct sockaddr *)&name, len));
    int server = accept(listener, NULL, NULL);
    SHOW(getsockname(server, (struct sockaddr *)&got, &size));
    SHOW(size);
    SHOW(send(client, "one", 3, 0));
    SHOW(send(client, "two", 3, 0));
    SHOW(recv(server, buf, 2, MSG_TRUNC));
    SHOW(recv(server, buf, sizeof buf, 0));
    SHOW(recv(client, buf, 1, 0));
    close(server);
    SHOW(recv(client, buf, 1, 0));
    SHOW(send(client, "x", 1, MSG_NOSIGNAL));
    struct sockaddr_un family = {.sun_family = AF_UNIX};
    int automatic = socket(AF_UNIX, SOCK_DGRAM, 0);
    SHOW(bind(automatic, (struct sockaddr *)&family, 2));
    size = sizeof got;
    SHOW(getsockname(automatic, (struct sockaddr *)&got, &size));
    SHOW(size);
    close(automatic);
    close(client);
    close(second);
    close(listener);
}

static void pairs(void)
{
    int s[2], pending;
    char buf[64];
    struct pollfd p;
    SHOW(socketpair(AF_INET, SOCK_STREAM, 0, s));
    SHOW(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s));
    SHOW(fcntl(s[0], F_GETFD));
    SHOW(write(s[0], "abcdef", 6));
    SHOW(ioctl(s[1], FIONREAD, &pending));
    SHOW(pending);
    SHOW(recv(s[1], buf, 3, MSG_PEEK));
    SHOW(read(s[1], buf, 4));
    SHOW(shutdown(s[0], SHUT_WR));
    p = (struct pollfd){s[1], POLLIN | POLLOUT | POLLRDHUP, 0};
    SHOW(poll(&p, 1, 0));
    SHOW(p.revents);
    SHOW(read(s[1], buf, sizeof buf));
    SHOW(read(s[1], buf, sizeof buf));
    SHOW(send(s[0], "x", 1, MSG_NOSIGNAL));
    SHOW(write(s[1], "back", 4));
    close(s[1]);
    p = (struct pollfd){s[0], POLLIN | POLLOUT | POLLRDHUP, 0};
    SHOW(poll(&p, 1, 0));
    SHOW(p.revents);
    SHOW(read(s[0], buf, sizeof buf));
    SHOW(read(s[0], buf, sizeof buf));
    close(s[0]);
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    SHOW(write(s[0], "unread", 6));
    close(s[1]);
    SHOW(read(s[0], buf, 1));
    SHOW(read(s[0], buf, 1));
    close(s[0]);
    int alone = socket(AF_UNIX, SOCK_STREAM, 0);
    p = (struct pollfd){alone, POLLIN | POLLOUT, 0};
    SHOW(poll(&p, 1, 0));
    SHOW(p.revents);
    SHOW(read(alone, buf, 1));
    SHOW(send(alone, buf, 1, MSG_NOSIGNAL));
    SHOW(shutdown(alone, SHUT_RDWR) == 0 || errno == ENOTCONN);
    close(alone);
}

static void datagrams(void)
{
    int s[2], value = 0;
    socklen_t len = sizeof value;
    char buf[16];
    SHOW(socketpair(AF_UNIX, SOCK_DGRAM, 0, s));
    SHOW(send(s[0], "one", 3, 0));
    SHOW(send(s[0], "", 0, 0));
    SHOW(recv(s[1], buf, 2, MSG_PEEK | MSG_TRUNC));
    SHOW(recv(s[1], buf, 16, 0));
    SHOW(recv(s[1], buf, 16, 0));
    SHOW(recv(s[1], buf, 16, MSG_DONTWAIT));
    SHOW(getsockopt(s[0], SOL_SOCKET, SO_TYPE, &value, &len));
    SHOW(value);
    close(s[1]);
    SHOW(send(s[0], "x", 1, MSG_NOSIGNAL));
    SHOW(send(s[0], "x", 1, MSG_NOSIGNAL));
    close(s[0]);
}

static void send_fd(int socket, int fd)
{
    char space[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec iov = {"f", 1};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    SHOW(sendmsg(socket, &header, 0));
}

static int receive_fd(int socket, size_t room, int flags)
{
    char space[64] = {0}, buf[8];
    int fd = -1;
    struct iovec iov = {buf, sizeof buf};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = room};
    SHOW(recvmsg(socket, &header, flags));
    SHOW(header.msg_flags & MSG_CTRUNC);
    SHOW(header.msg_controllen);
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);
    if (c && c->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

static void rights(void)
{
    int s[2], p[2];
    char buf[8];
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    pipe(p);
    send_fd(s[0], p[0]);
    close(p[0]);
    int fd = receive_fd(s[1], 64, MSG_CMSG_CLOEXEC);
    SHOW(fd >= 0);
    SHOW(fcntl(fd, F_GETFD));
    SHOW(write(p[1], "through", 7));
    SHOW(read(fd, buf, sizeof buf));
    close(fd);
    SHOW(write(s[0], "pre", 3));
    send_fd(s[0], p[1]);
    SHOW(write(s[0], "post", 4));
    fd = receive_fd(s[1], 64, 0);
    SHOW(fd >= 0);
    close(fd);
    SHOW(read(s[1], buf, sizeof buf));
    send_fd(s[0], p[1]);
    SHOW(receive_fd(s[1], 8, 0));
    send_fd(s[0], 999);
    close(p[1]);
    close(s[0]);
    close(s[1]);
}

static void credentials(void)
{
    int s[2], on = 1;
    struct ucred peer;
    socklen_t len = sizeof peer;
    char space[64], buf[8];
    socketpair(AF_UNIX, SOCK_STREAM, 0, s);
    SHOW(getsockopt(s[0], SOL_SOCKET, SO_PEERCRED, &peer, &len));
    SHOW(peer.pid == getpid() && peer.uid == getuid() && peer.gid == getgid());
    SHOW(setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on));
    SHOW(write(s[0], "x", 1));
    struct iovec iov = {buf, sizeof buf};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
    SHOW(recvmsg(s[1], &header, 0));
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);
    SHOW(c && c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof peer));
    memcpy(&peer, CMSG_DATA(c), sizeof peer);
    SHOW(peer.pid == getpid() && peer.uid == getuid());
    pid_t child = fork();
    if (!child) {
        write(s[0], "c", 1);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    header.msg_controllen = sizeof space;
    SHOW(recvmsg(s[1], &header, 0));
    memcpy(&peer, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof peer);
    SHOW(peer.pid == child);
    close(s[0]);
    close(s[1]);
}

static void full(void)
{
    static char block[4096];
    int s[2];
    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s);
    size_t sent = 0, got = 0;
    ssize_t n;
    while ((n = write(s[0], block, sizeof block)) > 0)
        sent += (size_t)n;
    SHOW(errno == EAGAIN);
    struct pollfd p = {s[0], POLLOUT, 0};
    SHOW(poll(&p, 1, 0));
    while ((n = read(s[1], block, sizeof block)) > 0)
        got += (size_t)n;
    SHOW(got == sent);
    SHOW(poll(&p, 1, 0));
    SHOW(sent > 50000);
    close(s[0]);
    close(s[1]);
}

int main(void)
{
    paths();
    abstract();
    pairs();
    datagrams();
    rights();
    credentials();
    full();
    return 0;
}
