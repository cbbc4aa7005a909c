/* io_uring by hand: rings, reads and writes, polls, sockets, timeouts, links, cancelling, registered things. */
#include "show.h"
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

static int ring;
static unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
static struct io_uring_sqe *sqes;
static struct io_uring_cqe *cqes;
static char text[64];

static void setting_up(void)
{
    struct io_uring_params p = {0};
    SHOW(syscall(SYS_io_uring_setup, 0, &p));
    SHOW(syscall(SYS_io_uring_setup, 8, (void *)8));
    SHOW(syscall(SYS_io_uring_setup, 1 << 20, &p));
    p.flags = 1u << 31;
    SHOW(syscall(SYS_io_uring_setup, 8, &p));
    p.flags = IORING_SETUP_CQSIZE;
    p.cq_entries = 2;
    SHOW(syscall(SYS_io_uring_setup, 8, &p));
    memset(&p, 0, sizeof p);
    ring = (int)syscall(SYS_io_uring_setup, 7, &p);
    SHOW(ring >= 0);
    SHOW(p.sq_entries);
    SHOW(p.cq_entries);
    SHOW((p.features & IORING_FEAT_SINGLE_MMAP) != 0);
    SHOW(fcntl(ring, F_GETFD));
    size_t size = p.cq_off.cqes + p.cq_entries * sizeof *cqes, array = p.sq_off.array + p.sq_entries * 4;
    size = size > array ? size : array;
    int rw = PROT_READ | PROT_WRITE;
    char *memory = mmap(NULL, size, rw, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
    SHOW(memory != MAP_FAILED);
    char *same = mmap(NULL, size, rw, MAP_SHARED, ring, IORING_OFF_CQ_RING);
    sqes = mmap(NULL, p.sq_entries * sizeof *sqes, rw, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQES);
    SHOW(sqes != MAP_FAILED);
    sq_tail = (unsigned *)(memory + p.sq_off.tail);
    sq_mask = (unsigned *)(memory + p.sq_off.ring_mask);
    sq_array = (unsigned *)(memory + p.sq_off.array);
    cq_head = (unsigned *)(memory + p.cq_off.head);
    cq_tail = (unsigned *)(same + p.cq_off.tail);
    cq_mask = (unsigned *)(memory + p.cq_off.ring_mask);
    cqes = (struct io_uring_cqe *)(memory + p.cq_off.cqes);
    SHOW(*sq_mask);
    SHOW(*cq_mask);
}

static unsigned data; /* user_data of the last one prepared */
static struct io_uring_sqe *prepare(int opcode, int fd, const void *address, unsigned len, unsigned long long offset)
{
    unsigned tail = *sq_tail, slot = tail & *sq_mask;
    struct io_uring_sqe *sqe = &sqes[slot];
    memset(sqe, 0, sizeof *sqe);
    sqe->opcode = opcode;
    sqe->fd = fd;
    sqe->addr = (unsigned long)address;
    sqe->len = len;
    sqe->off = offset;
    sqe->user_data = ++data;
    sq_array[slot] = slot;
    __atomic_store_n(sq_tail, tail + 1, __ATOMIC_RELEASE);
    return sqe;
}

static long enter(unsigned submit, unsigned complete)
{
    return syscall(SYS_io_uring_enter, ring, submit, complete, IORING_ENTER_GETEVENTS, NULL, 0);
}

/* All completions, sorted by user_data: their order is nobody's promise. */
static void show(void)
{
    struct io_uring_cqe got[32];
    unsigned n = 0;
    for (unsigned head = *cq_head; head != __atomic_load_n(cq_tail, __ATOMIC_ACQUIRE) && n < 32; head++) {
        got[n++] = cqes[head & *cq_mask];
        __atomic_store_n(cq_head, head + 1, __ATOMIC_RELEASE);
    }
    for (unsigned i = 0; i < n; i++)
        for (unsigned j = i + 1; j < n; j++)
            if (got[j].user_data < got[i].user_data) {
                struct io_uring_cqe swap = got[i];
                got[i] = got[j];
                got[j] = swap;
            }
    for (unsigned i = 0; i < n; i++)
        printf("  %llu: %d %s\n", (unsigned long long)got[i].user_data, got[i].res,
               got[i].res < 0 ? strerrorname_np(-got[i].res) : "");
    if (!n)
        puts("  none");
}

static void run(unsigned count)
{
    SHOW(enter(count, count));
    show();
}

static void files(void)
{
    char name[] = "/tmp/uring-XXXXXX", other[64];
    struct iovec parts[2] = {{text, 3}, {text + 10, 4}};
    int fd = mkstemp(name);
    prepare(IORING_OP_NOP, -1, NULL, 0, 0);
    run(1);
    prepare(IORING_OP_WRITE, fd, "hello, world", 12, 0);
    run(1);
    prepare(IORING_OP_READ, fd, text, 20, 7);
    prepare(IORING_OP_READV, fd, parts, 2, 0);
    prepare(IORING_OP_FSYNC, fd, NULL, 0, 0);
    run(3);
    prepare(IORING_OP_SYNC_FILE_RANGE, fd, NULL, 4096, 512);
    run(1);
    prepare(IORING_OP_SYNC_FILE_RANGE, fd, text, 4096, 512);
    run(1);
    prepare(IORING_OP_SYNC_FILE_RANGE, fd, NULL, 4096, -512);
    run(1);
    prepare(IORING_OP_SYNC_FILE_RANGE, 999, NULL, 4096, 512);
    run(1);
    printf("%.3s %.4s\n", text, text + 10);
    prepare(IORING_OP_READ, fd, text, 5, -1); /* the file's own position */
    run(1);
    SHOW(lseek(fd, 0, SEEK_CUR));
    prepare(IORING_OP_READ, fd, (void *)8, 5, 0);
    prepare(IORING_OP_READ, 99, text, 5, 0);
    run(2);
    prepare(IORING_OP_WRITEV, fd, parts, 2000, 0);
    run(1);
    snprintf(other, sizeof other, "%s-2", name);
    struct io_uring_sqe *sqe = prepare(IORING_OP_OPENAT, AT_FDCWD, other, 0600, 0);
    sqe->open_flags = O_CREAT | O_RDWR;
    SHOW(enter(1, 1));
    int made = cqes[*cq_head & *cq_mask].res;
    SHOW(made > fd);
    ++*cq_head;
    prepare(IORING_OP_CLOSE, made, NULL, 0, 0);
    prepare(IORING_OP_CLOSE, 99, NULL, 0, 0);
    run(2);
    SHOW(fcntl(made, F_GETFD));
    struct statx st;
    sqe = prepare(IORING_OP_STATX, AT_FDCWD, name, STATX_SIZE, (unsigned long)&st);
    run(1);
    SHOW(st.stx_size);
    sqe = prepare(IORING_OP_RENAMEAT, AT_FDCWD, name, AT_FDCWD, (unsigned long)other);
    run(1);
    prepare(IORING_OP_UNLINKAT, AT_FDCWD, other, 0, 0);
    prepare(IORING_OP_UNLINKAT, AT_FDCWD, name, 0, 0);
    run(2);
    close(fd);
}

static void pipes(void)
{
    int p[2];
    SHOW(pipe(p));
    prepare(IORING_OP_READ, p[0], text, 10, 0);
    SHOW(enter(1, 0));
    show();
    SHOW(write(p[1], "later", 5));
    SHOW(enter(0, 1));
    show();
    prepare(IORING_OP_POLL_ADD, p[0], NULL, 0, 0)->poll32_events = POLLIN;
    prepare(IORING_OP_POLL_ADD, p[1], NULL, 0, 0)->poll32_events = POLLOUT;
    SHOW(enter(2, 1));
    show();
    if (fork() == 0) {
        usleep(20000);
        _exit(write(p[1], "x", 1) != 1);
    }
    SHOW(enter(0, 1));
    show();
    wait(NULL);
    SHOW(read(p[0], text, 1));
    /* Without entering: seen in the ring, by poll of the ring and by an eventfd. */
    int event = eventfd(0, EFD_NONBLOCK);
    unsigned long long count;
    struct pollfd poll_ring = {.fd = ring, .events = POLLIN};
    SHOW(syscall(SYS_io_uring_register, ring, IORING_REGISTER_EVENTFD, &event, 1));
    SHOW(syscall(SYS_io_uring_register, ring, IORING_REGISTER_EVENTFD, &event, 1));
    prepare(IORING_OP_READ, p[0], text, 10, 0);
    SHOW(enter(1, 0));
    SHOW(poll(&poll_ring, 1, 0));
    SHOW(write(p[1], "seen", 4));
    SHOW(poll(&poll_ring, 1, 5000));
    show();
    SHOW(read(event, &count, sizeof count));
    SHOW(count);
    SHOW(syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_EVENTFD, NULL, 0));
    SHOW(syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_EVENTFD, NULL, 0));
    close(event);
    prepare(IORING_OP_READ, p[0], text, 10, 0);
    SHOW(enter(1, 0));
    close(p[1]);
    SHOW(enter(0, 1));
    show();
    close(p[0]);
}

