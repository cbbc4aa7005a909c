/* Unix sockets by their own interface: names, connections, messages, descriptors, limits. */
#include <arch/cpu.h>
#include <fakes/memory.h>
#include <fakes/sched.h>
#include <file/poll.h>
#include <string.h>
#include <test/test.h>
#include <unix/unix.h>

static struct unix_credentials self = {.pid = 7, .uid = 1000, .gid = 1000};
static void identify(struct unix_credentials *out)
{
    *out = self;
}

/* A file system of one name. */
static void *bound;
static int bind_path(const void *caller, const char *path, uint32_t mode, void *socket, void **node)
{
    if (bound)
        return -EADDRINUSE;
    bound = socket;
    *node = &bound;
    return 0;
}
static int find_path(const void *caller, const char *path, bool (*get)(void *socket), void **out)
{
    if (strcmp(path, "/run/x"))
        return -ENOENT;
    if (!bound || !get(bound))
        return -ECONNREFUSED;
    *out = bound;
    return 0;
}
static void forget_path(void *node)
{
    bound = NULL;
}
static const struct unix_hooks hooks = {bind_path, find_path, forget_path, identify};

static unsigned released;
static void release_test_file(struct file *file)
{
    released++;
}
static const struct file_ops test_file_ops = {.release = release_test_file, .name = "test"};

/* Freed files are kept for reuse: made once, they do not show in leak checks. */
static void make_spare_files(void)
{
    enum { SPARE = 2100 };
    static struct file *files[SPARE];
    if (files[0])
        return;
    for (unsigned i = 0; i < SPARE; i++)
        files[i] = file_create(&test_file_ops, 2, NULL);
    for (unsigned i = 0; i < SPARE; i++)
        file_put(files[i]);
}

static struct unix_domain *domain;
static size_t live_before;
static void start(void)
{
    fake_sched_reset();
    make_spare_files();
    live_before = fake_memory_live_objects();
    domain = unix_domain_create(&hooks);
}
static void stop(void)
{
    unix_domain_destroy(domain);
    EXPECT_EQ(fake_memory_live_objects(), live_before);
}

static struct unix_name name_of(const char *text, bool is_abstract)
{
    struct unix_name name = {.len = (uint16_t)(strlen(text) + 1)};
    memcpy(name.bytes + is_abstract, text, strlen(text));
    return name;
}

static ssize_t send_text(struct unix_socket *socket, const char *text, struct unix_ancillary *ancillary)
{
    struct io_segment segment;
    struct io_vector io;
    struct unix_send options = {.ancillary = ancillary};
    io_vector_kernel(&io, &segment, text, strlen(text));
    return unix_send(socket, &io, &options);
}

static ssize_t receive_text(struct unix_socket *socket, char *to, size_t size, struct unix_receive *options)
{
    struct unix_receive none = {0};
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, to, size - 1);
    ssize_t n = unix_receive(socket, &io, options ? options : &none);
    to[n > 0 ? n : 0] = 0;
    return n;
}

TEST(a_stream_joins_and_splits_what_is_written)
{
    struct unix_socket *a, *b;
    char text[100];
    start();
    REQUIRE(unix_pair(domain, UNIX_STREAM, &a, &b) == 0);
    EXPECT_EQ(send_text(a, "hello ", NULL), 6);
    EXPECT_EQ(send_text(a, "world", NULL), 5);
    EXPECT_EQ(unix_readable_bytes(b), 11);
    EXPECT_EQ(receive_text(b, text, 5, NULL), 4);
    EXPECT_STR(text, "hell");
    EXPECT_EQ(receive_text(b, text, sizeof text, NULL), 7);
    EXPECT_STR(text, "o world");
    EXPECT_EQ(receive_text(b, text, sizeof text, NULL), -EAGAIN);
    EXPECT_EQ(unix_unread_bytes(a), 0);
    unix_close(a);
    EXPECT_EQ(receive_text(b, text, sizeof text, NULL), 0);
    EXPECT(unix_poll(b) & POLL_HUP);
    EXPECT_EQ(send_text(b, "x", NULL), -EPIPE);
    unix_close(b);
    stop();
}

TEST(messages_keep_their_boundaries)
{
    static const enum unix_type types[] = {UNIX_DATAGRAM, UNIX_SEQUENCED};
    for (unsigned i = 0; i < 2; i++) {
        struct unix_socket *a, *b;
        char text[100];
        start();
        REQUIRE(unix_pair(domain, types[i], &a, &b) == 0);
        EXPECT_EQ(send_text(a, "one", NULL), 3);
        EXPECT_EQ(send_text(a, "two", NULL), 3);
        struct unix_receive options = {.peek = true};
        EXPECT_EQ(receive_text(b, text, sizeof text, &options), 3);
        EXPECT_STR(text, "one");
        options.peek = false;
        EXPECT_EQ(receive_text(b, text, 3, &options), 2);
        EXPECT_EQ(options.message_len, 3);
        EXPECT_EQ(receive_text(b, text, sizeof text, NULL), 3);
        EXPECT_STR(text, "two");
        unix_close(a);
        unix_close(b);
        stop();
    }
}

