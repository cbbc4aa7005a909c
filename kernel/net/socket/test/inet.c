/* TCP and UDP sockets as programs use them: blocking, addresses, options, ioctls, waiting for configuration. */
#include "machine.h"

enum { NONBLOCKING = 04000 };

TEST(a_tcp_connection_over_loopback)
{
    struct file *client, *server;
    struct socket_address name, peer;
    char text[64];
    start();
    make_tcp_pair(&client, &server);
    EXPECT_EQ(send_text(client, "GET /", 0), 5);
    EXPECT_EQ(receive_text(server, text, sizeof text, 0), 5);
    EXPECT_STR(text, "GET /");
    EXPECT_EQ(socket_get_name(socket_of_file(client), true, &name), 0);
    EXPECT_EQ(socket_get_name(socket_of_file(server), false, &peer), 0);
    EXPECT_EQ(name.len, 16);
    EXPECT_BYTES(name.bytes, peer.bytes, 16);
    EXPECT_EQ(receive_text(server, text, sizeof text, MESSAGE_DONT_WAIT), -EAGAIN);
    EXPECT_EQ(socket_shutdown(socket_of_file(client), 1), 0);
    EXPECT_EQ(receive_text(server, text, sizeof text, 0), 0);
    EXPECT_EQ(send_text(client, "x", 0), -EPIPE);
    file_put(client);
    file_put(server);
    stop();
}

static struct file *shared;
static char shared_text[64];
static ssize_t shared_result;
static void receive_all(void *argument)
{
    shared_result = receive_text(shared, shared_text, 11, MESSAGE_WAIT_ALL);
}
static void receive_some(void *argument)
{
    shared_result = receive_text(shared, shared_text, sizeof shared_text, 0);
}

TEST(wait_all_waits_for_all)
{
    struct file *client;
    start();
    make_tcp_pair(&client, &shared);
    shared_result = -1;
    struct thread *thread = thread_create("r", receive_all, NULL);
    thread_start(thread);
    EXPECT_EQ(send_text(client, "hello", 0), 5);
    fake_run_threads();
    EXPECT_EQ(shared_result, -1);
    EXPECT_EQ(send_text(client, "world", 0), 5);
    fake_run_threads();
    EXPECT_EQ(shared_result, 10);
    EXPECT_STR(shared_text, "helloworld");
    thread_put(thread);
    file_put(client);
    file_put(shared);
    stop();
}

TEST(a_receive_timeout_ends_the_wait)
{
    struct file *client, *server;
    uint64_t timeout[2] = {0, 300000};
    char text[8];
    start();
    make_tcp_pair(&client, &server);
    EXPECT_EQ(socket_set_option(socket_of_file(server), 1, 20, timeout, sizeof timeout), 0);
    uint64_t before = clock_monotonic_ns();
    EXPECT_EQ(receive_text(server, text, sizeof text, 0), -EAGAIN);
    EXPECT(clock_monotonic_ns() - before >= 300 * NS_PER_MS && clock_monotonic_ns() - before < 400 * NS_PER_MS);
    file_put(client);
    file_put(server);
    stop();
}

TEST(an_interrupted_wait_says_so)
{
    start();
    struct file *client;
    make_tcp_pair(&client, &shared);
    shared_result = 0;
    struct thread *thread = thread_create("r", receive_some, NULL);
    thread_start(thread);
    fake_run_threads();
    thread_interrupt(thread);
    fake_run_threads();
    EXPECT_EQ(shared_result, -ERESTARTSYS);
    thread_put(thread);
    file_put(client);
    file_put(shared);
    stop();
}

