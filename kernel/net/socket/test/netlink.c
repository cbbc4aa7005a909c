/* NETLINK_ROUTE as getifaddrs, Go and node ask it. */
#include "machine.h"

static uint8_t answer[16384];

static struct file *open_netlink(void)
{
    struct file *file = make(SOCKET_AF_NETLINK, SOCKET_RAW, 0);
    struct socket_address name = {.len = 12, .family = SOCKET_AF_NETLINK};
    EXPECT_EQ(socket_bind(socket_of_file(file), &name, NULL), 0);
    return file;
}

static ssize_t send_bytes(struct file *file, const void *bytes, size_t len)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, bytes, len);
    struct socket_message message = {.data = &io};
    return socket_send(socket_of_file(file), &message);
}

static void ask(struct file *file, uint16_t type, uint16_t flags, uint8_t family)
{
    uint8_t request[32] = {0};
    store_le32(request, 20);
    store_le16(request + 4, type);
    store_le16(request + 6, flags);
    store_le32(request + 8, 99);
    request[16] = family;
    EXPECT_EQ(send_bytes(file, request, 20), 20);
}

/* Reads all datagrams that are there: messages of `type`; *done: NLMSG_DONE was seen. */
static unsigned count_messages(struct file *file, uint16_t type, bool *done)
{
    unsigned count = 0;
    *done = false;
    for (;;) {
        struct io_segment segment;
        struct io_vector io;
        struct socket_address from;
        io_vector_kernel(&io, &segment, answer, sizeof answer);
        struct socket_message message = {.data = &io, .flags = MESSAGE_DONT_WAIT, .from = &from};
        ssize_t n = socket_receive(socket_of_file(file), &message);
        if (n < 0)
            return count;
        EXPECT_EQ(from.len, 12);
        EXPECT_EQ(load_le32(from.bytes + 4), 0);
        for (size_t at = 0; at + 16 <= (size_t)n;) {
            uint32_t len = load_le32(answer + at);
            if (len < 16 || len > (size_t)n - at) {
                test_fail(__FILE__, __LINE__, "a message of %u bytes", len);
                return count;
            }
            EXPECT_EQ(load_le32(answer + at + 8), 99);
            count += load_le16(answer + at + 4) == type;
            *done |= load_le16(answer + at + 4) == 3;
            at += (len + 3) & ~3u;
        }
    }
}

TEST(links_addresses_routes_and_neighbours_are_dumped)
{
    bool done;
    start();
    EXPECT_EQ(net_configure(net, NULL, "10.0.2.15/24,10.0.2.2"), 0);
    struct file *file = open_netlink();
    ask(file, 18, 0x301, 0);
    EXPECT(file_poll(file, NULL) & POLL_IN);
    EXPECT_EQ(count_messages(file, 16, &done), 2);
    EXPECT(done);
    ask(file, 22, 0x301, 0);
    EXPECT_EQ(count_messages(file, 20, &done), 4); /* 127.0.0.1 ::1 10.0.2.15 fe80:: */
    ask(file, 22, 0x301, SOCKET_AF_INET);
    EXPECT_EQ(count_messages(file, 20, &done), 2);
    ask(file, 26, 0x301, SOCKET_AF_INET);
    EXPECT_EQ(count_messages(file, 24, &done), 2);
    struct ip_address peer = ip_from_v4(0x0a000202);
    neighbour_update(interface_by_index(net_stack(net), 2), &peer, device.device.address, true);
    ask(file, 30, 0x301, 0);
    EXPECT_EQ(count_messages(file, 28, &done), 1);
    EXPECT(done);
    file_put(file);
    stop();
}

TEST(a_large_dump_comes_in_several_datagrams)
{
    bool done;
    start();
    struct file *file = open_netlink();
    for (uint32_t i = 0; i < 400; i++) {
        struct ip_address peer = ip_from_v4(0x0a000000 + i);
        neighbour_update(interface_by_index(net_stack(net), 2), &peer, device.device.address, true);
    }
    ask(file, 30, 0x301, 0);
    EXPECT(count_messages(file, 28, &done) > 300);
    EXPECT(done);
    file_put(file);
    stop();
}

TEST(changes_are_refused_with_an_error_message)
{
    bool done;
    start();
    struct file *file = open_netlink();
    ask(file, 20, 0x5, 0);
    EXPECT_EQ(count_messages(file, 2, &done), 1);
    EXPECT_EQ((int32_t)load_le32(answer + 16), -EOPNOTSUPP);
    file_put(file);
    stop();
}

TEST(one_link_is_asked_for_by_name_and_a_dump_peeked_for_its_size)
{
    uint8_t request[48] = {0};
    char byte[2];
    start();
    struct file *file = open_netlink();
    store_le32(request, 16 + 16 + 12);
    store_le16(request + 4, 18);
    store_le16(request + 6, 1);
    store_le16(request + 32, 9);
    store_le16(request + 34, 3);
    memcpy(request + 36, "eth0", 5);
    EXPECT_EQ(send_bytes(file, request, 44), 44);
    ssize_t size = receive_text(file, byte, sizeof byte, MESSAGE_PEEK | MESSAGE_TRUNCATED);
    EXPECT(size > 100);
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, answer, sizeof answer);
    struct socket_message message = {.data = &io};
    EXPECT_EQ(socket_receive(socket_of_file(file), &message), size);
    EXPECT_EQ(load_le32(answer + 20), 2);
    file_put(file);
    stop();
}

TEST(requests_of_any_bytes_do_no_harm)
{
    start();
    struct file *file = open_netlink();
    for (unsigned round = 0; round < 3000; round++) {
        static const uint16_t types[] = {18, 22, 26, 30, 34, 16, 2, 999};
        uint8_t request[96];
        bool done;
        size_t len = test_random() % sizeof request;
        for (size_t i = 0; i < sizeof request; i++)
            request[i] = (uint8_t)(test_random() % 3 ? 0 : test_random());
        store_le32(request, (uint32_t)(test_random() % 4 ? len : test_random() % 200));
        store_le16(request + 4, types[test_random() % 8]);
        store_le16(request + 6, test_random() % 2 ? 0x301 : 1);
        store_le32(request + 8, 99);
        send_bytes(file, request, len);
        if (len < 48)
            count_messages(file, 0, &done);
        else
            while (receive_text(file, (char *)answer, 2, MESSAGE_DONT_WAIT) >= 0)
                ;
    }
    file_put(file);
    stop();
}