TEST(names_in_the_file_system_and_abstract_ones_are_found)
{
    for (unsigned is_abstract = 0; is_abstract < 2; is_abstract++) {
        struct unix_socket *listener, *client, *server, *other;
        struct unix_name name = name_of("/run/x", is_abstract), peer;
        struct unix_credentials credentials;
        char text[16];
        start();
        REQUIRE(unix_create(domain, UNIX_STREAM, &listener) == 0 && unix_create(domain, UNIX_STREAM, &client) == 0);
        EXPECT_EQ(unix_connect(client, &name, NULL, 0), is_abstract ? -ECONNREFUSED : -ECONNREFUSED);
        EXPECT_EQ(unix_bind(listener, &name, NULL, 0777), 0);
        EXPECT_EQ(unix_bind(listener, &name, NULL, 0777), is_abstract ? -EINVAL : -EADDRINUSE);
        EXPECT_EQ(unix_connect(client, &name, NULL, 0), -ECONNREFUSED);
        REQUIRE(unix_create(domain, UNIX_STREAM, &other) == 0);
        EXPECT_EQ(unix_bind(other, &name, NULL, 0777), -EADDRINUSE);
        unix_close(other);
        EXPECT_EQ(unix_listen(listener, 5), 0);
        self.pid = 8;
        EXPECT_EQ(unix_connect(client, &name, NULL, 0), 0);
        self.pid = 7;
        EXPECT_EQ(unix_connect(client, &name, NULL, 0), -EISCONN);
        EXPECT(unix_poll(listener) & POLL_IN);
        REQUIRE(unix_accept(listener, &server) == 0);
        EXPECT_EQ(unix_accept(listener, &other), -EAGAIN);
        unix_get_peer_credentials(client, &credentials);
        EXPECT_EQ(credentials.pid, 7);
        unix_get_peer_credentials(server, &credentials);
        EXPECT_EQ(credentials.pid, 8);
        EXPECT_EQ(unix_get_peer_name(client, &peer), 0);
        EXPECT_EQ(peer.len, name.len);
        EXPECT_BYTES(peer.bytes, name.bytes, name.len);
        EXPECT_EQ(send_text(client, "hi", NULL), 2);
        EXPECT_EQ(receive_text(server, text, sizeof text, NULL), 2);
        unix_close(listener);
        unix_close(client);
        unix_close(server);
        EXPECT(!bound);
        stop();
    }
}

static struct unix_name listener_name;
static int connect_result;
static void connect_in_thread(void *argument)
{
    connect_result = unix_connect(argument, &listener_name, NULL, UINT64_MAX);
}

TEST(a_full_backlog_makes_connect_wait)
{
    struct unix_socket *listener, *clients[3], *server;
    start();
    listener_name = name_of("l", true);
    REQUIRE(unix_create(domain, UNIX_STREAM, &listener) == 0);
    EXPECT_EQ(unix_bind(listener, &listener_name, NULL, 0), 0);
    EXPECT_EQ(unix_listen(listener, 1), 0);
    for (unsigned i = 0; i < 3; i++)
        REQUIRE(unix_create(domain, UNIX_STREAM, &clients[i]) == 0);
    EXPECT_EQ(unix_connect(clients[0], &listener_name, NULL, 0), 0);
    EXPECT_EQ(unix_connect(clients[1], &listener_name, NULL, 0), 0);
    EXPECT_EQ(unix_connect(clients[2], &listener_name, NULL, 0), -EAGAIN);
    connect_result = 1;
    struct thread *thread = thread_create("c", connect_in_thread, clients[2]);
    thread_start(thread);
    fake_run_threads();
    EXPECT_EQ(connect_result, 1);
    REQUIRE(unix_accept(listener, &server) == 0);
    fake_run_threads();
    EXPECT_EQ(connect_result, 0);
    thread_put(thread);
    unix_close(server);
    unix_close(listener); /* resets the two that nobody accepted */
    EXPECT_EQ(unix_take_error(clients[2]), ECONNRESET);
    for (unsigned i = 0; i < 3; i++)
        unix_close(clients[i]);
    stop();
}

