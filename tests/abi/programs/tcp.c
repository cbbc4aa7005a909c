/* TCP sockets on loopback: connecting, options, shutdown, polling, addresses, errors. */
#include "show.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>
#include <linux/sockios.h>

static struct sockaddr_in address;
static socklen_t address_len = sizeof address;

static int option(int fd, int level, int name)
{
    int value = -1;
    socklen_t len = sizeof value;
    return getsockopt(fd, level, name, &value, &len) ? -1 : value;
}

static int set(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

static int listen_here(int family)
{
    int fd = socket(family, SOCK_STREAM, 0);
    if (family == AF_INET) {
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        bind(fd, (struct sockaddr *)&any, sizeof any);
    } else {
        struct sockaddr_in6 any = {.sin6_family = AF_INET6};
        bind(fd, (struct sockaddr *)&any, sizeof any);
    }
    listen(fd, 5);
    struct sockaddr_in6 name;
    socklen_t len = sizeof name;
    getsockname(fd, (struct sockaddr *)&name, &len);
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = name.sin6_port, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return fd;
}

static void talk(void)
{
    char buf[100];
    int listener = listen_here(AF_INET), client = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(option(listener, SOL_SOCKET, SO_ACCEPTCONN));
    SHOW(fcntl(listener, F_SETFL, O_NONBLOCK));
    SHOW(accept(listener, NULL, NULL));
    SHOW(connect(client, (struct sockaddr *)&address, sizeof address));
    SHOW(connect(client, (struct sockaddr *)&address, sizeof address));
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;
    int server = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    SHOW(server >= 0);
    SHOW(len);
    SHOW(ntohl(peer.sin_addr.s_addr) == INADDR_LOOPBACK);
    SHOW(fcntl(server, F_GETFD));
    SHOW(fcntl(server, F_GETFL));
    SHOW(recv(server, buf, sizeof buf, 0));
    SHOW(send(client, "hello", 5, 0));
    struct pollfd p = {server, POLLIN | POLLOUT | POLLRDHUP, 0};
    SHOW(poll(&p, 1, 1000));
    SHOW(p.revents);
    int pending = 0;
    SHOW(ioctl(server, FIONREAD, &pending));
    SHOW(pending);
    SHOW(recv(server, buf, 2, MSG_PEEK));
    SHOW(recv(server, buf, 3, 0));
    SHOW(recv(server, NULL, 2, MSG_TRUNC));
    SHOW(recv(server, buf, 3, MSG_DONTWAIT));
    struct iovec iov[2] = {{"ab", 2}, {"cde", 3}};
    SHOW(writev(client, iov, 2));
    SHOW(fcntl(server, F_SETFL, 0));
    SHOW(recv(server, buf, 5, MSG_WAITALL));
    SHOW(shutdown(client, SHUT_WR));
    SHOW(poll(&p, 1, 1000));
    SHOW(p.revents);
    SHOW(read(server, buf, sizeof buf));
    SHOW(send(client, "x", 1, MSG_NOSIGNAL));
    SHOW(send(server, "late", 4, 0));
    SHOW(recv(client, buf, 4, MSG_WAITALL | MSG_PEEK));
    struct timeval timeout = {0, 30000};
    SHOW(setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout));
    SHOW(recv(client, buf, 5, MSG_WAITALL | MSG_PEEK));
    SHOW(shutdown(server, SHUT_RDWR));
    p.fd = client;
    usleep(20000);
    SHOW(poll(&p, 1, 1000));
    SHOW(p.revents);
    SHOW(recv(client, buf, sizeof buf, 0));
    SHOW(recv(client, buf, sizeof buf, 0));
    close(server);
    close(client);
    close(listener);
}

