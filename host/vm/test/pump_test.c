#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <test/test.h>
#include <unistd.h>
#include "../pump.h"

static int in[2], out[2];

static struct pump start(void)
{
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, in) || pipe(out))
        test_fail(__FILE__, __LINE__, "no descriptors");
    return (struct pump){.from = in[0], .to = out[1], .copy_to = -1};
}

static void finish(void)
{
    const int fds[] = {in[0], in[1], out[0], out[1]};
    for (size_t i = 0; i < 4; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

TEST(pump_reads_only_when_it_is_empty)
{
    struct pump pump = start();
    char got[8] = "";
    EXPECT_EQ(pump_poll_from(&pump).fd, in[0]);
    EXPECT_EQ(pump_poll_to(&pump).fd, -1);
    EXPECT_EQ(write(in[1], "abc", 3), 3);
    pump_read(&pump);
    EXPECT_EQ(pump_poll_from(&pump).fd, -1);
    EXPECT_EQ(pump_poll_to(&pump).fd, out[1]);
    pump_write(&pump);
    EXPECT(pump_is_empty(&pump));
    EXPECT_EQ(read(out[0], got, 8), 3);
    EXPECT_STR(got, "abc");
    EXPECT_EQ(pump.total, 3);
    finish();
}

TEST(pump_of_a_reader_that_is_gone_drops_and_goes_on)
{
    struct pump pump = start();
    close(out[0]);
    out[0] = -1;
    EXPECT_EQ(write(in[1], "abc", 3), 3);
    pump_read(&pump);
    signal(SIGPIPE, SIG_IGN);
    pump_write(&pump);
    EXPECT(pump.is_refused);
    EXPECT_EQ(write(in[1], "abc", 3), 3);
    pump_read(&pump);
    EXPECT(pump_is_empty(&pump));
    EXPECT_EQ(pump.total, 6);
    finish();
}

TEST(pump_sees_the_end)
{
    struct pump pump = start();
    close(in[1]);
    in[1] = -1;
    pump_read(&pump);
    EXPECT(pump.is_ended);
    EXPECT_EQ(pump_poll_from(&pump).fd, -1);
    finish();
}

TEST(pump_into_a_full_socket_does_not_wait)
{
    struct pump pump = start();
    pump.to = in[1];
    pump.len = sizeof pump.bytes;
    for (unsigned i = 0; i < 1000 && pump.len; i++) {
        pump_write(&pump);
        if (!pump.len) {
            pump.start = 0;
            pump.len = sizeof pump.bytes;
        }
        if (pump.len < sizeof pump.bytes)
            break; /* full */
    }
    size_t left = pump.len;
    pump_write(&pump);
    EXPECT_EQ(pump.len, left);
    EXPECT(!pump.is_refused);
    finish();
}