TEST(a_writer_is_stopped_and_woken_by_its_own_buffer)
{
    struct unix_socket *a, *b;
    static char block[10001];
    start();
    memset(block, 'x', 10000);
    REQUIRE(unix_pair(domain, UNIX_STREAM, &a, &b) == 0);
    unix_set_send_buffer(a, 65536);
    size_t sent = 0;
    ssize_t n;
    while ((n = send_text(a, block, NULL)) > 0)
        sent += (size_t)n;
    EXPECT_EQ(n, -EAGAIN);
    EXPECT(sent > 60000 && sent < 70000);
    EXPECT(!(unix_poll(a) & POLL_OUT));
    EXPECT(unix_poll(b) & POLL_OUT);
    while (receive_text(b, block, sizeof block, NULL) > 0)
        ;
    EXPECT(unix_poll(a) & POLL_OUT);
    unix_close(a);
    unix_close(b);
    stop();
}

TEST(shutdown_of_one_direction)
{
    struct unix_socket *a, *b;
    char text[16];
    start();
    REQUIRE(unix_pair(domain, UNIX_STREAM, &a, &b) == 0);
    EXPECT_EQ(send_text(a, "last", NULL), 4);
    EXPECT_EQ(unix_shutdown(a, UNIX_SHUTDOWN_WRITE), 0);
    EXPECT_EQ(send_text(a, "x", NULL), -EPIPE);
    EXPECT(unix_poll(b) & POLL_RDHUP && !(unix_poll(b) & POLL_HUP));
    EXPECT_EQ(receive_text(b, text, sizeof text, NULL), 4);
    EXPECT_EQ(receive_text(b, text, sizeof text, NULL), 0);
    EXPECT_EQ(send_text(b, "back", NULL), 4);
    EXPECT_EQ(receive_text(a, text, sizeof text, NULL), 4);
    unix_close(a);
    unix_close(b);
    stop();
}

TEST(closing_with_unread_bytes_resets)
{
    struct unix_socket *a, *b;
    char text[16];
    start();
    REQUIRE(unix_pair(domain, UNIX_STREAM, &a, &b) == 0);
    EXPECT_EQ(send_text(a, "unread", NULL), 6);
    unix_close(b);
    EXPECT_EQ(receive_text(a, text, sizeof text, NULL), -ECONNRESET);
    EXPECT_EQ(receive_text(a, text, sizeof text, NULL), 0);
    unix_close(a);
    stop();
}

TEST(datagrams_find_their_receiver_by_name)
{
    struct unix_socket *a, *b, *c;
    struct unix_name name_a = name_of("a", true), name_b = name_of("b", true), from = {0};
    struct io_segment segment;
    struct io_vector io;
    char text[16];
    start();
    REQUIRE(!unix_create(domain, UNIX_DATAGRAM, &a) && !unix_create(domain, UNIX_DATAGRAM, &b));
    REQUIRE(!unix_create(domain, UNIX_DATAGRAM, &c));
    EXPECT_EQ(send_text(a, "x", NULL), -ENOTCONN);
    EXPECT(!unix_bind(a, &name_a, NULL, 0) && !unix_bind(b, &name_b, NULL, 0));
    struct unix_send to_b = {.to = &name_b};
    io_vector_kernel(&io, &segment, "to b", 4);
    EXPECT_EQ(unix_send(a, &io, &to_b), 4);
    struct unix_receive options = {.from = &from};
    EXPECT_EQ(receive_text(b, text, sizeof text, &options), 4);
    EXPECT_EQ(from.len, name_a.len);
    EXPECT_BYTES(from.bytes, name_a.bytes, name_a.len);
    EXPECT_EQ(unix_connect(b, &name_a, NULL, 0), 0);
    io_vector_kernel(&io, &segment, "no", 2);
    EXPECT_EQ(unix_send(c, &io, &to_b), -EPERM); /* b hears only a now */
    EXPECT_EQ(unix_connect(a, &name_b, NULL, 0), 0);
    unix_close(b);
    EXPECT_EQ(send_text(a, "x", NULL), -ECONNREFUSED);
    EXPECT_EQ(send_text(a, "x", NULL), -ENOTCONN);
    unix_close(a);
    unix_close(c);
    stop();
}

static void release_socket_file(struct file *file)
{
    released++;
    unix_close(file->data);
}
static const struct file_ops socket_ops = {.release = release_socket_file, .name = "socket"};

static struct unix_ancillary rights(struct file *file)
{
    struct unix_ancillary ancillary = {.files = kmalloc(sizeof file, ALLOC_WAIT), .file_count = 1};
    ancillary.files[0] = file;
    return ancillary;
}

