/* eventfd, timerfd and poll over them. */
#include <file/eventfd.h>
#include <file/poll_core.h>
#include <file/timerfd.h>
#include "helpers.h"

static uint64_t take(struct file *file)
{
    uint64_t value = 0;
    ssize_t n = read_bytes(file, &value, sizeof value);
    return n == sizeof value ? value : (uint64_t)n;
}

static ssize_t add(struct file *file, uint64_t value)
{
    return write_bytes(file, &value, sizeof value);
}

TEST(eventfd_counts_and_resets)
{
    struct file *file;
    REQUIRE(eventfd_create(3, O_NONBLOCK, &file) == 0);
    EXPECT_EQ(add(file, 4), 8);
    EXPECT_EQ(take(file), 7);
    EXPECT_EQ(take(file), -EAGAIN);
    EXPECT_EQ(file_poll(file, NULL), POLL_OUT | POLL_WRNORM);
    EXPECT_EQ(add(file, UINT64_MAX), -EINVAL);
    EXPECT_EQ(add(file, UINT64_MAX - 1), 8);
    EXPECT_EQ(add(file, 1), -EAGAIN);
    EXPECT_EQ(file_poll(file, NULL), POLL_IN | POLL_RDNORM);
    EXPECT_EQ(read_bytes(file, NULL, 7), -EINVAL);
    file_put(file);
}

TEST(eventfd_semaphore_gives_ones)
{
    struct file *file;
    REQUIRE(eventfd_create(2, O_NONBLOCK | EVENTFD_SEMAPHORE, &file) == 0);
    EXPECT_EQ(take(file), 1);
    EXPECT_EQ(take(file), 1);
    EXPECT_EQ(take(file), -EAGAIN);
    file_put(file);
}

static void add_two(void *argument)
{
    add(argument, 2);
}

TEST(eventfd_read_waits)
{
    fake_sched_reset();
    struct file *file;
    REQUIRE(eventfd_create(0, 0, &file) == 0);
    start_thread(add_two, file);
    EXPECT_EQ(take(file), 2);
    file_put(file);
}

TEST(poll_waits_for_any_of_many_and_times_out)
{
    fake_sched_reset();
    enum { COUNT = 200 };
    struct poll_entry entries[COUNT];
    for (unsigned i = 0; i < COUNT; i++) {
        entries[i] = (struct poll_entry){.wanted = POLL_IN};
        REQUIRE(eventfd_create(0, 0, &entries[i].file) == 0);
    }
    uint64_t start = clock_monotonic_ns();
    EXPECT_EQ(poll_files(entries, COUNT, 0), 0);
    EXPECT_EQ(clock_monotonic_ns(), start);
    EXPECT_EQ(poll_files(entries, COUNT, start + 1000), 0);
    EXPECT_EQ(clock_monotonic_ns(), start + 1000);
    start_thread(add_two, entries[150].file);
    EXPECT_EQ(poll_files(entries, COUNT, UINT64_MAX), 1);
    EXPECT_EQ(entries[150].found, POLL_IN);
    EXPECT_EQ(entries[149].found, 0);
    take(entries[150].file);
    thread_current()->is_interrupted = true;
    EXPECT_EQ(poll_files(entries, COUNT, UINT64_MAX), -ERESTARTSYS);
    thread_current()->is_interrupted = false;
    fake_memory_fail_nth(1);
    EXPECT_EQ(poll_files(entries, COUNT, UINT64_MAX), -ENOMEM);
    fake_memory_fail_nth(0);
    for (unsigned i = 0; i < COUNT; i++)
        file_put(entries[i].file);
}

TEST(timerfd_fires_once)
{
    fake_sched_reset();
    struct file *file;
    REQUIRE(timerfd_create(1, O_NONBLOCK, &file) == 0);
    struct timerfd_setting setting = {.value_ns = 500}, now;
    EXPECT_EQ(timerfd_set(file, 0, &setting, NULL), 0);
    EXPECT_EQ(take(file), -EAGAIN);
    fake_time_advance(200);
    EXPECT_EQ(timerfd_get(file, &now), 0);
    EXPECT_EQ(now.value_ns, 300);
    EXPECT_EQ(file_poll(file, NULL), 0);
    fake_time_advance(300);
    EXPECT_EQ(file_poll(file, NULL), POLL_IN | POLL_RDNORM);
    EXPECT_EQ(take(file), 1);
    EXPECT_EQ(take(file), -EAGAIN);
    EXPECT_EQ(timerfd_get(file, &now), 0);
    EXPECT_EQ(now.value_ns, 0);
    file_put(file);
}

TEST(timerfd_counts_missed_intervals)
{
    fake_sched_reset();
    struct file *file;
    REQUIRE(timerfd_create(7, O_NONBLOCK, &file) == 0);
    struct timerfd_setting setting = {.value_ns = 100, .interval_ns = 10}, old;
    EXPECT_EQ(timerfd_set(file, 0, &setting, NULL), 0);
    fake_time_advance(155);
    EXPECT_EQ(take(file), 6);
    fake_time_advance(5);
    EXPECT_EQ(take(file), 1);
    setting = (struct timerfd_setting){0};
    EXPECT_EQ(timerfd_set(file, 0, &setting, &old), 0);
    EXPECT_EQ(old.interval_ns, 10);
    EXPECT_EQ(old.value_ns, 10);
    fake_time_advance(1000);
    EXPECT_EQ(take(file), -EAGAIN);
    EXPECT_EQ(fake_timer_next(), UINT64_MAX);
    file_put(file);
}

TEST(timerfd_takes_realtime_moments_and_blocks)
{
    fake_sched_reset();
    struct file *file, *event;
    REQUIRE(timerfd_create(0, 0, &file) == 0);
    uint64_t start = clock_monotonic_ns();
    struct timerfd_setting setting = {.value_ns = start + (uint64_t)clock_realtime_offset_ns() + 5000};
    EXPECT_EQ(timerfd_set(file, TIMERFD_ABSOLUTE | TIMERFD_CANCEL_ON_SET, &setting, NULL), 0);
    EXPECT_EQ(take(file), 1);
    EXPECT_EQ(clock_monotonic_ns() - start, 5000);
    EXPECT_EQ(timerfd_set(file, 8, &setting, NULL), -EINVAL);
    REQUIRE(eventfd_create(0, 0, &event) == 0);
    EXPECT_EQ(timerfd_get(event, &setting), -EINVAL);
    EXPECT_EQ(timerfd_create(5, 0, &file), -EINVAL);
    file_put(event);
    file_put(file);
}
