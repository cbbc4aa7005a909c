/* Many clients and servers on loopback at once: connecting, talking, closing in all ways, while others look on. */
#include <arch/cpu.h>
#include <fakes/memory.h>
#include <file/poll.h>
#include <host/host.h>
#include <mm/address_space.h>
#include <tcp/tcp.h>
#include <test/test.h>

enum { CLIENTS = 6, CONNECTIONS = 50, MESSAGE_MAX = 30000, PORT = 80 };
#define PATIENCE_NS (60 * NS_PER_SECOND)

/* No thread of these tests has an address space. */
void address_space_activate(struct address_space *space)
{
}

void arch_random_seed(void *to, size_t n)
{
    memset(to, 42, n);
}

static struct net_stack *stack;
static struct tcp_connection *listener;
static struct wait_queue finished;
static uint32_t running, failures, exchanges, must_stop;

static void start(void (*entry)(void *), void *argument)
{
    struct thread *thread = thread_create("helper", entry, argument);
    atomic_fetch_add(&running, 1u);
    thread_start(thread);
    thread_put(thread);
}

static void finish(void)
{
    if (atomic_fetch_sub(&running, 1u) == 1)
        wake_up_all(&finished, 0);
}

static void fail(const char *what, long value)
{
    atomic_fetch_add(&failures, 1u);
    test_fail(__FILE__, __LINE__, "%s: %ld", what, value);
}

static bool wait_for(struct tcp_connection *conn, uint32_t events)
{
    int err = wait_event(tcp_wait_queue(conn), tcp_poll(conn) & (events | POLL_ERR | POLL_HUP), WAIT_UNINTERRUPTIBLE,
                         clock_monotonic_ns() + PATIENCE_NS);
    if (err)
        fail("nothing happens", err);
    return !err;
}

static ssize_t send_some(struct tcp_connection *conn, const uint8_t *bytes, size_t n)
{
    struct io_segment segment;
    struct io_vector from;
    io_vector_kernel(&from, &segment, bytes, n);
    return tcp_send(conn, &from, false);
}

static ssize_t receive_some(struct tcp_connection *conn, uint8_t *bytes, size_t n)
{
    struct io_segment segment;
    struct io_vector to;
    io_vector_kernel(&to, &segment, bytes, n);
    return tcp_receive(conn, &to, 0);
}

static bool send_all(struct tcp_connection *conn, const uint8_t *bytes, size_t n)
{
    while (n) {
        ssize_t done = send_some(conn, bytes, n);
        if (done == -EAGAIN) {
            if (!wait_for(conn, POLL_OUT))
                return false;
            continue;
        }
        if (done < 0)
            return false;
        bytes += done;
        n -= (size_t)done;
        sched_safe_point();
    }
    return true;
}

/* Bytes, 0 at the end or when the connection broke. */
static size_t receive(struct tcp_connection *conn, uint8_t *bytes, size_t n)
{
    for (;;) {
        ssize_t done = receive_some(conn, bytes, n);
        if (done != -EAGAIN)
            return done > 0 ? (size_t)done : 0;
        if (!wait_for(conn, POLL_IN))
            return 0;
    }
}

static void echo(void *argument)
{
    struct tcp_connection *conn = argument;
    uint8_t bytes[4096];
    size_t n;
    while ((n = receive(conn, bytes, sizeof bytes)) && send_all(conn, bytes, n))
        sched_safe_point();
    tcp_close(conn);
    finish();
}

static void serve(void *unused)
{
    while (!load_acquire(&must_stop)) {
        struct tcp_connection *child;
        if (!tcp_accept(listener, &child)) {
            start(echo, child);
            continue;
        }
        wait_event(tcp_wait_queue(listener), tcp_poll(listener) || load_acquire(&must_stop), WAIT_UNINTERRUPTIBLE,
                   clock_monotonic_ns() + NS_PER_SECOND / 10);
    }
    finish();
}

