/* epoll: level, edge, one shot, nesting, and entries that go with their files. */
#include <file/epoll.h>
#include <file/eventfd.h>
#include <file/pipe.h>
#include "helpers.h"

static struct epoll_event events[16];
static struct file *ep;

static void fresh(void)
{
    fake_sched_reset();
    memset(events, 0, sizeof events);
    epoll_create_file(&ep);
}

static struct file *event_of(uint64_t value)
{
    struct file *file = NULL;
    eventfd_create(value, O_NONBLOCK, &file);
    return file;
}

static int control(int operation, int fd, struct file *file, uint32_t wanted)
{
    struct epoll_event event = {wanted, (uint64_t)fd * 10};
    return epoll_control(ep, operation, fd, file, &event);
}

static int wait_now(void)
{
    return epoll_wait_events(ep, fake_user(events), 16, 0);
}

static void add(struct file *file, uint64_t value)
{
    write_bytes(file, &value, 8);
}

static void drain(struct file *file)
{
    uint64_t value = 0;
    read_bytes(file, &value, 8);
}

TEST(epoll_level_reports_while_it_holds)
{
    fresh();
    struct file *file = event_of(0);
    EXPECT_EQ(control(EPOLL_ADD, 5, file, POLL_IN), 0);
    EXPECT_EQ(wait_now(), 0);
    add(file, 1);
    EXPECT_EQ(wait_now(), 1);
    EXPECT_EQ(events[0].events, POLL_IN);
    EXPECT_EQ(events[0].data, 50);
    EXPECT_EQ(wait_now(), 1);
    drain(file);
    EXPECT_EQ(wait_now(), 0);
    EXPECT_EQ(control(EPOLL_MODIFY, 5, file, POLL_OUT), 0);
    EXPECT_EQ(wait_now(), 1);
    EXPECT_EQ(events[0].events, POLL_OUT);
    EXPECT_EQ(control(EPOLL_DELETE, 5, file, 0), 0);
    EXPECT_EQ(wait_now(), 0);
    file_put(file);
    file_put(ep);
}

TEST(epoll_edge_reports_once_each_change)
{
    fresh();
    struct file *file = event_of(1);
    EXPECT_EQ(control(EPOLL_ADD, 5, file, POLL_IN | EPOLL_EDGE_TRIGGERED), 0);
    EXPECT_EQ(wait_now(), 1);
    EXPECT_EQ(wait_now(), 0);
    add(file, 1);
    EXPECT_EQ(wait_now(), 1);
    EXPECT_EQ(wait_now(), 0);
    file_put(file);
    file_put(ep);
}

TEST(epoll_one_shot_waits_to_be_armed_again)
{
    fresh();
    struct file *file = event_of(1);
    EXPECT_EQ(control(EPOLL_ADD, 5, file, POLL_IN | EPOLL_ONE_SHOT), 0);
    EXPECT_EQ(wait_now(), 1);
    add(file, 1);
    EXPECT_EQ(wait_now(), 0);
    EXPECT_EQ(control(EPOLL_MODIFY, 5, file, POLL_IN | EPOLL_ONE_SHOT), 0);
    EXPECT_EQ(wait_now(), 1);
    EXPECT_EQ(wait_now(), 0);
    file_put(file);
    file_put(ep);
}

static const struct file_ops plain_ops = {.name = "plain"};