static void sockets(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    struct iovec part = {text, 5};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(bind(listener, (void *)&address, len));
    SHOW(listen(listener, 4));
    SHOW(getsockname(listener, (void *)&address, &len));
    prepare(IORING_OP_ACCEPT, listener, NULL, 0, 0);
    SHOW(enter(1, 0));
    show();
    prepare(IORING_OP_CONNECT, client, &address, 0, sizeof address);
    SHOW(enter(1, 2));
    int server = -1, results = 0;
    for (; *cq_head != *cq_tail; ++*cq_head)
        if (cqes[*cq_head & *cq_mask].res > 0)
            server = cqes[*cq_head & *cq_mask].res;
        else
            results += cqes[*cq_head & *cq_mask].res == 0;
    SHOW(server > client);
    SHOW(results);
    prepare(IORING_OP_RECV, server, text, 10, 0);
    SHOW(enter(1, 0));
    prepare(IORING_OP_SEND, client, "12345", 5, 0);
    SHOW(enter(1, 2));
    show();
    puts(text);
    prepare(IORING_OP_SENDMSG, server, &message, 1, 0);
    run(1);
    prepare(IORING_OP_RECVMSG, client, &message, 1, 0);
    run(1);
    prepare(IORING_OP_RECV, client, text, 10, 0)->msg_flags = MSG_DONTWAIT;
    prepare(IORING_OP_SHUTDOWN, client, NULL, SHUT_WR, 0);
    prepare(IORING_OP_SEND, 0, text, 1, 0);
    SHOW(enter(3, 3));
    show();
    prepare(IORING_OP_RECV, server, text, 10, 0);
    run(1);
    close(server);
    close(client);
    close(listener);
}

