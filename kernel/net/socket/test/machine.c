/* See machine.h. */
#include "machine.h"

struct net *net;
struct fake_netdev device;
static size_t live_before;
static const uint8_t mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

void arch_random_seed(void *to, size_t n)
{
    memset(to, 9, n);
}

static void identify(struct unix_credentials *out)
{
    *out = (struct unix_credentials){.pid = 42, .uid = 1000, .gid = 1000};
}
static const struct unix_hooks hooks = {.identify = identify};

static const struct file_ops spare_ops = {.name = "spare"};
/* Freed files are kept for reuse: made once, they do not show in leak checks. */
static void make_spare_files(void)
{
    enum { SPARE = 64 };
    struct file *files[SPARE];
    for (unsigned i = 0; i < SPARE; i++)
        files[i] = file_create(&spare_ops, 2, NULL);
    for (unsigned i = 0; i < SPARE; i++)
        file_put(files[i]);
}

void start(void)
{
    static bool is_registered;
    fake_sched_reset();
    fake_clock_set(1000 * NS_PER_SECOND);
    if (!is_registered) {
        make_spare_files();
        fake_netdev_init(&device, mac);
        netdev_register(&device.device);
        is_registered = true;
    }
    live_before = fake_memory_live_objects();
    if (net_create(&hooks, &net))
        test_fail(__FILE__, __LINE__, "no network");
}

void stop(void)
{
    fake_run_threads();
    fake_work_run();
    net_destroy(net);
    fake_netdev_destroy(&device);
    EXPECT_EQ(fake_memory_live_objects(), live_before);
}

struct file *make(int family, int type, int protocol)
{
    struct file *file = NULL;
    int err = socket_create(net, family, type, protocol, 0, true, &file);
    if (err)
        test_fail(__FILE__, __LINE__, "socket(%d, %d, %d): %d", family, type, protocol, err);
    return file;
}

struct socket_address in4(uint32_t address, uint16_t port)
{
    struct socket_address out = {.len = 16, .family = SOCKET_AF_INET};
    store_be16(out.bytes + 2, port);
    store_be32(out.bytes + 4, address);
    return out;
}

struct socket_address in6(const uint8_t address[16], uint16_t port)
{
    struct socket_address out = {.len = 28, .family = SOCKET_AF_INET6};
    store_be16(out.bytes + 2, port);
    memcpy(out.bytes + 8, address, 16);
    return out;
}

struct socket_address un(const char *name, bool is_abstract)
{
    struct socket_address out = {.len = 2u + is_abstract + (unsigned)strlen(name), .family = SOCKET_AF_UNIX};
    memcpy(out.bytes + 2 + is_abstract, name, strlen(name));
    return out;
}

ssize_t send_text(struct file *file, const char *text, unsigned flags)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, text, strlen(text));
    struct socket_message message = {.data = &io, .flags = flags};
    return socket_send(socket_of_file(file), &message);
}

ssize_t receive_text(struct file *file, char *to, size_t size, unsigned flags)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, to, size - 1);
    struct socket_message message = {.data = &io, .flags = flags};
    ssize_t n = socket_receive(socket_of_file(file), &message);
    to[n > 0 && (size_t)n < size ? n : 0] = 0;
    return n;
}

uint16_t port_of(struct file *file)
{
    struct socket_address name;
    socket_get_name(socket_of_file(file), false, &name);
    return load_be16(name.bytes + 2);
}

void make_tcp_pair(struct file **client, struct file **server)
{
    struct file *listener = make(SOCKET_AF_INET, SOCKET_STREAM, 0);
    struct socket_address any = in4(0x7f000001, 0), to;
    EXPECT_EQ(socket_bind(socket_of_file(listener), &any, NULL), 0);
    EXPECT_EQ(socket_listen(socket_of_file(listener), 5), 0);
    *client = make(SOCKET_AF_INET, SOCKET_STREAM, 0);
    to = in4(0x7f000001, port_of(listener));
    EXPECT_EQ(socket_connect(socket_of_file(*client), &to, NULL), 0);
    EXPECT_EQ(socket_accept(socket_of_file(listener), 0, server, NULL), 0);
    file_put(listener);
}

int set_int(struct file *file, int level, int name, int value)
{
    return socket_set_option(socket_of_file(file), level, name, &value, sizeof value);
}

int get_int(struct file *file, int level, int name)
{
    int value = -12345;
    unsigned len = sizeof value;
    int err = socket_get_option(socket_of_file(file), level, name, &value, &len);
    return err ? err : value;
}