TEST(a_non_blocking_connect_is_polled)
{
    struct file *listener, *client, *none;
    start();
    listener = make(SOCKET_AF_INET6, SOCKET_STREAM, 0);
    uint8_t any[16] = {0};
    struct socket_address local = in6(any, 8080), to = in4(0x7f000001, 8080), closed = in4(0x7f000001, 8081);
    EXPECT_EQ(set_int(listener, 41, 26, 0), 0);
    EXPECT_EQ(set_int(listener, 1, 2, 1), 0);
    EXPECT_EQ(socket_bind(socket_of_file(listener), &local, NULL), 0);
    EXPECT_EQ(socket_listen(socket_of_file(listener), 50), 0);
    EXPECT_EQ(socket_create(net, SOCKET_AF_INET, SOCKET_STREAM, 0, NONBLOCKING, false, &client), 0);
    EXPECT_EQ(socket_create(net, SOCKET_AF_INET, SOCKET_STREAM, 0, NONBLOCKING, false, &none), 0);
    EXPECT_EQ(socket_connect(socket_of_file(client), &to, NULL), -EINPROGRESS);
    EXPECT_EQ(socket_connect(socket_of_file(none), &closed, NULL), -EINPROGRESS);
    fake_run_threads();
    EXPECT(file_poll(client, NULL) & POLL_OUT);
    EXPECT_EQ(get_int(client, 1, 4), 0);
    EXPECT(file_poll(none, NULL) & POLL_ERR);
    EXPECT_EQ(get_int(none, 1, 4), ECONNREFUSED);
    EXPECT(file_poll(listener, NULL) & POLL_IN);
    struct file *accepted;
    struct socket_address peer;
    REQUIRE(socket_accept(socket_of_file(listener), 0, &accepted, &peer) == 0);
    EXPECT_EQ(peer.len, 28);
    EXPECT_EQ(peer.family, SOCKET_AF_INET6);
    EXPECT_BYTES(peer.bytes + 8, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\1", 16);
    file_put(accepted);
    file_put(client);
    file_put(none);
    file_put(listener);
    stop();
}

TEST(udp_addresses_and_truncation)
{
    struct file *a, *b;
    struct socket_address any = in4(0, 0), to, from;
    struct io_segment segment;
    struct io_vector io;
    char text[8];
    start();
    a = make(SOCKET_AF_INET, SOCKET_DATAGRAM, 0);
    b = make(SOCKET_AF_INET, SOCKET_DATAGRAM, 17);
    EXPECT_EQ(socket_bind(socket_of_file(a), &any, NULL), 0);
    to = in4(0x7f000001, port_of(a));
    io_vector_kernel(&io, &segment, "0123456789", 10);
    struct socket_message message = {.data = &io, .to = &to};
    EXPECT_EQ(socket_send(socket_of_file(b), &message), 10);
    fake_run_threads();
    EXPECT_EQ(receive_text(a, text, 5, MESSAGE_PEEK | MESSAGE_TRUNCATED), 10);
    io_vector_kernel(&io, &segment, text, 4);
    message = (struct socket_message){.data = &io, .from = &from};
    EXPECT_EQ(socket_receive(socket_of_file(a), &message), 4);
    EXPECT_EQ(message.flags_out, MESSAGE_TRUNCATED);
    EXPECT_EQ(from.len, 16);
    EXPECT_EQ(load_be16(from.bytes + 2), port_of(b));
    EXPECT_EQ(receive_text(a, text, sizeof text, MESSAGE_DONT_WAIT), -EAGAIN);
    EXPECT_EQ(send_text(b, "x", 0), -EDESTADDRREQ);
    file_put(a);
    file_put(b);
    stop();
}

TEST(packet_information_arrives_as_control_messages)
{
    struct file *a, *b;
    struct socket_address any = in4(0, 7000), to = in4(0x7f000001, 7000);
    uint8_t control[256], text[16];
    struct io_segment segment;
    struct io_vector io;
    start();
    a = make(SOCKET_AF_INET, SOCKET_DATAGRAM, 0);
    b = make(SOCKET_AF_INET, SOCKET_DATAGRAM, 0);
    EXPECT_EQ(socket_bind(socket_of_file(a), &any, NULL), 0);
    EXPECT(!set_int(a, 0, 8, 1) && !set_int(a, 0, 12, 1));
    EXPECT_EQ(set_int(b, 0, 2, 5), 0);
    EXPECT_EQ(get_int(b, 0, 2), 5);
    EXPECT_EQ(socket_connect(socket_of_file(b), &to, NULL), 0);
    EXPECT_EQ(send_text(b, "x", 0), 1);
    fake_run_threads();
    io_vector_kernel(&io, &segment, text, sizeof text);
    struct socket_message message = {.data = &io, .control_out = control, .control_room = sizeof control};
    EXPECT_EQ(socket_receive(socket_of_file(a), &message), 1);
    EXPECT_EQ(message.control_used, 32 + 24);
    EXPECT_EQ(load_le64(control), 28);
    EXPECT_EQ(load_le32(control + 12), 8);
    EXPECT_EQ(load_le32(control + 16), 1);
    EXPECT_EQ(load_le32(control + 32 + 12), 2);
    EXPECT_EQ(load_le32(control + 32 + 16), 5);
    EXPECT_EQ(send_text(b, "x", 0), 1);
    fake_run_threads();
    message.control_room = 20; /* too little: cut and said */
    io_vector_kernel(&io, &segment, text, sizeof text);
    EXPECT_EQ(socket_receive(socket_of_file(a), &message), 1);
    EXPECT(message.flags_out & MESSAGE_CONTROL_TRUNCATED);
    EXPECT(message.control_used <= 20);
    file_put(a);
    file_put(b);
    stop();
}

TEST(options_have_linux_values)
{
    int linger[2] = {1, 5};
    unsigned len = sizeof linger;
    start();
    struct file *tcp = make(SOCKET_AF_INET6, SOCKET_STREAM, 0), *udp = make(SOCKET_AF_INET, SOCKET_DATAGRAM, 0);
    EXPECT_EQ(get_int(tcp, 1, 3), SOCKET_STREAM);
    EXPECT_EQ(get_int(tcp, 1, 39), SOCKET_AF_INET6);
    EXPECT_EQ(get_int(tcp, 1, 38), 6);
    EXPECT_EQ(get_int(udp, 1, 38), 17);
    EXPECT_EQ(get_int(tcp, 1, 30), 0);
    EXPECT_EQ(set_int(udp, 1, 8, 65536), 0);
    EXPECT_EQ(get_int(udp, 1, 8), 131072);
    EXPECT_EQ(set_int(tcp, 1, 7, 65536), 0);
    EXPECT_EQ(get_int(tcp, 1, 7), 131072);
    EXPECT_EQ(set_int(tcp, 1, 9, 7), 0);
    EXPECT_EQ(get_int(tcp, 1, 9), 1);
    EXPECT_EQ(set_int(tcp, 1, 200, 1), -ENOPROTOOPT);
    EXPECT_EQ(get_int(tcp, 1, 56), 0);
    EXPECT_EQ(get_int(udp, 1, 17), -ENOPROTOOPT);
    EXPECT_EQ(socket_set_option(socket_of_file(tcp), 1, 13, linger, sizeof linger), 0);
    linger[0] = linger[1] = 0;
    EXPECT_EQ(socket_get_option(socket_of_file(tcp), 1, 13, linger, &len), 0);
    EXPECT(linger[0] == 1 && linger[1] == 5);
    EXPECT_EQ(set_int(tcp, 6, 1, 1), 0);
    EXPECT_EQ(get_int(tcp, 6, 1), 1);
    EXPECT_EQ(set_int(tcp, 41, 67, 8), 0);
    EXPECT_EQ(get_int(tcp, 41, 67), 8);
    EXPECT_EQ(set_int(udp, 41, 67, 8), -ENOPROTOOPT);
    EXPECT_EQ(get_int(udp, 0, 2), 64);
    EXPECT_EQ(get_int(udp, 0, 33), 1);
    EXPECT_EQ(set_int(udp, 0, 33, 256), -EINVAL);
    uint8_t ttl = 3;
    EXPECT_EQ(socket_set_option(socket_of_file(udp), 0, 33, &ttl, 1), 0);
    EXPECT_EQ(get_int(udp, 0, 33), 3);
    uint8_t group[8] = {239, 1, 1, 1, 127, 0, 0, 1};
    EXPECT_EQ(socket_set_option(socket_of_file(udp), 0, 35, group, sizeof group), 0);
    EXPECT_EQ(socket_set_option(socket_of_file(udp), 0, 36, group, sizeof group), 0);
    EXPECT_EQ(socket_set_option(socket_of_file(udp), 0, 36, group, sizeof group), -EADDRNOTAVAIL);
    file_put(tcp);
    file_put(udp);
    stop();
}

TEST(interfaces_by_ioctl)
{
    start();
    EXPECT_EQ(net_configure(net, NULL, "10.0.2.15/24,10.0.2.2"), 0);
    EXPECT_EQ(net_configure(net, NULL, "10.0.2.15"), -EINVAL);
    EXPECT_EQ(net_configure(net, "eth9", "dhcp"), -ENODEV);
    EXPECT_EQ(net_configure(net, NULL, "10.0.3.1/33"), -EINVAL);
    struct file *udp = make(SOCKET_AF_INET, SOCKET_DATAGRAM, 0);
    uint8_t request[40] = "eth0", list[400];
    struct {
        int32_t len, padding;
        uint64_t buffer;
    } conf = {sizeof list, 0, (uintptr_t)list};
#define ASK(command) udp->ops->ioctl(udp, command, fake_user(request))
    EXPECT_EQ(ASK(0x8915), 0);
    EXPECT_EQ(load_be32(request + 20), 0x0a00020f);
    EXPECT_EQ(ASK(0x891b), 0);
    EXPECT_EQ(load_be32(request + 20), 0xffffff00);
    EXPECT_EQ(ASK(0x8919), 0);
    EXPECT_EQ(load_be32(request + 20), 0x0a0002ff);
    EXPECT_EQ(ASK(0x8913), 0);
    EXPECT_EQ(load_le16(request + 16), 0x1043);
    EXPECT_EQ(ASK(0x8921), 0);
    EXPECT_EQ(load_le32(request + 16), 1500);
    EXPECT_EQ(ASK(0x8927), 0);
    EXPECT_BYTES(request + 18, device.device.address, 6);
    EXPECT_EQ(ASK(0x8933), 0);
    EXPECT_EQ(load_le32(request + 16), 2);
    memcpy(request, "none", 5);
    EXPECT_EQ(ASK(0x8933), -ENODEV);
    EXPECT_EQ(ASK(0x5401), -ENOTTY);
    EXPECT_EQ(udp->ops->ioctl(udp, 0x8912, fake_user(&conf)), 0);
    EXPECT_EQ(conf.len, 80);
    EXPECT_STR((char *)list, "lo");
    EXPECT_STR((char *)list + 40, "eth0");
    conf.buffer = 0;
    EXPECT_EQ(udp->ops->ioctl(udp, 0x8912, fake_user(&conf)), 0);
    EXPECT_EQ(conf.len, 80);
    file_put(udp);
    stop();
}

static int connect_result;
static void connect_far(void *argument)
{
    struct socket_address to = in4(0x5db8d822, 53);
    connect_result = socket_connect(socket_of_file(shared), &to, NULL);
}

TEST(connect_waits_for_the_address_but_not_for_ever)
{
    start();
    struct socket_address to = in4(0x5db8d822, 53);
    shared = make(SOCKET_AF_INET, SOCKET_DATAGRAM, 0);
    EXPECT_EQ(socket_connect(socket_of_file(shared), &to, NULL), -ENETUNREACH); /* nobody is configuring */
    EXPECT_EQ(net_configure(net, NULL, "dhcp"), 0);
    connect_result = 1;
    struct thread *thread = thread_create("c", connect_far, NULL);
    thread_start(thread);
    fake_run_threads();
    EXPECT_EQ(connect_result, 1);
    struct net_interface *iface = interface_by_index(net_stack(net), 2);
    struct ip_address own = ip_from_v4(0x0a00020f);
    struct route_entry all = {
        .network = ip_from_v4(0), .gateway = ip_from_v4(0x0a000202), .prefix = 96, .iface = iface};
    route_add(net_stack(net), &all);
    interface_add_address(iface, &own, 96 + 24);
    fake_run_threads();
    EXPECT_EQ(connect_result, 0);
    thread_put(thread);
    file_put(shared);
    stop();

    start();
    shared = make(SOCKET_AF_INET, SOCKET_DATAGRAM, 0);
    EXPECT_EQ(net_configure(net, NULL, "dhcp"), 0);
    uint64_t before = clock_monotonic_ns();
    EXPECT_EQ(socket_connect(socket_of_file(shared), &to, NULL), -ENETUNREACH);
    EXPECT(clock_monotonic_ns() - before < 20 * NS_PER_SECOND);
    file_put(shared);
    stop();
}

TEST(the_resolver_text_names_servers_and_domain)
{
    char text[256];
    start();
    net_set_names(net, "boat", "example.org");
    EXPECT_EQ(net_add_dns(net, "10.0.2.3"), 0);
    EXPECT_EQ(net_add_dns(net, "fd00::3"), 0);
    EXPECT_EQ(net_add_dns(net, "nonsense"), -EINVAL);
    size_t n = net_resolver_text(net, text, sizeof text);
    text[n] = 0;
    EXPECT_STR(text, "search example.org\nnameserver 10.0.2.3\nnameserver fd00::3\n");
    EXPECT_EQ(net_resolver_text(net, text, 5), n);
    stop();
}

TEST(what_is_not_there_is_refused_as_on_linux)
{
    struct file *file;
    start();
    EXPECT_EQ(socket_create(net, 99, SOCKET_STREAM, 0, 0, true, &file), -EAFNOSUPPORT);
    EXPECT_EQ(socket_create(net, SOCKET_AF_INET, SOCKET_STREAM, 17, 0, true, &file), -EPROTONOSUPPORT);
    EXPECT_EQ(socket_create(net, SOCKET_AF_INET, SOCKET_SEQUENCED, 0, 0, true, &file), -ESOCKTNOSUPPORT);
    EXPECT_EQ(socket_create(net, SOCKET_AF_INET, SOCKET_RAW, 1, 0, false, &file), -EPERM);
    EXPECT_EQ(socket_create(net, SOCKET_AF_NETLINK, SOCKET_RAW, 15, 0, true, &file), -EPROTONOSUPPORT);
    file = make(SOCKET_AF_INET, SOCKET_STREAM, 0);
    struct socket_address other = un("x", true), cut = in4(0, 0);
    EXPECT_EQ(socket_bind(socket_of_file(file), &other, NULL), -EINVAL);
    cut.len = 8;
    EXPECT_EQ(socket_bind(socket_of_file(file), &cut, NULL), -EINVAL);
    EXPECT_EQ(socket_shutdown(socket_of_file(file), 1), -ENOTCONN);
    EXPECT_EQ(socket_shutdown(socket_of_file(file), 3), -EINVAL);
    EXPECT_EQ(send_text(file, "x", MESSAGE_NO_SIGNAL), -EPIPE);
    EXPECT_EQ(socket_get_name(socket_of_file(file), true, &cut), -ENOTCONN);
    file_put(file);
    stop();
}