TEST(epoll_control_errors_are_linux_s)
{
    fresh();
    struct file *file = event_of(0), *plain = file_create(&plain_ops, 2, NULL);
    EXPECT_EQ(control(EPOLL_ADD, 5, plain, POLL_IN), -EPERM);
    EXPECT_EQ(control(EPOLL_ADD, 5, ep, POLL_IN), -EINVAL);
    EXPECT_EQ(control(EPOLL_MODIFY, 5, file, POLL_IN), -ENOENT);
    EXPECT_EQ(control(EPOLL_DELETE, 5, file, POLL_IN), -ENOENT);
    EXPECT_EQ(control(EPOLL_ADD, 5, file, POLL_IN), 0);
    EXPECT_EQ(control(EPOLL_ADD, 5, file, POLL_IN), -EEXIST);
    EXPECT_EQ(control(EPOLL_ADD, 6, file, POLL_IN), 0);
    EXPECT_EQ(control(9, 5, file, POLL_IN), -EINVAL);
    EXPECT_EQ(control(EPOLL_ADD, 7, file, POLL_IN | POLL_PRI | EPOLL_EXCLUSIVE), -EINVAL);
    EXPECT_EQ(control(EPOLL_ADD, 7, file, POLL_IN | EPOLL_EXCLUSIVE), 0);
    EXPECT_EQ(control(EPOLL_MODIFY, 7, file, POLL_IN), -EINVAL);
    EXPECT_EQ(epoll_wait_events(ep, fake_user(events), 0, 0), -EINVAL);
    EXPECT_EQ(epoll_wait_events(file, fake_user(events), 1, 0), -EINVAL);
    file_put(plain);
    file_put(file);
    file_put(ep);
}

TEST(epoll_entries_go_with_their_file)
{
    fresh();
    size_t before = fake_memory_live_objects();
    struct file *ends[2];
    REQUIRE(pipe_create(0, ends) == 0);
    EXPECT_EQ(control(EPOLL_ADD, 5, ends[0], POLL_IN), 0);
    EXPECT_EQ(control(EPOLL_ADD, 6, ends[0], POLL_IN | POLL_RDHUP), 0);
    EXPECT_EQ(control(EPOLL_ADD, 7, ends[1], POLL_OUT), 0);
    EXPECT_EQ(wait_now(), 1);
    write_bytes(ends[1], "a", 1);
    file_put(ends[0]);
    EXPECT_EQ(wait_now(), 1);
    EXPECT_EQ(events[0].events, POLL_OUT | POLL_ERR);
    file_put(ends[1]);
    EXPECT_EQ(wait_now(), 0);
    EXPECT(fake_memory_live_objects() <= before + 2); /* two struct files, kept */
    file_put(ep);
}

TEST(epoll_that_goes_first_leaves_its_files)
{
    fresh();
    struct file *file = event_of(1);
    EXPECT_EQ(control(EPOLL_ADD, 5, file, POLL_IN), 0);
    file_put(ep);
    add(file, 1);
    file_put(file);
}

static void add_later(void *argument)
{
    sleep_until(clock_monotonic_ns() + 1000, WAIT_UNINTERRUPTIBLE);
    add(argument, 1);
}

TEST(epoll_wait_sleeps_times_out_and_is_interrupted)
{
    fresh();
    struct file *file = event_of(0);
    EXPECT_EQ(control(EPOLL_ADD, 5, file, POLL_IN), 0);
    uint64_t start = clock_monotonic_ns();
    EXPECT_EQ(epoll_wait_events(ep, fake_user(events), 16, start + 500), 0);
    EXPECT_EQ(clock_monotonic_ns() - start, 500);
    start_thread(add_later, file);
    EXPECT_EQ(epoll_wait_events(ep, fake_user(events), 16, UINT64_MAX), 1);
    EXPECT_EQ(clock_monotonic_ns() - start, 1500);
    drain(file);
    thread_current()->is_interrupted = true;
    EXPECT_EQ(epoll_wait_events(ep, fake_user(events), 16, UINT64_MAX), -EINTR);
    thread_current()->is_interrupted = false;
    add(file, 1);
    EXPECT_EQ(epoll_wait_events(ep, user_pointer(0x1000), 16, UINT64_MAX), -EFAULT);
    EXPECT_EQ(wait_now(), 1);
    file_put(file);
    file_put(ep);
}

static unsigned woken;
static void wait_one(void *argument)
{
    struct epoll_event event;
    struct file *own = argument;
    if (epoll_wait_events(own, fake_user(&event), 1, UINT64_MAX) == 1)
        woken++;
}

