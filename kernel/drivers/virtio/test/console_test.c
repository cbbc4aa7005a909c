#include <base/string.h>
#include <device/console.h>
#include <test/test.h>
#include "../console_ports.h"
#include "fake_device.h"

/* The console's device is found through the registration, which stubs.c ignores: written once through the first member.
 */
static struct fake_device fake;
static unsigned writable_calls;
static char input[64];
static size_t input_len, input_room;

static void on_writable(struct console_device *device)
{
    writable_calls++;
}

static size_t on_received(struct console_device *device, const char *bytes, size_t n)
{
    size_t taken = n < input_room ? n : input_room;
    memcpy(input + input_len, bytes, taken);
    input_len += taken;
    input_room -= taken;
    return taken;
}

/* The host sends `n` bytes. False: the guest has no buffer posted. */
static bool host_types(const char *bytes, uint32_t n)
{
    int head = fake_pop(&fake, 0);
    if (head < 0)
        return false;
    memcpy(fake_buffer(&fake, 0, head, 0, NULL, NULL), bytes, n);
    fake_use(&fake, 0, (uint32_t)head, n);
    fake_interrupt(&fake, 0);
    return true;
}

static struct console_device *attach(void)
{
    fake_init(&fake, VIRTIO_ID_CONSOLE, VIRTIO_RING_EVENT_INDEX, 16);
    virtio_console_attach(&fake.virtio);
    struct console_device *console = fake.virtio.driver_data;
    console->writable = on_writable;
    writable_calls = 0;
    input_len = 0;
    input_room = sizeof input;
    return console;
}

static struct console_device *start(void)
{
    struct console_device *console = attach();
    console->received = on_received;
    console->ops->resume_input(console);
    return console;
}

static size_t drain_host(void)
{
    size_t total = 0;
    int head;
    while ((head = fake_pop(&fake, 1)) >= 0) {
        uint32_t len;
        fake_buffer(&fake, 1, head, 0, &len, NULL);
        total += len;
        fake_use(&fake, 1, (uint32_t)head, 0);
    }
    return total;
}

TEST(console_full_writer_is_called_back)
{
    static char bytes[100000];
    struct console_device *console = start();
    size_t done = console->ops->write(console, bytes, sizeof bytes);
    EXPECT(done > 0 && done < sizeof bytes);
    EXPECT_EQ(console->ops->write(console, bytes, 1), 0);
    EXPECT_EQ(drain_host(), done);
    fake_interrupt(&fake, 1);
    EXPECT_EQ(writable_calls, 1);
    EXPECT_EQ(console->ops->write(console, bytes, 5), 5);
}

TEST(console_input_arrives_and_its_buffer_goes_back)
{
    start();
    for (unsigned i = 0; i < 5; i++)
        REQUIRE(host_types("abc", 3));
    EXPECT_EQ(input_len, 15);
    EXPECT_BYTES(input, "abcabcabcabcabc", 15);
}

TEST(console_keeps_input_until_there_is_a_client)
{
    struct console_device *console = attach();
    EXPECT(host_types("early ", 6));
    EXPECT(host_types("bird", 4));
    EXPECT(!host_types("x", 1)); /* the host has to wait */
    console->received = on_received;
    console->ops->resume_input(console);
    EXPECT_EQ(input_len, 10);
    EXPECT_BYTES(input, "early bird", 10);
    EXPECT(host_types("!", 1));
    EXPECT_BYTES(input, "early bird!", 11);
}

TEST(console_input_waits_for_a_full_client_and_goes_on_where_it_stopped)
{
    struct console_device *console = start();
    input_room = 2;
    EXPECT(host_types("abcd", 4));
    EXPECT(host_types("ef", 2));
    EXPECT(!host_types("x", 1));
    EXPECT_EQ(input_len, 2);
    input_room = 1;
    console->ops->resume_input(console);
    EXPECT_EQ(input_len, 3);
    input_room = 10;
    console->ops->resume_input(console);
    EXPECT_BYTES(input, "abcdef", 6);
    EXPECT(host_types("gh", 2));
    EXPECT_BYTES(input, "abcdefgh", 8);
}

