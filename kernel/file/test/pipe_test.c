/* Pipes and FIFOs: order, blocking, atomic writes, ends that close, sizes. */
#include <file/pipe.h>
#include <file/poll_core.h>
#include "helpers.h"

static char buffer[1 << 20];
static ssize_t result;

TEST(pipe_carries_bytes_in_order_and_ends)
{
    struct file *ends[2];
    REQUIRE(pipe_create(0, ends) == 0);
    char in[8] = "";
    EXPECT_EQ(write_bytes(ends[1], "abc", 3), 3);
    EXPECT_EQ(write_bytes(ends[1], "def", 3), 3);
    EXPECT_EQ(read_bytes(ends[0], in, 4), 4);
    EXPECT_STR(in, "abcd");
    file_put(ends[1]);
    EXPECT_EQ(read_bytes(ends[0], in, 8), 2);
    EXPECT_EQ(read_bytes(ends[0], in, 8), 0);
    EXPECT_EQ(file_poll(ends[0], NULL), POLL_HUP);
    file_put(ends[0]);
}

TEST(pipe_ends_do_one_thing)
{
    struct file *ends[2];
    REQUIRE(pipe_create(O_NONBLOCK, ends) == 0);
    char byte = 0;
    EXPECT_EQ(write_bytes(ends[0], "a", 1), -EBADF);
    EXPECT_EQ(read_bytes(ends[1], &byte, 1), -EBADF);
    EXPECT_EQ(read_bytes(ends[0], &byte, 1), -EAGAIN);
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, &byte, 1);
    EXPECT_EQ(file_read(ends[0], &io, 0), -ESPIPE);
    file_put(ends[0]);
    EXPECT_EQ(write_bytes(ends[1], "a", 1), -EPIPE);
    EXPECT(file_poll(ends[1], NULL) & POLL_ERR);
    file_put(ends[1]);
    EXPECT_EQ(pipe_create(040000, ends), -EINVAL);
}

TEST(nonblocking_write_fills_and_small_ones_stay_whole)
{
    struct file *ends[2];
    REQUIRE(pipe_create(O_NONBLOCK, ends) == 0);
    EXPECT_EQ(write_bytes(ends[1], buffer, 65536 - 100), 65536 - 100);
    EXPECT_EQ(write_bytes(ends[1], buffer, 101), -EAGAIN);
    EXPECT_EQ(write_bytes(ends[1], buffer, 100), 100);
    EXPECT_EQ(write_bytes(ends[1], buffer, 1), -EAGAIN);
    EXPECT(!(file_poll(ends[1], NULL) & POLL_OUT));
    uint32_t waiting = 0;
    EXPECT_EQ(ends[0]->ops->ioctl(ends[0], 0x541b, fake_user(&waiting)), 0);
    EXPECT_EQ(waiting, 65536);
    EXPECT_EQ(read_bytes(ends[0], buffer, 4096), 4096);
    EXPECT(file_poll(ends[1], NULL) & POLL_OUT);
    EXPECT_EQ(write_bytes(ends[1], buffer, 10000), 4096);
    file_put(ends[0]);
    file_put(ends[1]);
}