static void errors(void)
{
    char buf[8];
    int fd = socket(AF_INET, SOCK_STREAM, 0), file = open("/dev/null", O_RDONLY);
    struct sockaddr_in far = {.sin_family = AF_INET, .sin_port = htons(1), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct pollfd p = {fd, POLLIN | POLLOUT, 0};
    SHOW(poll(&p, 1, 0));
    SHOW(p.revents);
    SHOW(recv(fd, buf, 1, 0));
    SHOW(send(fd, buf, 1, MSG_NOSIGNAL));
    SHOW(shutdown(fd, SHUT_RD));
    SHOW(getpeername(fd, (struct sockaddr *)&far, &address_len));
    SHOW(connect(fd, (struct sockaddr *)&far, 8));
    SHOW(connect(fd, (struct sockaddr *)&far, sizeof far));
    far.sin_family = AF_UNIX;
    SHOW(connect(fd, (struct sockaddr *)&far, sizeof far));
    SHOW(accept(fd, NULL, NULL));
    SHOW(listen(file, 1));
    SHOW(listen(99, 1));
    SHOW(bind(fd, (struct sockaddr *)8, sizeof far));
    SHOW(bind(fd, (struct sockaddr *)&far, -1));
    far.sin_family = AF_INET;
    far.sin_addr.s_addr = htonl(0x08080808);
    SHOW(bind(fd, (struct sockaddr *)&far, sizeof far));
    SHOW(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
    SHOW(socket(AF_INET, 77, 0));
    SHOW(socket(77, SOCK_STREAM, 0));
    SHOW(socket(AF_INET, SOCK_STREAM | 0x100000, 0));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, NULL, 4));
    SHOW(set(fd, SOL_SOCKET, 999, 1));
    SHOW(set(fd, IPPROTO_TCP, 999, 1));
    SHOW(set(fd, IPPROTO_IP, 999, 1));
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    far.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int result = connect(fd, (struct sockaddr *)&far, sizeof far);
    bool begins = result == -1 && (errno == EINPROGRESS || errno == ECONNREFUSED);
    SHOW(begins);
    p.fd = fd;
    SHOW(poll(&p, 1, 1000));
    SHOW(p.revents);
    SHOW(option(fd, SOL_SOCKET, SO_ERROR) == ECONNREFUSED);
    SHOW(option(fd, SOL_SOCKET, SO_ERROR));
    close(fd);
    close(file);
}

static void options(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), six = socket(AF_INET6, SOCK_STREAM, 0);
    struct linger linger = {1, 7};
    socklen_t len = sizeof linger;
    SHOW(option(fd, SOL_SOCKET, SO_TYPE));
    SHOW(option(fd, SOL_SOCKET, SO_DOMAIN));
    SHOW(option(fd, SOL_SOCKET, SO_PROTOCOL));
    SHOW(option(fd, SOL_SOCKET, SO_ERROR));
    SHOW(option(fd, SOL_SOCKET, SO_KEEPALIVE));
    SHOW(set(fd, SOL_SOCKET, SO_KEEPALIVE, 5));
    SHOW(option(fd, SOL_SOCKET, SO_KEEPALIVE));
    SHOW(set(fd, SOL_SOCKET, SO_SNDBUF, 65536));
    SHOW(option(fd, SOL_SOCKET, SO_SNDBUF));
    SHOW(set(fd, SOL_SOCKET, SO_RCVBUF, 65536));
    SHOW(option(fd, SOL_SOCKET, SO_RCVBUF));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    linger = (struct linger){0, 0};
    SHOW(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len));
    SHOW(linger.l_onoff * 100 + linger.l_linger);
    struct timeval timeout = {1, 500000};
    SHOW(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout));
    len = sizeof timeout;
    timeout = (struct timeval){0, 0};
    SHOW(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, &len));
    SHOW(timeout.tv_sec * 1000000 + timeout.tv_usec);
    SHOW(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, 4));
    SHOW(option(fd, IPPROTO_TCP, TCP_NODELAY));
    SHOW(set(fd, IPPROTO_TCP, TCP_NODELAY, 1));
    SHOW(option(fd, IPPROTO_TCP, TCP_NODELAY));
    SHOW(option(fd, IPPROTO_TCP, TCP_KEEPIDLE));
    SHOW(option(fd, IPPROTO_TCP, TCP_KEEPINTVL));
    SHOW(option(fd, IPPROTO_TCP, TCP_KEEPCNT));
    SHOW(set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 60));
    SHOW(option(fd, IPPROTO_TCP, TCP_KEEPIDLE));
    SHOW(option(fd, IPPROTO_IP, IP_TTL));
    SHOW(set(fd, IPPROTO_IP, IP_TOS, 8));
    SHOW(option(fd, IPPROTO_IP, IP_TOS));
    SHOW(set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    SHOW(option(six, IPPROTO_IPV6, IPV6_V6ONLY));
    SHOW(set(six, IPPROTO_IPV6, IPV6_V6ONLY, 1));
    SHOW(option(six, IPPROTO_IPV6, IPV6_V6ONLY));
    SHOW(set(six, IPPROTO_IPV6, IPV6_TCLASS, 16));
    SHOW(option(six, IPPROTO_IPV6, IPV6_TCLASS));
    SHOW(option(six, IPPROTO_IPV6, IPV6_UNICAST_HOPS));
    SHOW(option(fd, SOL_SOCKET, SO_INCOMING_NAPI_ID));
    SHOW(option(fd, SOL_SOCKET, SO_REUSEPORT));
    close(fd);
    close(six);
}

