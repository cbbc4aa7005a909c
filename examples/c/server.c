/*
 * A small HTTP server: one epoll loop per thread, all accepting on the same port (SO_REUSEPORT), keep-alive and pipelining.
 * usage: server [PORT [THREADS]]
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 256, REQUEST_MAX = 4096 };
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 17\r\n\r\nHello from Skiff\n";
static int port = 8080;

struct connection {
    int fd;
    size_t used;
    char request[REQUEST_MAX];
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int listen_on(int number)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)number)};
    if (fd < 0)
        fail("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1024))
        fail("listen");
    return fd;
}

static void accept_all(int epoll, int listener)
{
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), on = 1;
        if (fd < 0)
            return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        struct connection *c = calloc(1, sizeof *c);
        if (!c) {
            close(fd);
            return;
        }
        c->fd = fd;
        struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP, .data.ptr = c};
        epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
    }
}

/* Answers each complete request in the buffer; false: close. */
static int answer(struct connection *c)
{
    char *end;
    size_t done = 0;
    while ((end = memmem(c->request + done, c->used - done, "\r\n\r\n", 4))) {
        done = (size_t)(end + 4 - c->request);
        if (write(c->fd, response, sizeof response - 1) != (ssize_t)sizeof response - 1)
            return 0;
    }
    memmove(c->request, c->request + done, c->used - done);
    c->used -= done;
    return c->used < REQUEST_MAX;
}

static void serve(struct connection *c)
{
    for (;;) {
        ssize_t n = read(c->fd, c->request + c->used, REQUEST_MAX - c->used);
        if (n < 0 && errno == EAGAIN)
            return;
        c->used += n > 0 ? (size_t)n : 0;
        if (n <= 0 || !answer(c))
            break;
    }
    close(c->fd);
    free(c);
}

static void *loop(void *unused)
{
    int listener = listen_on(port), epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event))
        fail("epoll");
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++)
            events[i].data.ptr ? serve(events[i].data.ptr) : accept_all(epoll, listener);
    }
    return unused;
}

int main(int argc, char **argv)
{
    long threads = argc > 2 ? atol(argv[2]) : sysconf(_SC_NPROCESSORS_ONLN);
    port = argc > 1 ? atoi(argv[1]) : port;
    signal(SIGPIPE, SIG_IGN);
    printf("listening on port %d with %ld threads\n", port, threads);
    fflush(stdout);
    for (long i = 1; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, loop, NULL))
            fail("thread");
    }
    loop(NULL);
}
