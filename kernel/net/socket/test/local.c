/* Unix sockets through the socket layer: control messages, descriptors, credentials. */
#include "machine.h"

static struct descriptor_table *table;
static const struct file_ops payload_ops = {.name = "payload"};

static ssize_t send_control(struct file *file, const void *control, size_t len)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, "x", 1);
    struct socket_message message = {.data = &io, .control = control, .control_len = len, .descriptors = table};
    return socket_send(socket_of_file(file), &message);
}

static size_t put_rights(uint8_t *control, int fd)
{
    store_le64(control, 20);
    store_le32(control + 8, 1);
    store_le32(control + 12, 1);
    store_le32(control + 16, (uint32_t)fd);
    store_le32(control + 20, 0);
    return 24;
}

static void make_pair(int type, struct file *files[2])
{
    start();
    EXPECT_EQ(socket_create_pair(net, SOCKET_AF_UNIX, type, 0, 0, files), 0);
    table = descriptor_table_create();
}

static void end_pair(struct file *files[2])
{
    file_put(files[0]);
    file_put(files[1]);
    descriptor_table_put(table);
    stop();
}

TEST(a_descriptor_is_passed)
{
    struct file *files[2], *payload;
    uint8_t control[64], text[4];
    struct io_segment segment;
    struct io_vector io;
    make_pair(SOCKET_STREAM, files);
    payload = file_create(&payload_ops, 2, NULL);
    int fd = descriptor_install(table, payload, 0, false);
    EXPECT_EQ(send_control(files[0], control, put_rights(control, fd)), 1);
    EXPECT_EQ(send_control(files[0], control, put_rights(control, 77)), -EBADF);
    store_le64(control, 1000);
    EXPECT_EQ(send_control(files[0], control, 24), -EINVAL);
    descriptor_close(table, fd);
    memset(control, 0, sizeof control);
    io_vector_kernel(&io, &segment, text, sizeof text);
    struct socket_message message = {.data = &io,
                                     .control_out = control,
                                     .control_room = sizeof control,
                                     .descriptors = table,
                                     .flags = MESSAGE_CLOSE_ON_EXEC};
    EXPECT_EQ(socket_receive(socket_of_file(files[1]), &message), 1);
    EXPECT_EQ(message.control_used, 24);
    EXPECT_EQ(load_le64(control), 20);
    int got = (int)load_le32(control + 16);
    struct file *file = descriptor_file(table, got);
    EXPECT(file == payload);
    EXPECT_EQ(descriptor_get_flags(table, got), 1);
    if (file)
        file_put(file);
    end_pair(files);
}

TEST(descriptors_without_room_are_dropped_and_said)
{
    struct file *files[2];
    uint8_t control[64], text[4];
    struct io_segment segment;
    struct io_vector io;
    make_pair(SOCKET_DATAGRAM, files);
    int fd = descriptor_install(table, file_create(&payload_ops, 2, NULL), 0, false);
    EXPECT_EQ(send_control(files[0], control, put_rights(control, fd)), 1);
    io_vector_kernel(&io, &segment, text, sizeof text);
    struct socket_message message = {.data = &io, .control_out = control, .control_room = 16, .descriptors = table};
    EXPECT_EQ(socket_receive(socket_of_file(files[1]), &message), 1);
    EXPECT(message.flags_out & MESSAGE_CONTROL_TRUNCATED);
    EXPECT_EQ(message.control_used, 0);
    EXPECT_EQ(descriptor_count(table), 1);
    end_pair(files);
}

TEST(credentials_are_passed_and_cannot_be_forged)
{
    struct file *files[2];
    uint8_t control[64], text[4];
    struct io_segment segment;
    struct io_vector io;
    make_pair(SOCKET_DATAGRAM, files);
    EXPECT_EQ(set_int(files[1], 1, 16, 1), 0);
    store_le64(control, 28);
    store_le32(control + 8, 1);
    store_le32(control + 12, 2);
    store_le32(control + 16, 1);
    store_le32(control + 20, 0);
    store_le32(control + 24, 0);
    EXPECT_EQ(send_control(files[0], control, 32), -EPERM);
    EXPECT_EQ(send_text(files[0], "x", 0), 1);
    io_vector_kernel(&io, &segment, text, sizeof text);
    struct socket_message message = {.data = &io, .control_out = control, .control_room = sizeof control};
    EXPECT_EQ(socket_receive(socket_of_file(files[1]), &message), 1);
    EXPECT_EQ(message.control_used, 32);
    EXPECT_EQ(load_le32(control + 16), 42);
    EXPECT_EQ(load_le32(control + 20), 1000);
    struct unix_credentials peer;
    unsigned len = sizeof peer;
    EXPECT_EQ(socket_get_option(socket_of_file(files[0]), 1, 17, &peer, &len), 0);
    EXPECT_EQ(peer.pid, 42);
    end_pair(files);
}

TEST(unix_names_come_back_as_they_were_given)
{
    struct socket_address name = un("service", true), got, none = {.len = 0};
    start();
    struct file *listener = make(SOCKET_AF_UNIX, SOCKET_STREAM, 0), *client = make(SOCKET_AF_UNIX, SOCKET_STREAM, 0),
                *server;
    EXPECT_EQ(socket_bind(socket_of_file(listener), &name, NULL), 0);
    EXPECT_EQ(socket_listen(socket_of_file(listener), 5), 0);
    EXPECT_EQ(socket_connect(socket_of_file(client), &name, NULL), 0);
    EXPECT_EQ(socket_accept(socket_of_file(listener), 0, &server, &got), 0);
    EXPECT_EQ(got.len, 2);
    EXPECT_EQ(socket_get_name(socket_of_file(client), true, &got), 0);
    EXPECT_EQ(got.len, name.len);
    EXPECT_BYTES(got.bytes, name.bytes, name.len);
    EXPECT_EQ(socket_connect(socket_of_file(client), &none, NULL), -EINVAL);
    int32_t readable = 0;
    EXPECT_EQ(send_text(client, "four", 0), 4);
    EXPECT_EQ(server->ops->ioctl(server, 0x541b, fake_user(&readable)), 0);
    EXPECT_EQ(readable, 4);
    file_put(client);
    file_put(server);
    file_put(listener);
    stop();
}

TEST(sequenced_packets_end_records)
{
    struct file *files[2];
    char text[16];
    make_pair(SOCKET_SEQUENCED, files);
    EXPECT_EQ(send_text(files[0], "one", 0), 3);
    EXPECT_EQ(send_text(files[0], "two", 0), 3);
    EXPECT_EQ(receive_text(files[1], text, sizeof text, 0), 3);
    EXPECT_STR(text, "one");
    EXPECT_EQ(receive_text(files[1], text, 2, MESSAGE_TRUNCATED), 3);
    EXPECT_EQ(receive_text(files[1], text, sizeof text, MESSAGE_DONT_WAIT), -EAGAIN);
    end_pair(files);
}