static void dual_stack(void)
{
    int listener = listen_here(AF_INET6), client = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in6 peer;
    socklen_t len = sizeof peer;
    char text[64];
    SHOW(connect(client, (struct sockaddr *)&address, sizeof address));
    int server = accept(listener, (struct sockaddr *)&peer, &len);
    SHOW(len);
    SHOW(peer.sin6_family);
    puts(inet_ntop(AF_INET6, &peer.sin6_addr, text, sizeof text));
    int second = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in same = {.sin_family = AF_INET, .sin_port = address.sin_port};
    SHOW(bind(second, (struct sockaddr *)&same, sizeof same));
    close(server);
    close(client);
    close(second);
    close(listener);
}

static int listening;
static void *accept_one(void *unused)
{
    int fd = accept(listening, NULL, NULL);
    write(fd, "from a thread", 13);
    close(fd);
    return NULL;
}

static void on_alarm(int number)
{
}

static void blocking(void)
{
    char buf[64] = "";
    pthread_t thread;
    listening = listen_here(AF_INET);
    pthread_create(&thread, NULL, accept_one, NULL);
    usleep(10000);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(connect(client, (struct sockaddr *)&address, sizeof address));
    SHOW(recv(client, buf, 13, MSG_WAITALL));
    puts(buf);
    SHOW(recv(client, buf, 13, 0));
    pthread_join(thread, NULL);
    close(client);
    struct timeval timeout = {0, 50000};
    double start = now();
    SHOW(setsockopt(listening, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout));
    SHOW(accept(listening, NULL, NULL));
    SHOW(now() - start >= 0.04);
    struct sigaction action = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &action, NULL);
    timeout = (struct timeval){0, 0};
    setsockopt(listening, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    struct itimerval timer = {{0, 0}, {0, 30000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    SHOW(accept(listening, NULL, NULL));
    close(listening);
}

static unsigned broken;
static void on_pipe(int number)
{
    broken++;
}

static void sigpipe(void)
{
    int listener = listen_here(AF_INET), client = socket(AF_INET, SOCK_STREAM, 0);
    connect(client, (struct sockaddr *)&address, sizeof address);
    int server = accept(listener, NULL, NULL);
    signal(SIGPIPE, on_pipe);
    shutdown(client, SHUT_WR);
    SHOW(write(client, "x", 1));
    SHOW(broken);
    SHOW(send(client, "x", 1, 0));
    SHOW(broken);
    SHOW(send(client, "x", 1, MSG_NOSIGNAL));
    SHOW(broken);
    struct linger now_reset = {1, 0};
    char buf[4];
    setsockopt(server, SOL_SOCKET, SO_LINGER, &now_reset, sizeof now_reset);
    close(server);
    usleep(10000);
    SHOW(recv(client, buf, 4, 0));
    SHOW(recv(client, buf, 4, 0));
    close(client);
    close(listener);
}

static void large(void)
{
    static char block[1 << 20], back[1 << 20];
    int listener = listen_here(AF_INET), client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(client, (struct sockaddr *)&address, sizeof address);
    int server = accept(listener, NULL, NULL), poller = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLOUT | EPOLLET};
    epoll_ctl(poller, EPOLL_CTL_ADD, client, &event);
    for (unsigned i = 0; i < sizeof block; i++)
        block[i] = (char)(i * 7 + i / 1000);
    size_t sent = 0, got = 0;
    while (sent < sizeof block || got < sizeof block) {
        if (sent < sizeof block) {
            ssize_t n = send(client, block + sent, sizeof block - sent, 0);
            if (n > 0)
                sent += (size_t)n;
            else if (errno != EAGAIN)
                break;
        }
        ssize_t n = recv(server, back + got, sizeof back - got, sent < sizeof block ? MSG_DONTWAIT : 0);
        if (n > 0)
            got += (size_t)n;
        else if (n < 0 && errno != EAGAIN)
            break;
        if (sent < sizeof block)
            epoll_wait(poller, &event, 1, 1);
    }
    SHOW(got);
    SHOW(memcmp(block, back, sizeof block));
    close(poller);
    close(client);
    close(server);
    close(listener);
}

int main(void)
{
    talk();
    errors();
    options();
    dual_stack();
    blocking();
    sigpipe();
    large();
    return 0;
}
