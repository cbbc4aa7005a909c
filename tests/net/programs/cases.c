/*
 * Connections that end oddly, and datagrams: both halves of each case in one program, so that Skiff is tested as server and as
 * client against Linux, and Linux against Linux says what is right.
 * usage: cases serve PORT
 *        cases run HOST PORT [wait=MS] [CASE...]   prints "ok CASE" or "not ok CASE: why"; status 1 when one failed
 * A control connection names the case; the serving side answers with the port of a fresh listener (and UDP socket of that
 * number), and at the end with "ok" or what it saw instead.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TEXT = 120, MIB = 1 << 20 };
struct side {
    int listener, udp;                /* of the serving side */
    struct sockaddr_storage address;  /* of the running side: where the other one listens */
    socklen_t address_len;
    char why[TEXT];
};
struct test {
    const char *name;
    int (*serve)(struct side *side), (*run)(struct side *side); /* 0, or failed() */
};

static int __attribute__((format(printf, 2, 3))) failed(struct side *side, const char *format, ...)
{
    int saved = errno;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(side->why, TEXT, format, args);
    va_end(args);
    if (n < TEXT)
        snprintf(side->why + n, TEXT - (size_t)n, " (%s)", strerror(saved));
    return -1;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static int connect_to(struct side *side)
{
    int fd = socket(side->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&side->address, side->address_len)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static int accept_one(struct side *side)
{
    struct pollfd p = {.fd = side->listener, .events = POLLIN};
    return poll(&p, 1, 20000) == 1 ? accept4(side->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
}

static int wait_for(int fd, short events, int ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    return poll(&p, 1, ms) == 1 ? p.revents : 0;
}

static long read_to_end(int fd)
{
    static __thread char bytes[65536];
    long total = 0;
    ssize_t n;
    while ((n = recv(fd, bytes, sizeof bytes, 0)) > 0)
        total += n;
    return n < 0 ? -1 : total;
}

static int send_zeros(int fd, long count)
{
    static const char bytes[65536];
    while (count > 0) {
        ssize_t n = send(fd, bytes, count < (long)sizeof bytes ? (size_t)count : sizeof bytes, MSG_NOSIGNAL);
        if (n <= 0)
            return -1;
        count -= n;
    }
    return 0;
}

/* half_close: a megabyte, end of it, then an answer in the other direction. */
static int half_close_serve(struct side *s)
{
    int fd = accept_one(s);
    long n = read_to_end(fd);
    if (n != MIB)
        return failed(s, "got %ld bytes", n);
    sleep_ms(50);
    if (send_zeros(fd, n / 2))
        return failed(s, "send after the peer's end");
    close(fd);
    return 0;
}
static int half_close_run(struct side *s)
{
    int fd = connect_to(s);
    if (send_zeros(fd, MIB) || shutdown(fd, SHUT_WR))
        return failed(s, "send");
    if (send(fd, "x", 1, MSG_NOSIGNAL) != -1 || errno != EPIPE)
        return failed(s, "sending after shutdown is not EPIPE");
    long n = read_to_end(fd);
    close(fd);
    return n == MIB / 2 ? 0 : failed(s, "got %ld bytes back", n);
}

/* reset_unread: closing with unread bytes resets. */
static int reset_unread_serve(struct side *s)
{
    int fd = accept_one(s);
    if (!(wait_for(fd, POLLIN, 5000) & POLLIN))
        return failed(s, "nothing came");
    close(fd);
    return 0;
}
static int reset_unread_run(struct side *s)
{
    int fd = connect_to(s);
    char byte;
    send(fd, "unread", 6, 0);
    ssize_t n = recv(fd, &byte, 1, 0);
    if (n != -1 || errno != ECONNRESET)
        return failed(s, "recv gave %zd", n);
    if (send(fd, "x", 1, MSG_NOSIGNAL) != -1 || errno != EPIPE)
        return failed(s, "send after the reset");
    close(fd);
    return 0;
}

/* linger_zero: SO_LINGER of 0 seconds resets even when all was read. */
static int linger_zero_serve(struct side *s)
{
    int fd = accept_one(s);
    struct linger linger = {1, 0};
    char byte;
    if (recv(fd, &byte, 1, 0) != 1)
        return failed(s, "recv");
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fd);
    return 0;
}
static int linger_zero_run(struct side *s)
{
    int fd = connect_to(s);
    char byte;
    send(fd, "x", 1, 0);
    if (recv(fd, &byte, 1, 0) != -1 || errno != ECONNRESET)
        return failed(s, "not reset");
    close(fd);
    return 0;
}

/* linger: close waits until the data is acknowledged; the reader begins late. */
static int linger_serve(struct side *s)
{
    int fd = accept_one(s);
    sleep_ms(700);
    long n = read_to_end(fd);
    close(fd);
    return n == 4 * MIB ? 0 : failed(s, "got %ld bytes", n);
}
static int linger_run(struct side *s)
{
    int fd = connect_to(s), size = 8 * MIB;
    struct linger linger = {1, 10};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (send_zeros(fd, 4 * MIB))
        return failed(s, "send");
    double start = seconds();
    close(fd);
    double took = seconds() - start;
    return took < 9 ? 0 : failed(s, "close took %.1f s", took);
}

/* refused: a port where nobody listens, at once. */
static int refused_serve(struct side *s)
{
    close(s->listener);
    s->listener = -1;
    return 0;
}
static int refused_run(struct side *s)
{
    sleep_ms(100);
    double start = seconds();
    int fd = connect_to(s);
    if (fd != -1 || errno != ECONNREFUSED)
        return failed(s, "connect gave %d", fd);
    return seconds() - start < 0.5 ? 0 : failed(s, "slow");
}

/* backlog: more connections than the queue holds; those beyond it wait and come in later, none is lost. */
enum { BACKLOG_CONNECTIONS = 12 };
static int backlog_serve(struct side *s)
{
    int fds[BACKLOG_CONNECTIONS];
    listen(s->listener, 2);
    sleep_ms(1500);
    for (int i = 0; i < BACKLOG_CONNECTIONS; i++) {
        fds[i] = accept_one(s);
        if (fds[i] < 0)
            return failed(s, "only %d connections came", i);
    }
    for (int i = 0; i < BACKLOG_CONNECTIONS; i++) {
        char byte;
        if (recv(fds[i], &byte, 1, 0) != 1 || send(fds[i], &byte, 1, MSG_NOSIGNAL) != 1)
            return failed(s, "connection %d", i);
        close(fds[i]);
    }
    return 0;
}
static int backlog_run(struct side *s)
{
    int fds[BACKLOG_CONNECTIONS];
    sleep_ms(100);
    for (int i = 0; i < BACKLOG_CONNECTIONS; i++) {
        fds[i] = socket(s->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (!connect(fds[i], (struct sockaddr *)&s->address, s->address_len) || errno != EINPROGRESS)
            return failed(s, "connect");
    }
    for (int i = 0; i < BACKLOG_CONNECTIONS; i++) {
        char byte = 'x';
        fcntl(fds[i], F_SETFL, 0);
        if (!(wait_for(fds[i], POLLOUT, 20000) & POLLOUT) || send(fds[i], &byte, 1, MSG_NOSIGNAL) != 1)
            return failed(s, "send on %d", i);
    }
    for (int i = 0; i < BACKLOG_CONNECTIONS; i++) {
        char byte;
        ssize_t n = recv(fds[i], &byte, 1, 0);
        if (n != 1)
            return failed(s, "no answer on %d: %zd", i, n);
        close(fds[i]);
    }
    return 0;
}

/* slow_reader: the window closes for a while and opens again. */
static int slow_reader_serve(struct side *s)
{
    int fd = accept_one(s);
    if (send_zeros(fd, 8 * MIB))
        return failed(s, "send");
    close(fd);
    return 0;
}
static int slow_reader_run(struct side *s)
{
    int fd = socket(s->address.ss_family, SOCK_STREAM, 0), size = 16384;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (connect(fd, (struct sockaddr *)&s->address, s->address_len))
        return failed(s, "connect");
    sleep_ms(2500); /* several window probes */
    double start = seconds();
    long n = read_to_end(fd);
    double took = seconds() - start;
    close(fd);
    if (n != 8 * MIB)
        return failed(s, "got %ld bytes", n);
    return took < 20 ? 0 : failed(s, "took %.1f s once reading", took);
}

/* many: short connections in a row, from a few threads. */
enum { MANY_THREADS = 8, MANY_EACH = 250 };
static int many_serve(struct side *s)
{
    for (int i = 0; i < MANY_THREADS * MANY_EACH; i++) {
        int fd = accept_one(s);
        char byte;
        if (fd < 0 || recv(fd, &byte, 1, 0) != 1 || send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
            return failed(s, "connection %d", i);
        close(fd);
    }
    return 0;
}
static void *many_thread(void *argument)
{
    struct side *s = argument;
    for (intptr_t i = 0; i < MANY_EACH; i++) {
        char byte = 'x';
        int fd = connect_to(s);
        if (fd < 0 || send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || recv(fd, &byte, 1, 0) != 1 || recv(fd, &byte, 1, 0) != 0)
            return (void *)(i + 1);
        close(fd);
    }
    return NULL;
}
static int many_run(struct side *s)
{
    pthread_t threads[MANY_THREADS];
    void *result, *worst = NULL;
    for (int i = 0; i < MANY_THREADS; i++)
        pthread_create(&threads[i], NULL, many_thread, s);
    for (int i = 0; i < MANY_THREADS; i++) {
        pthread_join(threads[i], &result);
        worst = result ? result : worst;
    }
    return worst ? failed(s, "connection %ld of a thread", (long)(intptr_t)worst) : 0;
}

/* both_close: both ends send their FIN before they see the other's. */
static int both_close_serve(struct side *s)
{
    int fd = accept_one(s);
    char byte;
    if (recv(fd, &byte, 1, 0) != 1)
        return failed(s, "recv");
    shutdown(fd, SHUT_WR);
    long n = read_to_end(fd);
    close(fd);
    return n == 0 ? 0 : failed(s, "%ld bytes", n);
}
static int both_close_run(struct side *s)
{
    for (int i = 0; i < 1; i++) {
        int fd = connect_to(s);
        send(fd, "x", 1, 0);
        shutdown(fd, SHUT_WR);
        long n = read_to_end(fd);
        close(fd);
        if (n)
            return failed(s, "%ld bytes", n);
    }
    return 0;
}

/* ping_pong: small messages back and forth take no delayed acknowledgement's time. */
enum { PING_PONGS = 300 };
static int ping_pong_serve(struct side *s)
{
    int fd = accept_one(s);
    char bytes[2];
    for (int i = 0; i < PING_PONGS; i++) /* write, write, read is what Nagle and delayed ACKs punish: hence one write */
        if (recv(fd, bytes, 2, MSG_WAITALL) != 2 || send(fd, bytes, 2, MSG_NOSIGNAL) != 2)
            return failed(s, "round %d", i);
    close(fd);
    return 0;
}
static int ping_pong_run(struct side *s)
{
    int fd = connect_to(s);
    char bytes[2] = "ab";
    double start = seconds(), worst = 0;
    for (int i = 0; i < PING_PONGS; i++) {
        double begun = seconds();
        if (send(fd, bytes, 2, MSG_NOSIGNAL) != 2 || recv(fd, bytes, 2, MSG_WAITALL) != 2)
            return failed(s, "round %d", i);
        if (seconds() - begun > worst)
            worst = seconds() - begun;
    }
    close(fd);
    double mean = (seconds() - start) / PING_PONGS;
    return mean < 0.02 ? 0 : failed(s, "%.1f ms a round, at worst %.1f", mean * 1e3, worst * 1e3);
}

/* datagrams: every size to the largest, with fragments, there and back. */
static const size_t datagram_sizes[] = {0, 1, 1452, 1453, 1472, 1473, 2960, 8000, 20000, 40000, 65506, 65507};
enum { DATAGRAM_COUNT = sizeof datagram_sizes / sizeof datagram_sizes[0], DATAGRAM_MAX = 65508 };
static void fill(unsigned char *bytes, size_t n, unsigned key)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)(i * 7 + i / 251 + key);
}
static int datagrams_serve(struct side *s)
{
    unsigned char *bytes = malloc(DATAGRAM_MAX);
    for (unsigned i = 0; i < DATAGRAM_COUNT; i++) {
        struct sockaddr_storage from;
        socklen_t len = sizeof from;
        if (!(wait_for(s->udp, POLLIN, 10000) & POLLIN))
            return failed(s, "datagram %u of %zu bytes did not come", i, datagram_sizes[i]);
        ssize_t n = recvfrom(s->udp, bytes, DATAGRAM_MAX, 0, (struct sockaddr *)&from, &len);
        if (n != (ssize_t)datagram_sizes[i])
            return failed(s, "datagram %u: %zd bytes", i, n);
        if (sendto(s->udp, bytes, (size_t)n, 0, (struct sockaddr *)&from, len) != n)
            return failed(s, "send of %zd bytes", n);
    }
    free(bytes);
    return 0;
}
static int datagrams_run(struct side *s)
{
    unsigned char *bytes = malloc(DATAGRAM_MAX), *back = malloc(DATAGRAM_MAX);
    int fd = socket(s->address.ss_family, SOCK_DGRAM, 0);
    if (connect(fd, (struct sockaddr *)&s->address, s->address_len))
        return failed(s, "connect");
    for (unsigned i = 0; i < DATAGRAM_COUNT; i++) {
        size_t n = datagram_sizes[i];
        fill(bytes, n, i);
        if (send(fd, bytes, n, 0) != (ssize_t)n)
            return failed(s, "send of %zu", n);
        if (!(wait_for(fd, POLLIN, 5000) & POLLIN))
            return failed(s, "no answer to %zu bytes", n);
        ssize_t got = recv(fd, back, DATAGRAM_MAX, 0);
        if (got != (ssize_t)n || memcmp(bytes, back, n))
            return failed(s, "%zd of %zu bytes came back, or others", got, n);
    }
    if (send(fd, bytes, DATAGRAM_MAX, 0) != -1 && s->address.ss_family == AF_INET)
        return failed(s, "65508 bytes were taken");
    close(fd);
    free(bytes);
    free(back);
    return 0;
}

/* datagram_refused: the peer has no such port, and a connected socket hears of it. */
static int datagram_refused_serve(struct side *s)
{
    close(s->udp);
    s->udp = -1;
    return 0;
}
static int datagram_refused_run(struct side *s)
{
    int fd = socket(s->address.ss_family, SOCK_DGRAM, 0);
    char byte;
    connect(fd, (struct sockaddr *)&s->address, s->address_len);
    sleep_ms(100);
    send(fd, "x", 1, 0);
    if (!(wait_for(fd, POLLIN, 3000)))
        return failed(s, "nothing heard");
    if (recv(fd, &byte, 1, MSG_DONTWAIT) != -1 || errno != ECONNREFUSED)
        return failed(s, "not ECONNREFUSED");
    close(fd);
    return 0;
}

/* unreachable: nobody has that address: EHOSTUNREACH after the neighbour did not answer. */
static int nothing_serve(struct side *s)
{
    (void)s;
    return 0;
}
static int unreachable_run(struct side *s)
{
    struct sockaddr_storage saved = s->address;
    if (s->address.ss_family == AF_INET)
        ((unsigned char *)&((struct sockaddr_in *)&s->address)->sin_addr)[3] = 77;
    else
        ((struct sockaddr_in6 *)&s->address)->sin6_addr.s6_addr[15] ^= 0x5a;
    double start = seconds();
    int fd = connect_to(s);
    int why = errno;
    double took = seconds() - start;
    s->address = saved;
    errno = why;
    if (fd != -1 || (why != EHOSTUNREACH && why != ETIMEDOUT))
        return failed(s, "connect gave %d", fd);
    return took < 8 ? 0 : failed(s, "took %.1f s", took);
}

/* reused_port: the same pair of ports again while the old one is in TIME_WAIT at the serving side. */
static int reused_port_serve(struct side *s)
{
    for (int i = 0; i < 3; i++) {
        int fd = accept_one(s);
        char byte;
        if (fd < 0 || recv(fd, &byte, 1, 0) != 1)
            return failed(s, "connection %d", i);
        shutdown(fd, SHUT_WR); /* ends first: TIME_WAIT is here */
        read_to_end(fd);
        close(fd);
    }
    return 0;
}
static int reused_port_run(struct side *s)
{
    struct sockaddr_storage own = {.ss_family = s->address.ss_family};
    socklen_t len = s->address_len;
    for (int i = 0; i < 3; i++) {
        int fd = socket(s->address.ss_family, SOCK_STREAM, 0), on = 1;
        char byte;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(fd, (struct sockaddr *)&own, len) || connect(fd, (struct sockaddr *)&s->address, s->address_len))
            return failed(s, "connection %d", i);
        len = sizeof own;
        getsockname(fd, (struct sockaddr *)&own, &len);
        if (send(fd, "x", 1, 0) != 1 || recv(fd, &byte, 1, 0) != 0)
            return failed(s, "end of connection %d", i);
        close(fd);
        sleep_ms(50);
    }
    return 0;
}

static const struct test tests[] = {
    {"half_close", half_close_serve, half_close_run},
    {"reset_unread", reset_unread_serve, reset_unread_run},
    {"linger_zero", linger_zero_serve, linger_zero_run},
    {"linger", linger_serve, linger_run},
    {"refused", refused_serve, refused_run},
    {"backlog", backlog_serve, backlog_run},
    {"slow_reader", slow_reader_serve, slow_reader_run},
    {"many", many_serve, many_run},
    {"both_close", both_close_serve, both_close_run},
    {"ping_pong", ping_pong_serve, ping_pong_run},
    {"datagrams", datagrams_serve, datagrams_run},
    {"datagram_refused", datagram_refused_serve, datagram_refused_run},
    {"unreachable", nothing_serve, unreachable_run},
    {"reused_port", reused_port_serve, reused_port_run},
};
enum { TEST_COUNT = sizeof tests / sizeof tests[0] };

static const struct test *find_test(const char *name)
{
    for (unsigned i = 0; i < TEST_COUNT; i++)
        if (!strcmp(tests[i].name, name))
            return &tests[i];
    return NULL;
}

static int bind_both(int type, uint16_t port)
{
    int fd = socket(AF_INET6, type | SOCK_CLOEXEC, 0), on = 1, off = 0;
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || (type == SOCK_STREAM && listen(fd, 1024))) {
        perror("cases: bind");
        exit(1);
    }
    return fd;
}