static void times(void)
{
    struct __kernel_timespec soon = {0, 30000000}, bad = {0, 1000000000}, late = {100, 0};
    double begin = now();
    prepare(IORING_OP_TIMEOUT, -1, &soon, 1, 0);
    SHOW(enter(1, 1));
    SHOW(now() - begin >= 0.03);
    show();
    prepare(IORING_OP_TIMEOUT, -1, &bad, 1, 0);
    prepare(IORING_OP_TIMEOUT, -1, &soon, 2, 0);
    SHOW(enter(1, 1));
    SHOW(enter(1, 1));
    show();
    prepare(IORING_OP_TIMEOUT, -1, &late, 1, 0);
    SHOW(enter(1, 0));
    prepare(IORING_OP_TIMEOUT_REMOVE, -1, (void *)(long)data, 0, 0);
    SHOW(enter(1, 2));
    show();
    prepare(IORING_OP_TIMEOUT_REMOVE, -1, (void *)(long)data, 0, 0);
    run(1);
    struct io_uring_getevents_arg extended = {.ts = (unsigned long)&soon};
    SHOW(syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &extended,
                 sizeof extended));
    SHOW(syscall(SYS_io_uring_enter, ring, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &extended, 8));
}

static void cancelling(void)
{
    int p[2];
    SHOW(pipe(p));
    prepare(IORING_OP_READ, p[0], text, 10, 0);
    unsigned first = data;
    prepare(IORING_OP_POLL_ADD, p[0], NULL, 0, 0)->poll32_events = POLLIN;
    unsigned second = data;
    SHOW(enter(2, 0));
    prepare(IORING_OP_ASYNC_CANCEL, -1, (void *)(long)first, 0, 0);
    SHOW(enter(1, 2));
    show();
    prepare(IORING_OP_POLL_REMOVE, -1, (void *)(long)second, 0, 0);
    SHOW(enter(1, 2));
    show();
    prepare(IORING_OP_ASYNC_CANCEL, -1, (void *)(long)first, 0, 0);
    run(1);
    for (int i = 0; i < 3; i++)
        prepare(IORING_OP_READ, p[0], text, 10, 0);
    SHOW(enter(3, 0));
    prepare(IORING_OP_ASYNC_CANCEL, p[0], NULL, 0, 0)->cancel_flags = IORING_ASYNC_CANCEL_FD | IORING_ASYNC_CANCEL_ALL;
    SHOW(enter(1, 4));
    show();
    close(p[0]);
    close(p[1]);
}

