/* Linux's asynchronous I/O: contexts, reads, writes, vectors, polls, cancelling, eventfds, bad requests. */
#include "show.h"
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static aio_context_t context;
static char text[100];
static int file;

static struct iocb request(int operation, int fd, void *buf, size_t size, long long offset)
{
    return (struct iocb){
        .aio_data = 77,
        .aio_lio_opcode = operation,
        .aio_fildes = fd,
        .aio_buf = (unsigned long)buf,
        .aio_nbytes = size,
        .aio_offset = offset,
    };
}

static long submit(struct iocb *one)
{
    return syscall(SYS_io_submit, context, 1, &one);
}

static long take(long min, long max, struct io_event *events, struct timespec *timeout)
{
    return syscall(SYS_io_getevents, context, min, max, events, timeout);
}

static void show_event(struct iocb *of)
{
    struct io_event event;
    struct timespec none = {0, 0};
    errno = 0;
    long n = take(0, 1, &event, &none);
    if (n == 1)
        printf("event: data %lld, %s, %lld %lld\n", event.data, event.obj == (unsigned long)of ? "mine" : "another's",
               event.res, event.res2);
    else
        printf("event: %ld %s\n", n, n < 0 ? strerrorname_np(errno) : "");
}

static void contexts(void)
{
    aio_context_t other = 1;
    SHOW(syscall(SYS_io_setup, 10, &other));
    other = 0;
    SHOW(syscall(SYS_io_setup, 0, &other));
    SHOW(syscall(SYS_io_setup, 10, (void *)8));
    SHOW(syscall(SYS_io_setup, 0x7fffffff, &other));
    SHOW(syscall(SYS_io_setup, 10, &other));
    SHOW(other != 0);
    SHOW(syscall(SYS_io_destroy, other));
    SHOW(syscall(SYS_io_destroy, other));
    SHOW(syscall(SYS_io_submit, other, 0, NULL));
    SHOW(syscall(SYS_io_getevents, other, 0, 0, NULL, NULL));
    SHOW(syscall(SYS_io_setup, 10, &context));
    SHOW(syscall(SYS_io_submit, context, 0, NULL));
    SHOW(syscall(SYS_io_submit, context, -1, NULL));
    SHOW(syscall(SYS_io_submit, context, 1, (void *)8));
}

static void transfers(void)
{
    struct iovec parts[2] = {{text, 3}, {text + 50, 4}};
    struct iocb w = request(IOCB_CMD_PWRITE, file, "hello, world", 12, 0),
                r = request(IOCB_CMD_PREAD, file, text, 50, 7);
    struct iocb v = request(IOCB_CMD_PREADV, file, parts, 2, 0), s = request(IOCB_CMD_FSYNC, file, NULL, 0, 0);
    struct iocb *two[2] = {&r, &v};
    SHOW(submit(&w));
    show_event(&w);
    show_event(&w);
    SHOW(syscall(SYS_io_submit, context, 2, two));
    show_event(&r);
    show_event(&v);
    printf("%.5s %.4s\n", text, text + 50);
    struct io_event synced;
    SHOW(submit(&s));
    SHOW(take(1, 1, &synced, NULL));
    SHOW(synced.res);
    r = request(IOCB_CMD_PREAD, file, text, 10, 1000);
    SHOW(submit(&r));
    show_event(&r);
    r = request(IOCB_CMD_PREAD, file, (void *)8, 10, 0);
    SHOW(submit(&r));
    show_event(&r);
}

static void wrong(void)
{
    struct iocb good = request(IOCB_CMD_PREAD, file, text, 1, 0), bad = good, *mixed[2] = {&good, &bad};
    int reader = open("/dev/null", O_RDONLY);
    bad = good, bad.aio_fildes = 99;
    SHOW(submit(&bad));
    bad = good, bad.aio_lio_opcode = 99;
    SHOW(submit(&bad));
    bad = good, bad.aio_lio_opcode = IOCB_CMD_NOOP;
    SHOW(submit(&bad));
    bad = good, bad.aio_reserved2 = 1;
    SHOW(submit(&bad));
    bad = good, bad.aio_nbytes = -1;
    SHOW(submit(&bad));
    bad = good, bad.aio_offset = -1;
    SHOW(submit(&bad));
    bad = good, bad.aio_lio_opcode = IOCB_CMD_PWRITE, bad.aio_fildes = reader;
    SHOW(submit(&bad));
    bad = good, bad.aio_lio_opcode = IOCB_CMD_FSYNC, bad.aio_offset = 0, bad.aio_nbytes = 1;
    SHOW(submit(&bad));
    bad = good, bad.aio_flags = IOCB_FLAG_RESFD, bad.aio_resfd = 99;
    SHOW(submit(&bad));
    bad.aio_resfd = file;
    SHOW(submit(&bad));
    bad = good, bad.aio_lio_opcode = 99;
    SHOW(syscall(SYS_io_submit, context, 2, mixed));
    show_event(&good);
    SHOW(take(2, 1, NULL, NULL));
    SHOW(take(-1, 1, NULL, NULL));
    SHOW(syscall(SYS_io_getevents, context, 0, 1, NULL, (void *)8));
    SHOW(submit(&good));
    struct timespec none = {0, 0};
    SHOW(take(1, 1, (void *)8, &none));
    show_event(&good); /* is still there */
    close(reader);
}