static void serve_one(int control)
{
    char name[TEXT] = "", text[TEXT];
    if (recv(control, name, TEXT, MSG_WAITALL) != TEXT)
        return;
    const struct test *test = find_test(name);
    if (!test)
        return;
    struct side side = {.listener = bind_both(SOCK_STREAM, 0)};
    struct sockaddr_in6 own;
    socklen_t len = sizeof own;
    getsockname(side.listener, (struct sockaddr *)&own, &len);
    side.udp = bind_both(SOCK_DGRAM, ntohs(own.sin6_port));
    memset(text, 0, sizeof text);
    snprintf(text, TEXT, "%u", ntohs(own.sin6_port));
    send(control, text, TEXT, MSG_NOSIGNAL);
    memset(text, 0, sizeof text);
    snprintf(text, TEXT, "%s", test->serve(&side) ? side.why : "ok");
    send(control, text, TEXT, MSG_NOSIGNAL);
    if (side.listener >= 0)
        close(side.listener);
    if (side.udp >= 0)
        close(side.udp);
}

static int serve(const char *port)
{
    int fd = bind_both(SOCK_STREAM, (uint16_t)atoi(port));
    printf("serving on %s\n", port);
    fflush(stdout);
    for (;;) {
        int control = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (control < 0)
            return 1;
        serve_one(control);
        close(control);
    }
}