TEST(epoll_edge_wakes_one_of_many_waiters)
{
    fresh();
    struct file *file = event_of(0);
    control(EPOLL_ADD, 5, file, POLL_IN | EPOLL_EDGE_TRIGGERED);
    woken = 0;
    for (unsigned i = 0; i < 4; i++)
        start_thread(wait_one, ep);
    fake_run_threads();
    add(file, 1);
    fake_run_threads();
    EXPECT_EQ(woken, 1);
    for (unsigned i = 0; i < 3; i++) {
        add(file, 1);
        fake_run_threads();
    }
    EXPECT_EQ(woken, 4);
    file_put(file);
    file_put(ep);
}

TEST(epoll_exclusive_wakes_one_epoll)
{
    fresh();
    struct file *file = event_of(0), *other;
    epoll_create_file(&other);
    struct epoll_event event = {POLL_IN | EPOLL_EXCLUSIVE, 0};
    EXPECT_EQ(epoll_control(ep, EPOLL_ADD, 5, file, &event), 0);
    EXPECT_EQ(epoll_control(other, EPOLL_ADD, 5, file, &event), 0);
    woken = 0;
    start_thread(wait_one, ep);
    start_thread(wait_one, other);
    fake_run_threads();
    add(file, 1);
    fake_run_threads();
    EXPECT_EQ(woken, 1);
    add(file, 1);
    fake_run_threads();
    EXPECT_EQ(woken, 2);
    file_put(file);
    file_put(ep);
    file_put(other);
}

TEST(epoll_nests_five_deep_and_refuses_loops)
{
    fresh();
    struct file *chain[7];
    struct epoll_event event = {POLL_IN, 0};
    for (unsigned i = 0; i < 7; i++)
        epoll_create_file(&chain[i]);
    for (unsigned i = 0; i < 4; i++)
        EXPECT_EQ(epoll_control(chain[i], EPOLL_ADD, 5, chain[i + 1], &event), 0);
    EXPECT_EQ(epoll_control(chain[4], EPOLL_ADD, 5, chain[5], &event), -ELOOP);
    EXPECT_EQ(epoll_control(chain[6], EPOLL_ADD, 5, chain[0], &event), -ELOOP);
    EXPECT_EQ(epoll_control(chain[2], EPOLL_ADD, 5, chain[0], &event), -ELOOP);
    EXPECT_EQ(epoll_control(chain[0], EPOLL_ADD, 5, chain[1], &event), -EEXIST);
    struct file *file = event_of(0);
    EXPECT_EQ(epoll_control(chain[4], EPOLL_ADD, 5, file, &event), 0);
    EXPECT_EQ(epoll_wait_events(chain[0], fake_user(events), 16, 0), 0);
    add(file, 1);
    EXPECT_EQ(epoll_wait_events(chain[0], fake_user(events), 16, 0), 1);
    EXPECT_EQ(epoll_wait_events(chain[0], fake_user(events), 16, 0), 1);
    drain(file);
    EXPECT_EQ(epoll_wait_events(chain[0], fake_user(events), 16, 0), 0);
    for (unsigned i = 0; i < 7; i++)
        file_put(chain[i]);
    file_put(file);
    file_put(ep);
}

TEST(epoll_add_fails_cleanly)
{
    fresh();
    struct file *ends[2];
    int err;
    REQUIRE(pipe_create(0, ends) == 0);
    size_t before = fake_memory_live_objects();
    for (unsigned n = 1; fake_memory_fail_nth(n), (err = control(EPOLL_ADD, 5, ends[0], POLL_IN)) == -ENOMEM; n++)
        EXPECT_EQ(fake_memory_live_objects(), before);
    fake_memory_fail_nth(0);
    EXPECT_EQ(err, 0);
    file_put(ends[0]);
    EXPECT_EQ(fake_memory_live_objects(), before);
    file_put(ends[1]);
    file_put(ep);
}