static void signals_by_eventfd(void)
{
    int event = eventfd(0, EFD_NONBLOCK);
    unsigned long long count = 0;
    struct iocb a = request(IOCB_CMD_PREAD, file, text, 1, 0), b = a, *two[2] = {&a, &b};
    a.aio_flags = b.aio_flags = IOCB_FLAG_RESFD;
    a.aio_resfd = b.aio_resfd = event;
    SHOW(syscall(SYS_io_submit, context, 2, two));
    SHOW(read(event, &count, sizeof count));
    SHOW(count);
    show_event(&a);
    show_event(&b);
    close(event);
}

static void on_alarm(int number)
{
}

static void polls(void)
{
    int p[2];
    struct io_event event;
    struct timespec soon = {0, 30000000};
    SHOW(pipe(p));
    struct iocb poll_in = request(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 0);
    struct iocb poll_out = request(IOCB_CMD_POLL, p[1], (void *)POLLOUT, 0, 0);
    SHOW(submit(&poll_out));
    SHOW(take(1, 1, &event, NULL));
    SHOW(event.res);
    SHOW(submit(&poll_in));
    SHOW(take(1, 1, &event, &soon));
    fflush(stdout);
    if (fork() == 0) {
        usleep(20000);
        _exit(write(p[1], "x", 1) != 1);
    }
    SHOW(take(1, 1, &event, NULL));
    SHOW(event.res & POLLIN);
    SHOW(event.obj == (unsigned long)&poll_in);
    wait(NULL);
    SHOW(read(p[0], text, 1));
    SHOW(submit(&poll_in));
    SHOW(syscall(SYS_io_cancel, context, &poll_in, &event));
    SHOW(take(1, 1, &event, NULL));
    SHOW(event.res);
    SHOW(syscall(SYS_io_cancel, context, &poll_in, &event));
    poll_in.aio_nbytes = 1;
    SHOW(submit(&poll_in));
    poll_in.aio_nbytes = 0;
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    ualarm(30000, 30000);
    SHOW(take(1, 1, &event, NULL));
    ualarm(0, 0);
    SHOW(submit(&poll_in));
    close(p[1]);
    SHOW(take(1, 1, &event, NULL));
    SHOW(event.res);
    close(p[0]);
}

static void masks(void)
{
    struct timespec none = {0, 0};
    struct io_event event;
    sigset_t set;
    struct {
        const sigset_t *set;
        size_t size;
    } mask = {&set, 8}, bad = {&set, 7};
    sigemptyset(&set);
    SHOW(syscall(SYS_io_pgetevents, context, 0, 1, &event, &none, &mask));
    SHOW(syscall(SYS_io_pgetevents, context, 0, 1, &event, &none, &bad));
    SHOW(syscall(SYS_io_pgetevents, context, 0, 1, &event, &none, NULL));
    SHOW(syscall(SYS_io_pgetevents, context, 0, 1, &event, &none, (void *)8));
}

static void lives(void)
{
    int status, p[2];
    SHOW(pipe(p));
    struct iocb poll_in = request(IOCB_CMD_POLL, p[0], (void *)POLLIN, 0, 0);
    SHOW(submit(&poll_in));
    fflush(stdout);
    if (fork() == 0) {
        SHOW(syscall(SYS_io_destroy, context));
        SHOW(submit(&poll_in));
        exit(0);
    }
    wait(&status);
    SHOW(status);
    SHOW(syscall(SYS_io_destroy, context));
    SHOW(submit(&poll_in));
    if (fork() == 0) {
        context = 0;
        syscall(SYS_io_setup, 10, &context);
        submit(&poll_in);
        _exit(0); /* with a request that waits */
    }
    wait(&status);
    SHOW(status);
}

int main(void)
{
    char name[] = "/tmp/aio-XXXXXX";
    file = mkstemp(name);
    unlink(name);
    contexts();
    transfers();
    wrong();
    signals_by_eventfd();
    polls();
    masks();
    lives();
}