static int run_one(const struct addrinfo *to, const struct test *test)
{
    char text[TEXT] = "";
    struct side side = {.address_len = to->ai_addrlen};
    memcpy(&side.address, to->ai_addr, to->ai_addrlen);
    int control = connect_to(&side);
    snprintf(text, TEXT, "%s", test->name);
    if (control < 0 || send(control, text, TEXT, MSG_NOSIGNAL) != TEXT || recv(control, text, TEXT, MSG_WAITALL) != TEXT) {
        printf("not ok %s: control connection (%s)\n", test->name, strerror(errno));
        return 1;
    }
    ((struct sockaddr_in *)&side.address)->sin_port = htons((uint16_t)atoi(text)); /* at the same place in both families */
    double start = seconds();
    int err = test->run(&side);
    if (recv(control, text, TEXT, MSG_WAITALL) != TEXT)
        snprintf(text, TEXT, "no report");
    close(control);
    if (!err && !strcmp(text, "ok"))
        printf("ok %s (%.1f s)\n", test->name, seconds() - start);
    else
        printf("not ok %s: %s; the serving side: %s\n", test->name, err ? side.why : "ok", text);
    fflush(stdout);
    return err || strcmp(text, "ok");
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc == 3 && !strcmp(argv[1], "serve"))
        return serve(argv[2]);
    if (argc < 4)
        return 2;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int err = getaddrinfo(argv[2], argv[3], &hints, &found), status = 0;
    if (err) {
        fprintf(stderr, "cases: %s: %s\n", argv[2], gai_strerror(err));
        return 1;
    }
    long wait = 0;
    if (argc > 4 && sscanf(argv[4], "wait=%ld", &wait) == 1) { /* for the machine to get its addresses */
        sleep_ms(wait);
        argv++;
        argc--;
    }
    for (int i = 4; i < argc; i++) {
        const struct test *test = find_test(argv[i]);
        if (!test)
            return 2;
        status |= run_one(found, test);
    }
    for (unsigned i = 0; argc == 4 && i < TEST_COUNT; i++)
        status |= run_one(found, &tests[i]);
    return status;
}
