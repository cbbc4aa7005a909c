/*
 * Bulk transfers whose every byte is checked. The same program runs in the machine and on the host.
 * usage: transfer serve PORT                       answers for ever, a thread a connection, IPv4 and IPv6
 *        transfer put|get HOST PORT BYTES [pause=MS] [buffer=BYTES]
 *          put sends BYTES, get receives them; pause: the reader sleeps so long before its first read and after each further
 *          4 MiB; buffer: SO_RCVBUF or SO_SNDBUF of this side
 * The stream is words of 64 bits that tell their place; the receiver says "ok" or where it went wrong.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 128 << 10, PAUSE_EVERY = 4 << 20 };
struct header { /* what the client says first */
    char what[8];
    uint64_t bytes, seed;
};

static void fail(const char *what)
{
    fprintf(stderr, "transfer: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t word_at(uint64_t seed, uint64_t i)
{
    return (i + seed) * 0x9e3779b97f4a7c15u;
}

static int send_stream(int fd, uint64_t bytes, uint64_t seed)
{
    uint64_t *words = malloc(CHUNK), done = 0;
    int err = words ? 0 : -1;
    while (!err && done < bytes) {
        for (uint64_t i = 0; i < CHUNK / 8; i++)
            words[i] = word_at(seed, done / 8 + i);
        size_t n = bytes - done < CHUNK ? (size_t)(bytes - done) : CHUNK;
        for (size_t sent = 0; !err && sent < n;) {
            ssize_t part = send(fd, (char *)words + sent, n - sent, MSG_NOSIGNAL);
            if (part <= 0)
                err = -1;
            else
                sent += (size_t)part;
        }
        done += n;
    }
    free(words);
    return err;
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* 0, or -1 with why in message. */
static int receive_stream(int fd, uint64_t bytes, uint64_t seed, long pause, char *message, size_t size)
{
    uint64_t *words = malloc(CHUNK), done = 0;
    size_t have = 0; /* bytes of a word that is not complete */
    uint64_t paused_at = 0;
    if (pause)
        pause_ms(pause);
    while (done < bytes) {
        size_t want = CHUNK - have;
        if (bytes - done < want)
            want = (size_t)(bytes - done);
        ssize_t n = recv(fd, (char *)words + have, want, 0);
        if (n <= 0) {
            snprintf(message, size, "%s after %llu bytes", n ? strerror(errno) : "end", (unsigned long long)done);
            free(words);
            return -1;
        }
        uint64_t first = (done - have) / 8;
        size_t len = have + (size_t)n;
        done += (uint64_t)n;
        size_t count = len / 8;
        for (size_t i = 0; i < count; i++)
            if (words[i] != word_at(seed, first + i)) {
                snprintf(message, size, "wrong bytes at %llu", (unsigned long long)(first + i) * 8);
                free(words);
                return -1;
            }
        have = len % 8;
        memmove(words, words + count, have);
        if (pause && done - paused_at >= PAUSE_EVERY) {
            paused_at = done;
            pause_ms(pause);
        }
    }
    uint64_t last = word_at(seed, bytes / 8);
    if (memcmp(words, &last, have)) {
        snprintf(message, size, "wrong bytes at the end");
        free(words);
        return -1;
    }
    free(words);
    snprintf(message, size, "ok");
    return 0;
}

static int read_all(int fd, void *to, size_t len)
{
    return recv(fd, to, len, MSG_WAITALL) == (ssize_t)len ? 0 : -1;
}

static void *answer(void *argument)
{
    int fd = (int)(intptr_t)argument;
    struct header header;
    char message[80] = "";
    if (!read_all(fd, &header, sizeof header)) {
        if (!strncmp(header.what, "put", 3)) {
            receive_stream(fd, header.bytes, header.seed, 0, message, sizeof message);
            send(fd, message, sizeof message, MSG_NOSIGNAL);
            if (strcmp(message, "ok"))
                printf("put: %s\n", message);
        } else if (send_stream(fd, header.bytes, header.seed))
            printf("get: %s\n", strerror(errno));
    }
    fflush(stdout);
    close(fd);
    return NULL;
}

static int serve(const char *port)
{
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1, off = 0;
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(port))};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 1024))
        fail("listen");
    printf("serving on %s\n", port);
    fflush(stdout);
    for (;;) {
        pthread_t thread;
        int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        if (connection < 0)
            fail("accept");
        if (pthread_create(&thread, NULL, answer, (void *)(intptr_t)connection))
            fail("thread");
        pthread_detach(thread);
    }
}

static int connect_to(const char *host, const char *port, int buffer)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int err = getaddrinfo(host, port, &hints, &found);
    if (err) {
        fprintf(stderr, "transfer: %s: %s\n", host, gai_strerror(err));
        exit(1);
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (buffer) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    }
    if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen))
        fail("connect");
    freeaddrinfo(found);
    return fd;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc == 3 && !strcmp(argv[1], "serve"))
        return serve(argv[2]);
    if (argc < 5)
        return 2;
    long pause = 0, buffer = 0;
    for (int i = 5; i < argc; i++)
        if (sscanf(argv[i], "pause=%ld", &pause) != 1 && sscanf(argv[i], "buffer=%ld", &buffer) != 1)
            return 2;
    struct header header = {.bytes = strtoull(argv[4], NULL, 10), .seed = (uint64_t)getpid() * 7919};
    snprintf(header.what, sizeof header.what, "%s", argv[1]);
    char message[80] = "";
    double start = seconds();
    int fd = connect_to(argv[2], argv[3], (int)buffer);
    if (send(fd, &header, sizeof header, 0) != sizeof header)
        fail("send");
    if (!strcmp(argv[1], "put")) {
        if (send_stream(fd, header.bytes, header.seed))
            fail("send");
        if (read_all(fd, message, sizeof message))
            fail("answer");
    } else
        receive_stream(fd, header.bytes, header.seed, pause, message, sizeof message);
    double took = seconds() - start;
    printf("%s %llu bytes in %.2f s, %.1f MB/s: %s\n", argv[1], (unsigned long long)header.bytes, took, (double)header.bytes / took / 1e6,
           message);
    return strcmp(message, "ok") != 0;
}