static void links(void)
{
    int p[2];
    struct __kernel_timespec soon = {0, 30000000}, late = {100, 0};
    SHOW(pipe(p));
    prepare(IORING_OP_WRITE, p[1], "abc", 3, 0)->flags = IOSQE_IO_LINK;
    prepare(IORING_OP_READ, p[0], text, 3, 0)->flags = IOSQE_IO_LINK;
    prepare(IORING_OP_NOP, -1, NULL, 0, 0);
    run(3);
    prepare(IORING_OP_READ, 99, text, 3, 0)->flags = IOSQE_IO_LINK; /* fails: the rest is cancelled */
    prepare(IORING_OP_NOP, -1, NULL, 0, 0)->flags = IOSQE_IO_LINK;
    prepare(IORING_OP_NOP, -1, NULL, 0, 0);
    prepare(IORING_OP_NOP, -1, NULL, 0, 0);
    run(4);
    prepare(IORING_OP_READ, 99, text, 3, 0)->flags = IOSQE_IO_HARDLINK; /* does not break this one */
    prepare(IORING_OP_NOP, -1, NULL, 0, 0);
    run(2);
    prepare(IORING_OP_READ, p[0], text, 3, 0)->flags = IOSQE_IO_LINK;
    prepare(IORING_OP_LINK_TIMEOUT, -1, &soon, 1, 0);
    run(2);
    prepare(IORING_OP_READ, p[0], text, 3, 0)->flags = IOSQE_IO_LINK;
    prepare(IORING_OP_LINK_TIMEOUT, -1, &late, 1, 0);
    SHOW(enter(2, 0));
    SHOW(write(p[1], "xyz", 3));
    SHOW(enter(0, 2));
    show();
    prepare(IORING_OP_NOP, -1, NULL, 0, 0)->flags = IOSQE_CQE_SKIP_SUCCESS;
    prepare(IORING_OP_NOP, -1, NULL, 0, 0);
    SHOW(enter(2, 1));
    show();
    close(p[0]);
    close(p[1]);
}