/* A sender of its own, so that one connection is used by two threads at once. */
struct sending {
    struct tcp_connection *conn;
    const uint8_t *bytes;
    size_t n;
    uint32_t is_done;
};
static void send_beside(void *argument)
{
    struct sending *sending = argument;
    send_all(sending->conn, sending->bytes, sending->n);
    store_release(&sending->is_done, 1u);
    finish();
}

static void exchange(struct tcp_connection *conn, uint8_t *bytes, uint8_t *answer, size_t n, unsigned salt)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(i * 7 + salt);
    struct sending sending = {conn, bytes, n, 0};
    start(send_beside, &sending);
    size_t got = 0, part;
    while (got < n && (part = receive(conn, answer + got, n - got)))
        got += part;
    while (!load_acquire(&sending.is_done))
        sleep_until(clock_monotonic_ns() + 100000, WAIT_UNINTERRUPTIBLE);
    if (got != n || memcmp(bytes, answer, n))
        fail("wrong answer", (long)got);
    atomic_fetch_add(&exchanges, 1u);
}

static void client(void *argument)
{
    unsigned number = (unsigned)(uintptr_t)argument;
    uint8_t *bytes = kmalloc(MESSAGE_MAX, ALLOC_WAIT), *answer = kmalloc(MESSAGE_MAX, ALLOC_WAIT);
    for (unsigned i = 0; i < CONNECTIONS; i++) {
        bool is_v4 = (i + number) & 1;
        struct tcp_connection *conn;
        struct tcp_address peer = {.address = is_v4 ? ip_from_v4(0x7f000001)
                                                    : (struct ip_address){.halves = {0, __builtin_bswap64(1)}},
                                   .port = PORT};
        if (tcp_create(stack, !is_v4, &conn)) {
            fail("create", 0);
            break;
        }
        int err = tcp_connect(conn, &peer);
        while (err == -EINPROGRESS && wait_for(conn, POLL_OUT))
            err = tcp_connect_result(conn);
        if (err)
            fail("connect", err);
        else if (i % 5)
            exchange(conn, bytes, answer, i & 1 ? 100 : MESSAGE_MAX, i);
        if (i % 4 == 0)
            tcp_set(conn, TCP_SET_LINGER_S, 0);
        else if (i % 4 == 1)
            tcp_shutdown(conn, TCP_SHUTDOWN_WRITE);
        tcp_close(conn);
        sched_safe_point();
    }
    kfree(bytes);
    kfree(answer);
    finish();
}

static void count_one(const struct tcp_summary *summary, void *argument)
{
    ++*(unsigned *)argument;
}

static void look_on(void *unused)
{
    unsigned n = 0;
    while (!load_acquire(&must_stop)) {
        tcp_for_each(stack, count_one, &n);
        sleep_until(clock_monotonic_ns() + NS_PER_MS, WAIT_UNINTERRUPTIBLE);
    }
    finish();
}

static void run(void *unused)
{
    struct tcp_address any = {.port = PORT};
    wait_queue_init(&finished);
    stack = stack_core_create();
    if (!stack || tcp_init(stack) || tcp_create(stack, true, &listener) || tcp_bind(listener, &any) ||
        tcp_listen(listener, 128)) {
        fail("set-up", 0);
        return;
    }
    start(serve, NULL);
    start(look_on, NULL);
    for (uintptr_t i = 0; i < CLIENTS; i++)
        start(client, (void *)i);
    uint64_t deadline = clock_monotonic_ns() + PATIENCE_NS;
    while (load_acquire(&running) > 2 && clock_monotonic_ns() < deadline)
        sleep_until(clock_monotonic_ns() + 5 * NS_PER_MS, WAIT_UNINTERRUPTIBLE);
    store_release(&must_stop, 1u);
    wait_event(&finished, load_acquire(&running) == 0, WAIT_UNINTERRUPTIBLE, clock_monotonic_ns() + PATIENCE_NS);
    tcp_close(listener);
    EXPECT_EQ(load_acquire(&running), 0);
}

TEST(tcp_serves_many_threads_at_once)
{
    host_run(run, NULL);
    EXPECT_EQ(load_acquire(&failures), 0);
    EXPECT_EQ(load_acquire(&exchanges), CLIENTS * CONNECTIONS * 4 / 5);
}
