/* The text of /proc/net. */
#include <stdio.h>
#include <stdlib.h>
#include "machine.h"

static char text[65536];

static const char *print(const char *name)
{
    for (const struct net_proc_file *file = net_proc_files; file->name; file++)
        if (!strcmp(file->name, name)) {
            size_t n = file->print(text, sizeof text - 1);
            text[n < sizeof text ? n : 0] = 0;
            return text;
        }
    return "";
}

TEST(proc_tables_show_sockets_in_linux_form)
{
    struct file *client, *server;
    start();
    net_destroy(net);
    REQUIRE(net_init(NULL) == 0);
    net = net_machine();
    EXPECT_EQ(net_configure(net, NULL, "10.0.2.15/24,10.0.2.2"), 0);
    make_tcp_pair(&client, &server);
    struct file *listener = make(SOCKET_AF_INET6, SOCKET_STREAM, 0), *udp = make(SOCKET_AF_INET, SOCKET_DATAGRAM, 0);
    struct file *local = make(SOCKET_AF_UNIX, SOCKET_STREAM, 0);
    uint8_t any[16] = {0};
    struct socket_address address = in6(any, 8080), port = in4(0x7f000001, 53), name = un("abstract", true);
    EXPECT_EQ(socket_bind(socket_of_file(listener), &address, NULL), 0);
    EXPECT_EQ(socket_listen(socket_of_file(listener), 5), 0);
    EXPECT_EQ(socket_bind(socket_of_file(udp), &port, NULL), 0);
    EXPECT_EQ(socket_bind(socket_of_file(local), &name, NULL), 0);
    EXPECT(strstr(print("tcp6"), "00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A"));
    EXPECT(strstr(print("tcp"), ": 0100007F:") && strstr(text, " 01 "));
    EXPECT(strstr(print("udp"), ": 0100007F:0035 00000000:0000 07"));
    EXPECT(strstr(print("unix"), "@abstract\n"));
    EXPECT(strstr(print("route"), "eth0\t00000000\t0202000A\t0003\t0\t0\t0\t00000000"));
    EXPECT(strstr(print("if_inet6"), "00000000000000000000000000000001 01 80 10 80       lo\n"));
    EXPECT(strstr(print("dev"), "  eth0:"));
    EXPECT(strstr(print("sockstat"), "sockets: used 5\n"));
    for (const struct net_proc_file *file = net_proc_files; file->name; file++) {
        size_t whole = file->print(text, sizeof text - 1);
        text[whole] = 0;
        EXPECT(whole > 0 || !strcmp(file->name, "ipv6_route"));
        EXPECT_EQ(file->print(text, 0), whole);
        EXPECT_EQ(file->print(text, 10), whole);
        if (getenv("SKIFF_TEST_SHOW")) {
            text[file->print(text, sizeof text - 1)] = 0;
            printf("== %s\n%s", file->name, text);
        }
    }
    file_put(client);
    file_put(server);
    file_put(listener);
    file_put(udp);
    file_put(local);
    stop();
}