static void read_all(void *argument)
{
    struct file *file = argument;
    char chunk[1000];
    ssize_t n;
    result = 0;
    while ((n = read_bytes(file, chunk, sizeof chunk)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            EXPECT_EQ((uint8_t)chunk[i], (uint8_t)((result + i) * 7));
        result += n;
    }
    file_put(file);
}

TEST(long_write_waits_for_its_reader)
{
    fake_sched_reset();
    struct file *ends[2];
    REQUIRE(pipe_create(0, ends) == 0);
    for (size_t i = 0; i < sizeof buffer; i++)
        buffer[i] = (char)(i * 7);
    start_thread(read_all, ends[0]);
    EXPECT_EQ(write_bytes(ends[1], buffer, sizeof buffer), sizeof buffer);
    file_put(ends[1]);
    fake_run_threads();
    EXPECT_EQ(result, sizeof buffer);
}

static void read_one(void *argument)
{
    char byte = 0;
    if (read_bytes(argument, &byte, 1) == 1)
        result++;
}

TEST(waiting_readers_get_one_byte_each)
{
    fake_sched_reset();
    struct file *ends[2];
    REQUIRE(pipe_create(0, ends) == 0);
    result = 0;
    for (unsigned i = 0; i < 5; i++)
        start_thread(read_one, ends[0]);
    fake_run_threads();
    EXPECT_EQ(write_bytes(ends[1], "abc", 3), 3);
    fake_run_threads();
    EXPECT_EQ(result, 3);
    EXPECT_EQ(write_bytes(ends[1], "de", 2), 2);
    fake_run_threads();
    EXPECT_EQ(result, 5);
    file_put(ends[0]);
    file_put(ends[1]);
}

TEST(interrupted_read_restarts)
{
    fake_sched_reset();
    struct file *ends[2];
    REQUIRE(pipe_create(0, ends) == 0);
    char byte = 0;
    thread_current()->is_interrupted = true;
    EXPECT_EQ(read_bytes(ends[0], &byte, 1), -ERESTARTSYS);
    thread_current()->is_interrupted = false;
    file_put(ends[0]);
    file_put(ends[1]);
}

TEST(pipe_size_changes_and_keeps_its_bytes)
{
    struct file *ends[2];
    REQUIRE(pipe_create(O_NONBLOCK, ends) == 0);
    EXPECT_EQ(pipe_get_size(ends[0]), 65536);
    EXPECT_EQ(pipe_set_size(ends[0], 5000), 8192);
    memset(buffer, 'x', 9000);
    EXPECT_EQ(write_bytes(ends[1], buffer, 9000), 8192);
    EXPECT_EQ(pipe_set_size(ends[0], 4096), -EBUSY);
    EXPECT_EQ(pipe_set_size(ends[0], 1 << 20), 1 << 20);
    EXPECT_EQ(pipe_set_size(ends[0], (1 << 20) + 1), -EPERM);
    EXPECT_EQ(read_bytes(ends[0], buffer, 20000), 8192);
    EXPECT_EQ(buffer[8191], 'x');
    file_put(ends[0]);
    file_put(ends[1]);
}

TEST(faults_in_program_memory_are_told)
{
    struct file *ends[2];
    REQUIRE(pipe_create(O_NONBLOCK, ends) == 0);
    struct io_segment segment;
    struct io_vector io;
    io_vector_user(&io, &segment, user_pointer(0x1000), 10);
    EXPECT_EQ(file_write(ends[1], &io, -1), -EFAULT);
    EXPECT_EQ(write_bytes(ends[1], "abc", 3), 3);
    io_vector_user(&io, &segment, user_pointer(0x1000), 10);
    EXPECT_EQ(file_read(ends[0], &io, -1), -EFAULT);
    char in[4] = "";
    EXPECT_EQ(read_bytes(ends[0], in, 3), 3);
    EXPECT_STR(in, "abc");
    file_put(ends[0]);
    file_put(ends[1]);
}

static ssize_t take_some(void *argument, const void *bytes, size_t n)
{
    size_t took = n < 3 ? n : 3;
    memcpy(argument, bytes, took);
    return (ssize_t)took;
}

static ssize_t give_some(void *argument, void *to, size_t n)
{
    unsigned *left = argument;
    if (!*left)
        return -EIO;
    memset(to, 'g', n);
    return --*left ? (ssize_t)n : 5;
}

TEST(tee_copies_and_splice_moves)
{
    struct file *a[2], *b[2];
    REQUIRE(pipe_create(O_NONBLOCK, a) == 0 && pipe_create(O_NONBLOCK, b) == 0);
    EXPECT_EQ(pipe_transfer(a[0], b[1], 10, false, true), -EAGAIN);
    EXPECT_EQ(pipe_transfer(a[0], a[1], 10, false, true), -EINVAL);
    write_bytes(a[1], "hello", 5);
    EXPECT_EQ(pipe_transfer(a[0], b[1], 3, false, true), 3);
    EXPECT_EQ(pipe_transfer(a[0], b[1], 4, true, true), 4);
    char in[8] = "";
    EXPECT_EQ(read_bytes(b[0], in, 8), 7);
    EXPECT_STR(in, "helhell");
    EXPECT_EQ(pipe_consume(a[0], 10, true, take_some, in), 1);
    EXPECT_EQ(in[0], 'o');
    unsigned left = 3;
    EXPECT_EQ(pipe_produce(a[1], 20000, true, give_some, &left), 8192 + 5);
    EXPECT_EQ(pipe_produce(a[1], 20000, true, give_some, &left), -EIO);
    EXPECT_EQ(pipe_transfer(a[0], b[1], 20000, true, true), 8192 + 5);
    file_put(b[0]);
    EXPECT_EQ(pipe_transfer(a[0], b[1], 1, true, true), -EPIPE);
    file_put(a[1]);
    EXPECT_EQ(pipe_consume(a[0], 10, true, take_some, in), 0);
    file_put(a[0]);
    file_put(b[1]);
}

static const struct file_ops no_ops = {.name = "node"};
static void *fifo;

static void open_writer(void *argument)
{
    struct file *file = file_create(&no_ops, 1, NULL);
    EXPECT_EQ(pipe_fifo_open(&fifo, file), 0);
    EXPECT_EQ(write_bytes(file, "hi", 2), 2);
    file_put(file);
}

TEST(fifo_open_waits_for_the_other_side)
{
    fake_sched_reset();
    fifo = NULL;
    struct file *hasty = file_create(&no_ops, 1 | O_NONBLOCK, NULL);
    EXPECT_EQ(pipe_fifo_open(&fifo, hasty), -ENXIO);
    file_put(hasty);
    start_thread(open_writer, NULL);
    struct file *file = file_create(&no_ops, 0, NULL);
    EXPECT_EQ(pipe_fifo_open(&fifo, file), 0);
    char in[4] = "";
    EXPECT_EQ(read_bytes(file, in, 4), 2);
    EXPECT_STR(in, "hi");
    EXPECT_EQ(read_bytes(file, in, 4), 0);
    file_put(file);
    thread_current()->is_interrupted = true;
    file = file_create(&no_ops, 0, NULL);
    EXPECT_EQ(pipe_fifo_open(&fifo, file), -ERESTARTSYS);
    EXPECT(file->ops == &no_ops);
    file_put(file);
    thread_current()->is_interrupted = false;
    pipe_fifo_free(fifo);
}

TEST(pipe_creation_fails_cleanly_and_leaks_nothing)
{
    struct file *ends[2];
    REQUIRE(pipe_create(0, ends) == 0); /* fills the free list of files */
    file_put(ends[0]);
    file_put(ends[1]);
    size_t objects = fake_memory_live_objects(), pages = fake_memory_live_pages();
    for (unsigned n = 1; fake_memory_fail_nth(n), pipe_create(0, ends) == -ENOMEM; n++)
        EXPECT_EQ(fake_memory_live_objects(), objects);
    fake_memory_fail_nth(0);
    write_bytes(ends[1], buffer, 9000);
    file_put(ends[0]);
    file_put(ends[1]);
    EXPECT_EQ(fake_memory_live_objects(), objects);
    EXPECT_EQ(fake_memory_live_pages(), pages);
}
