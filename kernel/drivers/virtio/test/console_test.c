#include <base/string.h>
#include <device/console.h>
#include <test/test.h>
#include "fake_device.h"

/* The console's device is found through the registration, which stubs.c ignores: written once through the first member. */
static struct fake_device fake;
static unsigned writable_calls;
static char input[64];
static size_t input_len;

static void on_writable(struct console_device *device)
{
    writable_calls++;
}

static void on_received(struct console_device *device, const char *bytes, size_t n)
{
    memcpy(input + input_len, bytes, n);
    input_len += n;
}

static struct console_device *start(void)
{
    fake_init(&fake, VIRTIO_ID_CONSOLE, VIRTIO_RING_EVENT_INDEX, 16);
    virtio_console_attach(&fake.virtio);
    struct console_device *console = fake.virtio.driver_data;
    console->writable = on_writable;
    console->received = on_received;
    writable_calls = 0;
    input_len = 0;
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
    for (unsigned i = 0; i < 5; i++) {
        int head = fake_pop(&fake, 0);
        REQUIRE(head >= 0);
        memcpy(fake_buffer(&fake, 0, head, 0, NULL, NULL), "abc", 3);
        fake_use(&fake, 0, (uint32_t)head, 3);
        fake_interrupt(&fake, 0);
    }
    EXPECT_EQ(input_len, 15);
    EXPECT_BYTES(input, "abcabcabcabcabc", 15);
}

TEST(console_broken_queue_swallows_output)
{
    struct console_device *console = start();
    EXPECT_EQ(console->ops->write(console, "x", 1), 1);
    fake_use(&fake, 1, 99, 0);
    fake_interrupt(&fake, 1);
    EXPECT_EQ(console->ops->write(console, "y", 1), 1);
}
