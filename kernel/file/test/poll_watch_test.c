/* Watches: told once, also when it was ready before; cancelled in time or too late. */
#include <fakes/memory.h>
#include <fakes/sched.h>
#include <file/eventfd.h>
#include <file/poll_watch.h>
#include <test/test.h>

static unsigned calls;
static uint32_t found_bits;

static void ready(struct poll_watch *watch, uint32_t found)
{
    calls++;
    found_bits = found;
}

static struct file *begin(uint64_t value)
{
    struct file *file = NULL;
    calls = 0;
    EXPECT_EQ(eventfd_create(value, 0, &file), 0);
    return file;
}

TEST(poll_watch_tells_once_when_the_file_becomes_ready)
{
    struct file *file = begin(0);
    struct poll_watch watch;
    EXPECT_EQ(poll_watch_start(&watch, file, POLL_IN, ready), 0);
    fake_run_threads();
    EXPECT_EQ(calls, 0);
    eventfd_signal(file);
    eventfd_signal(file);
    fake_run_threads();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(found_bits, POLL_IN);
    EXPECT(!poll_watch_cancel(&watch));
    file_put(file);
}

TEST(poll_watch_tells_what_held_before_it_started)
{
    struct file *file = begin(1);
    struct poll_watch watch;
    EXPECT_EQ(poll_watch_start(&watch, file, POLL_IN, ready), 0);
    fake_run_threads();
    EXPECT_EQ(calls, 1);
    file_put(file);
}

TEST(poll_watch_that_is_cancelled_is_not_told)
{
    struct file *file = begin(0);
    struct poll_watch idle, raised;
    EXPECT_EQ(poll_watch_start(&idle, file, POLL_IN, ready), 0);
    EXPECT_EQ(poll_watch_start(&raised, file, POLL_IN, ready), 0);
    EXPECT(poll_watch_cancel(&idle));
    eventfd_signal(file); /* and before the worker runs: */
    EXPECT(poll_watch_cancel(&raised));
    fake_run_threads();
    EXPECT_EQ(calls, 0);
    file_put(file);
}

TEST(poll_watch_keeps_its_file_open)
{
    size_t before = fake_memory_live_objects();
    struct file *file = begin(0);
    struct poll_watch watch;
    EXPECT_EQ(poll_watch_start(&watch, file, POLL_IN, ready), 0);
    file_put(file);
    EXPECT(poll_watch_cancel(&watch));
    EXPECT_EQ(fake_memory_live_objects(), before);
}