static void registered(void)
{
    int p[2], table[3];
    char area[32] = "";
    struct iovec buffers[1] = {{area, sizeof area}};
    struct {
        struct io_uring_probe head;
        struct io_uring_probe_op more[64];
    } probe = {0};
    SHOW(pipe(p));
    table[0] = p[0], table[1] = -1, table[2] = p[1];
    SHOW(syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, table, 3));
    SHOW(syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, table, 3));
    SHOW(syscall(SYS_io_uring_register, ring, IORING_REGISTER_BUFFERS, buffers, 1));
    prepare(IORING_OP_WRITE, 2, "fixed", 5, 0)->flags = IOSQE_FIXED_FILE;
    run(1);
    prepare(IORING_OP_READ_FIXED, 0, area, 5, 0)->flags = IOSQE_FIXED_FILE;
    run(1);
    puts(area);
    prepare(IORING_OP_READ, 1, text, 5, 0)->flags = IOSQE_FIXED_FILE;
    run(1);
    prepare(IORING_OP_READ, 7, text, 5, 0)->flags = IOSQE_FIXED_FILE;
    run(1);
    prepare(IORING_OP_WRITE_FIXED, p[1], area + 30, 5, 0);
    run(1);
    prepare(IORING_OP_WRITE_FIXED, p[1], area, 5, 0)->buf_index = 1;
    run(1);
    SHOW(syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_FILES, NULL, 0));
    SHOW(syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_FILES, NULL, 0));
    SHOW(syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0));
    SHOW(syscall(SYS_io_uring_register, ring, IORING_UNREGISTER_BUFFERS, NULL, 0));
    SHOW(syscall(SYS_io_uring_register, ring, IORING_REGISTER_PROBE, &probe, 32));
    SHOW(probe.head.ops_len);
    SHOW(probe.head.ops[IORING_OP_READ].flags & IO_URING_OP_SUPPORTED);
    SHOW(syscall(SYS_io_uring_register, ring, 999, NULL, 0));
    SHOW(syscall(SYS_io_uring_register, p[0], IORING_REGISTER_PROBE, &probe, 32));
    SHOW(syscall(SYS_io_uring_enter, p[0], 0, 0, 0, NULL, 0));
    SHOW(syscall(SYS_io_uring_enter, 99, 0, 0, 0, NULL, 0));
    SHOW(syscall(SYS_io_uring_enter, ring, 0, 0, 1 << 20, NULL, 0));
    close(p[0]);
    close(p[1]);
}

static void on_alarm(int number)
{
}

static void wrong(void)
{
    prepare(255, -1, NULL, 0, 0);
    run(1);
    prepare(IORING_OP_NOP, -1, NULL, 0, 0)->flags = 0x80;
    run(1);
    prepare(255, -1, NULL, 0, 0);
    prepare(IORING_OP_NOP, -1, NULL, 0, 0);
    SHOW(enter(2, 1)); /* stops at the one that is wrong */
    show();
    run(1);
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    ualarm(30000, 30000);
    SHOW(enter(0, 1));
    ualarm(0, 0);
}

/* More completions than room: they are kept. */
static void overflow(void)
{
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 8; i++)
            prepare(IORING_OP_NOP, -1, NULL, 0, 0);
        syscall(SYS_io_uring_enter, ring, 8, 0, 0, NULL, 0);
    }
    int seen = 0;
    for (int round = 0; round < 3; round++) {
        enter(0, 0);
        for (; *cq_head != *cq_tail; ++*cq_head)
            seen++;
    }
    SHOW(seen);
}

static void ends(void)
{
    int status, p[2];
    SHOW(pipe(p));
    fflush(stdout);
    if (fork() == 0) {
        struct io_uring_params params = {0};
        ring = (int)syscall(SYS_io_uring_setup, 8, &params);
        sqes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
        char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
        sq_tail = (unsigned *)(memory + params.sq_off.tail);
        sq_array = (unsigned *)(memory + params.sq_off.array);
        prepare(IORING_OP_READ, p[0], text, 10, 0);
        prepare(IORING_OP_POLL_ADD, p[0], NULL, 0, 0)->poll32_events = POLLIN;
        _exit(enter(2, 0) != 2); /* with requests that wait */
    }
    wait(&status);
    SHOW(status);
    SHOW(close(ring));
}

int main(void)
{
    setting_up();
    files();
    pipes();
    sockets();
    times();
    cancelling();
    links();
    registered();
    wrong();
    overflow();
    ends();
}