static size_t takes_none_at_first(struct console_device *device, const char *bytes, size_t n)
{
    static unsigned calls;
    if (calls++ % 2)
        return on_received(device, bytes, n);
    device->ops->resume_input(device); /* a reader makes room before the driver has seen that there was none */
    return 0;
}

TEST(console_room_made_while_input_is_refused_is_not_forgotten)
{
    struct console_device *console = start();
    console->received = takes_none_at_first;
    EXPECT(host_types("ab", 2));
    EXPECT_BYTES(input, "ab", 2);
    EXPECT_EQ(input_len, 2);
}

TEST(console_empty_input_is_no_input)
{
    start();
    for (unsigned i = 0; i < 4; i++)
        REQUIRE(host_types("", 0));
    EXPECT_EQ(input_len, 0);
}

TEST(console_broken_queue_swallows_output)
{
    struct console_device *console = start();
    EXPECT_EQ(console->ops->write(console, "x", 1), 1);
    fake_use(&fake, 1, 99, 0);
    fake_interrupt(&fake, 1);
    EXPECT_EQ(console->ops->write(console, "y", 1), 1);
}

/* ---- several ports ---- */

struct control_message {
    uint32_t port;
    uint16_t event, value;
};
static struct control_message heard[8];
static unsigned heard_count;
static uint32_t named_port;

static void say(uint32_t port, uint16_t event)
{
    struct control_message message = {port, event, 1};
    int head = fake_pop(&fake, 2);
    if (head < 0)
        return;
    memcpy(fake_buffer(&fake, 2, head, 0, NULL, NULL), &message, sizeof message);
    fake_use(&fake, 2, (uint32_t)head, sizeof message);
}

static void hear(void)
{
    int head;
    while ((head = fake_pop(&fake, 3)) >= 0 && heard_count < 8) {
        memcpy(&heard[heard_count++], fake_buffer(&fake, 3, head, 0, NULL, NULL), sizeof heard[0]);
        fake_use(&fake, 3, (uint32_t)head, 0);
    }
}

/* As QEMU does: ports are named once the driver is ready. */
static void answer(void)
{
    unsigned before = heard_count;
    hear();
    if (heard_count > before && heard[before].event == 0) {
        say(77, 1); /* one that this driver has no queues for */
        say(0, 7);  /* other words */
        say(named_port, 1);
    }
}

static struct console_device *attach_ports(uint32_t ports, void (*device)(void))
{
    fake_init(&fake, VIRTIO_ID_CONSOLE, VIRTIO_RING_EVENT_INDEX | VIRTIO_FEATURE(VIRTIO_CONSOLE_MULTIPORT), 16);
    memcpy(fake.config + 4, &ports, 4);
    heard_count = 0;
    stub_clock_hook = device;
    int err = virtio_console_attach(&fake.virtio);
    stub_clock_hook = NULL;
    if (err)
        return NULL;
    hear();
    input_len = 0;
    input_room = sizeof input;
    return fake.virtio.driver_data;
}

TEST(console_of_several_ports_is_the_one_the_device_names)
{
    for (named_port = 0; named_port < 2; named_port++) {
        struct console_device *console = attach_ports(2, answer);
        REQUIRE(console);
        EXPECT_EQ(heard_count, 3);
        EXPECT_EQ(heard[0].event, 0);
        EXPECT_EQ(heard[1].event, 3); /* ready */
        EXPECT_EQ(heard[1].port, named_port);
        EXPECT_EQ(heard[2].event, 6); /* open */
        EXPECT_EQ(heard[2].port, named_port);
        EXPECT_EQ(console->ops->write(console, "x", 1), 1);
        EXPECT(fake_pop(&fake, named_port ? 5 : 1) >= 0);
        EXPECT(fake_pop(&fake, named_port ? 1 : 5) < 0);
    }
}

TEST(console_of_a_silent_device_is_port_0)
{
    struct console_device *console = attach_ports(31, NULL);
    REQUIRE(console);
    EXPECT_EQ(console->ops->write(console, "x", 1), 1);
    EXPECT(fake_pop(&fake, 1) >= 0);
}

TEST(console_of_no_ports_is_refused)
{
    EXPECT(!attach_ports(0, NULL));
}
