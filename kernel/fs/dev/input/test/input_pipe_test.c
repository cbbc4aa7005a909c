/* A console that holds back what its client does not take, as the drivers do. */
#include <device/console.h>
#include <fakes/memory.h>
#include <file/pipe.h>
#include <fakes/sched.h>
#include <input_pipe/input_pipe.h>
#include <string.h>
#include <test/test.h>

static char host[100000];
static size_t host_len, host_done;
static unsigned refusals;

static void resume_input(struct console_device *device)
{
    while (host_done < host_len) {
        size_t n = host_len - host_done < 2048 ? host_len - host_done : 2048;
        size_t taken = device->received(device, host + host_done, n);
        host_done += taken;
        refusals += taken < n;
        if (taken < n)
            break;
    }
}

static const struct console_device_ops ops = {.resume_input = resume_input};
static struct console_device device;
static struct input_pipe *input, *all[8]; /* each lives as long as the machine */
static unsigned count;
static struct file *reader;

static bool start(size_t len)
{
    fake_sched_reset();
    device = (struct console_device){.ops = &ops, .name = "fake"};
    for (size_t i = 0; i < sizeof host; i++)
        host[i] = (char)(i * 7 + i / 251);
    host_len = len;
    host_done = refusals = 0;
    bool is_made = !input_pipe_create(&device, &input, &reader);
    all[count++ % 8] = input;
    return is_made;
}

static ssize_t read_some(char *to, size_t n)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, to, n);
    return file_read(reader, &io, -1);
}

TEST(input_passes_unchanged_at_the_readers_pace)
{
    static char got[sizeof host];
    REQUIRE(start(sizeof host));
    fake_run_threads();
    EXPECT(host_done < sizeof host); /* the pipe and the ring are full, the host keeps the rest */
    EXPECT(refusals > 0);
    size_t done = 0;
    while (done < sizeof got) {
        ssize_t n = read_some(got + done, 777);
        REQUIRE(n > 0);
        done += (size_t)n;
    }
    EXPECT_BYTES(got, host, sizeof got);
    input_pipe_end(input, sizeof host);
    EXPECT_EQ(read_some(got, 1), 0);
    EXPECT_EQ(read_some(got, 1), 0);
    file_put(reader);
}

TEST(input_ends_only_after_the_bytes_that_were_promised)
{
    char byte;
    REQUIRE(start(3));
    input_pipe_end(input, 5); /* told before the last two came */
    for (unsigned i = 0; i < 3; i++)
        EXPECT_EQ(read_some(&byte, 1), 1);
    fake_run_threads();
    host_len = 5;
    resume_input(&device);
    EXPECT_EQ(read_some(&byte, 1), 1);
    EXPECT_EQ(read_some(&byte, 1), 1);
    EXPECT_EQ(byte, host[4]);
    EXPECT_EQ(read_some(&byte, 1), 0);
    file_put(reader);
}

TEST(input_of_no_bytes_is_an_end)
{
    char byte;
    REQUIRE(start(0));
    input_pipe_end(input, 0);
    EXPECT_EQ(read_some(&byte, 1), 0);
    file_put(reader);
}

TEST(input_nobody_reads_stays_with_the_host)
{
    REQUIRE(start(sizeof host));
    file_put(reader);
    fake_run_threads();
    EXPECT(host_done < sizeof host);
}