TEST(descriptors_travel_with_the_first_byte_and_stop_the_read_there)
{
    struct unix_socket *a, *b;
    char text[32];
    start();
    released = 0;
    REQUIRE(unix_pair(domain, UNIX_STREAM, &a, &b) == 0);
    struct unix_ancillary ancillary = rights(file_create(&test_file_ops, 2, NULL)), got = {0};
    EXPECT_EQ(send_text(a, "before", NULL), 6);
    EXPECT_EQ(send_text(a, "with", &ancillary), 4);
    EXPECT(!ancillary.files);
    EXPECT_EQ(send_text(a, "after", NULL), 5);
    struct unix_receive options = {.ancillary = &got};
    EXPECT_EQ(receive_text(b, text, sizeof text, &options), 10);
    EXPECT_STR(text, "beforewith");
    REQUIRE(got.files && got.file_count == 1);
    EXPECT_EQ(released, 0);
    unix_ancillary_destroy(&got);
    EXPECT_EQ(released, 1);
    ancillary = rights(file_create(&test_file_ops, 2, NULL));
    EXPECT_EQ(send_text(a, "lost", &ancillary), 4);
    unix_close(b);
    EXPECT_EQ(released, 2);
    unix_close(a);
    stop();
}

TEST(nested_sockets_in_flight_are_freed_without_recursion)
{
    enum { DEPTH = 2000 };
    struct unix_socket *outer_a, *outer_b;
    start();
    released = 0;
    REQUIRE(unix_pair(domain, UNIX_STREAM, &outer_a, &outer_b) == 0);
    for (unsigned i = 0; i < DEPTH; i++) {
        /* The pair so far travels inside the next one. */
        struct unix_socket *a, *b;
        REQUIRE(unix_pair(domain, UNIX_STREAM, &a, &b) == 0);
        struct unix_ancillary ancillary = rights(file_create(&socket_ops, 2, outer_b));
        EXPECT_EQ(send_text(a, "x", &ancillary), 1);
        unix_close(outer_a);
        outer_a = a;
        outer_b = b;
    }
    unix_close(outer_a);
    unix_close(outer_b);
    EXPECT_EQ(released, DEPTH);
    stop();
}

TEST(descriptors_in_flight_are_bounded)
{
    struct unix_socket *a, *b;
    int sent = 0;
    ssize_t n = 1;
    start();
    REQUIRE(unix_pair(domain, UNIX_STREAM, &a, &b) == 0);
    unix_set_send_buffer(a, 64 << 20);
    struct file *file = file_create(&test_file_ops, 2, NULL);
    while (n == 1 && sent < 20000) {
        file_get(file);
        struct unix_ancillary ancillary = rights(file);
        n = send_text(a, "x", &ancillary);
        sent += n == 1;
        unix_ancillary_destroy(&ancillary);
    }
    EXPECT_EQ(n, -ETOOMANYREFS);
    EXPECT_EQ(sent, 16384);
    unix_close(b);
    file_put(file);
    unix_close(a);
    stop();
}

TEST(credentials_divide_a_stream_when_asked_for)
{
    struct unix_socket *a, *b;
    char text[32];
    start();
    REQUIRE(unix_pair(domain, UNIX_STREAM, &a, &b) == 0);
    unix_set_pass_credentials(b, true);
    send_text(a, "one", NULL);
    self.pid = 9;
    send_text(a, "two", NULL);
    self.pid = 7;
    struct unix_ancillary got = {0};
    struct unix_receive options = {.ancillary = &got};
    EXPECT_EQ(receive_text(b, text, sizeof text, &options), 3);
    EXPECT_EQ(got.credentials.pid, 7);
    EXPECT_EQ(receive_text(b, text, sizeof text, &options), 3);
    EXPECT_EQ(got.credentials.pid, 9);
    unix_close(a);
    unix_close(b);
    stop();
}

TEST(autobind_gives_each_socket_a_name)
{
    struct unix_socket *a, *b;
    struct unix_name none = {0}, first, second;
    start();
    REQUIRE(!unix_create(domain, UNIX_DATAGRAM, &a) && !unix_create(domain, UNIX_DATAGRAM, &b));
    EXPECT(!unix_bind(a, &none, NULL, 0) && !unix_bind(b, &none, NULL, 0));
    unix_get_name(a, &first);
    unix_get_name(b, &second);
    EXPECT_EQ(first.len, 6);
    EXPECT(first.bytes[0] == 0 && memcmp(first.bytes, second.bytes, 6));
    unix_close(a);
    unix_close(b);
    stop();
}

TEST(failing_allocations_leave_nothing_behind)
{
    start();
    for (unsigned n = 1; n < 20; n++) {
        struct unix_socket *a = NULL, *b = NULL;
        fake_memory_fail_nth(n);
        int err = unix_pair(domain, UNIX_STREAM, &a, &b);
        ssize_t sent = err ? 0 : send_text(a, "x", NULL);
        bool has_failed = fake_memory_failed();
        fake_memory_fail_nth(0);
        EXPECT(has_failed == (err || sent < 0));
        if (!err) {
            unix_close(a);
            unix_close(b);
        }
    }
    stop();
}
