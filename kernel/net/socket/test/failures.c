/* Each allocation fails once: calls say so and nothing is left behind. */
#include "machine.h"

static int use_everything(void)
{
    struct file *files[8] = {NULL};
    struct socket_address any = in4(0x7f000001, 0), to, abstract = un("name", true);
    int err = socket_create(net, SOCKET_AF_INET, SOCKET_STREAM, 0, 0, true, &files[0]);
    err = err ? err : socket_create(net, SOCKET_AF_INET, SOCKET_STREAM, 0, 0, true, &files[1]);
    err = err ? err : socket_bind(socket_of_file(files[0]), &any, NULL);
    err = err ? err : socket_listen(socket_of_file(files[0]), 5);
    if (!err) {
        uint64_t timeout[2] = {3, 0};
        to = in4(0x7f000001, port_of(files[0]));
        socket_set_option(socket_of_file(files[1]), 1, 21, timeout, sizeof timeout);
        socket_set_option(socket_of_file(files[0]), 1, 20, timeout, sizeof timeout);
        err = socket_connect(socket_of_file(files[1]), &to, NULL);
    }
    err = err ? err : socket_accept(socket_of_file(files[0]), 0, &files[2], &to);
    err = err ? err : socket_create(net, SOCKET_AF_UNIX, SOCKET_STREAM, 0, 0, true, &files[3]);
    err = err ? err : socket_create(net, SOCKET_AF_UNIX, SOCKET_STREAM, 0, 0, true, &files[4]);
    err = err ? err : socket_bind(socket_of_file(files[3]), &abstract, NULL);
    err = err ? err : socket_listen(socket_of_file(files[3]), 5);
    err = err ? err : socket_connect(socket_of_file(files[4]), &abstract, NULL);
    err = err ? err : socket_accept(socket_of_file(files[3]), 0, &files[5], &to);
    err = err ? err : socket_create(net, SOCKET_AF_INET, SOCKET_DATAGRAM, 0, 0, true, &files[6]);
    err = err ? err : socket_bind(socket_of_file(files[6]), &any, NULL);
    if (!err) {
        to = in4(0x7f000001, port_of(files[6]));
        err = socket_connect(socket_of_file(files[6]), &to, NULL);
    }
    err = err ? err : (int)MIN(send_text(files[6], "x", 0), 0);
    err = err ? err : socket_create(net, SOCKET_AF_NETLINK, SOCKET_RAW, 0, 0, true, &files[7]);
    for (unsigned i = 0; i < 8; i++)
        if (files[i])
            file_put(files[i]);
    fake_run_threads();
    return err;
}

TEST(failing_allocations_in_sockets_leave_nothing_behind)
{
    unsigned failures = 0;
    for (unsigned n = 1; n < 60; n++) {
        start();
        fake_memory_fail_nth(n);
        int err = use_everything();
        failures += err != 0;
        bool has_failed = fake_memory_failed();
        fake_memory_fail_nth(0);
        EXPECT(has_failed || !err);
        fake_time_advance(120 * NS_PER_SECOND); /* TIME_WAIT and the like */
        stop();
    }
    EXPECT(failures > 8);
}

TEST(a_network_that_cannot_be_made_leaves_nothing_behind)
{
    start();
    net_destroy(net);
    size_t before = fake_memory_live_objects();
    int err = -ENOMEM;
    for (unsigned n = 1; err && n < 100; n++) {
        struct net *other;
        fake_memory_fail_nth(n);
        err = net_create(NULL, &other);
        bool has_failed = fake_memory_failed();
        fake_memory_fail_nth(0);
        if (!err) {
            net_destroy(other);
            err = has_failed ? -ENOMEM : 0; /* it did without one device, or without an address of it */
        }
        EXPECT_EQ(fake_memory_live_objects(), before);
    }
    EXPECT_EQ(err, 0);
    if (net_create(NULL, &net))
        test_fail(__FILE__, __LINE__, "no network");
    stop();
}
