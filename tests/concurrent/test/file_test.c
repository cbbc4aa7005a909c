/* Descriptors looked up while they are closed, pipes with many ends, epoll against files and epolls that go. */
#include <string.h>
#include <arch/cpu.h>
#include <fakes/memory.h>
#include <fakes/user.h>
#include <file/descriptors.h>
#include <file/epoll.h>
#include <file/eventfd.h>
#include <file/pipe.h>
#include <file/poll.h>
#include <host/host.h>
#include <mm/address_space.h>
#include <test/test.h>

/* No thread of these tests has an address space. */
void address_space_activate(struct address_space *space)
{
}

static struct wait_queue finished_queue;
static uint32_t running_helpers, must_stop;

static void helper_ends(void)
{
    if (atomic_fetch_sub(&running_helpers, 1u) == 1)
        wake_up_all(&finished_queue, 0);
}

static void start(void (*entry)(void *), void *argument)
{
    struct thread *thread = thread_create("helper", entry, argument);
    atomic_fetch_add(&running_helpers, 1u);
    thread_start(thread);
    thread_put(thread);
}

static void wait_for_helpers(void)
{
    wait_event(&finished_queue, load_acquire(&running_helpers) == 0, WAIT_UNINTERRUPTIBLE, UINT64_MAX);
}

static void prepare(void)
{
    wait_queue_init(&finished_queue);
    running_helpers = must_stop = 0;
}

static ssize_t read_bytes(struct file *file, void *to, size_t n)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, to, n);
    return file_read(file, &io, -1);
}

static ssize_t write_bytes(struct file *file, const void *from, size_t n)
{
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, from, n);
    return file_write(file, &io, -1);
}

/* ---- descriptors ---- */

enum { SLOTS = 4, ROUNDS = 4000 };
static struct descriptor_table *table;
static uint32_t wrong;

/* A file's data is the descriptor it was opened for: a look-up must never see another one's. */
static void release(struct file *file)
{
    file->data = (void *)(uintptr_t)99;
}

static const struct file_ops ops = {.release = release, .name = "test"};

static void look_up(void *unused)
{
    while (!load_acquire(&must_stop)) {
        for (int fd = 0; fd < SLOTS; fd++) {
            struct file *file = descriptor_file(table, fd);
            if (!file)
                continue;
            if (file->data != (void *)(uintptr_t)fd)
                atomic_fetch_add(&wrong, 1u);
            file_put(file);
        }
        sched_safe_point();
    }
    helper_ends();
}

static void replace(void *argument)
{
    uintptr_t fd = (uintptr_t)argument;
    for (unsigned i = 0; i < ROUNDS; i++) {
        descriptor_replace(table, (int)fd, file_create(&ops, 2, (void *)fd), false);
        if (i % 3 == 0)
            descriptor_close(table, (int)fd);
        sched_safe_point();
    }
    if (fd == 0)
        for (int high = 0; high < 5; high++) /* the directory grows under the look-ups */
            descriptor_replace(table, 1000 << high, file_create(&ops, 2, NULL), false);
    helper_ends();
}

static void race_on_descriptors(void *unused)
{
    prepare();
    wrong = 0;
    table = descriptor_table_create();
    descriptor_table_set_limit(table, 1 << 20);
    for (unsigned i = 0; i < 3; i++)
        start(look_up, NULL);
    for (uintptr_t fd = 0; fd < SLOTS; fd++)
        start(replace, (void *)fd);
    while (load_acquire(&running_helpers) > 3)
        sleep_until(clock_monotonic_ns() + 1000000, WAIT_UNINTERRUPTIBLE);
    store_release(&must_stop, 1u);
    wait_for_helpers();
    EXPECT_EQ(wrong, 0);
    descriptor_table_put(table);
}

TEST(look_ups_never_see_another_descriptor_s_file)
{
    host_run(race_on_descriptors, NULL);
}

/* ---- pipes ---- */

enum { WRITERS = 4, MESSAGES = 1500, MESSAGE = 61 };
static struct file *ends[2];
static uint32_t received;

static void write_messages(void *argument)
{
    char message[MESSAGE];
    memset(message, (int)(uintptr_t)argument, sizeof message);
    for (unsigned i = 0; i < MESSAGES; i++)
        if (write_bytes(ends[1], message, sizeof message) != MESSAGE)
            atomic_fetch_add(&wrong, 1u);
    helper_ends();
}

static void read_messages(void *unused)
{
    char message[MESSAGE];
    ssize_t n;
    while ((n = read_bytes(ends[0], message, sizeof message)) > 0) {
        for (unsigned i = 1; i < MESSAGE; i++)
            if (n != MESSAGE || message[i] != message[0])
                atomic_fetch_add(&wrong, 1u);
        atomic_fetch_add(&received, 1u);
    }
    helper_ends();
}

static void storm_a_pipe(void *unused)
{
    prepare();
    wrong = received = 0;
    pipe_create(0, ends);
    pipe_set_size(ends[0], 4096); /* 67 messages: both sides have to wait */
    for (uintptr_t i = 0; i < WRITERS; i++) {
        start(write_messages, (void *)i);
        start(read_messages, NULL);
    }
    while (load_acquire(&running_helpers) > WRITERS)
        sleep_until(clock_monotonic_ns() + 1000000, WAIT_UNINTERRUPTIBLE);
    file_put(ends[1]);
    wait_for_helpers();
    EXPECT_EQ(received, WRITERS * MESSAGES);
    EXPECT_EQ(wrong, 0);
    file_put(ends[0]);
}

TEST(small_messages_stay_whole_and_none_is_lost)
{
    host_run(storm_a_pipe, NULL);
}

/* ---- epoll ---- */

enum { EVENTS = 6, SIGNALS = 2000 };
static struct file *epoll, *events[EVENTS];
static uint64_t taken;

static void signal_events(void *argument)
{
    uint64_t one = 1;
    for (unsigned i = 0; i < SIGNALS; i++) {
        write_bytes(argument, &one, sizeof one);
        sched_safe_point();
    }
    helper_ends();
}

/* Edge-triggered, so that a lost event would never be made up for. */
static void take_events(void *unused)
{
    struct epoll_event ready[4];
    while (load_acquire(&taken) < EVENTS * SIGNALS) {
        int n = epoll_wait_events(epoll, fake_user(ready), 4, clock_monotonic_ns() + 20000000);
        for (int i = 0; i < n; i++) {
            uint64_t count = 0;
            if (read_bytes(events[ready[i].data], &count, sizeof count) == sizeof count)
                atomic_fetch_add(&taken, count);
        }
    }
    helper_ends();
}

static void storm_an_epoll(void *unused)
{
    prepare();
    taken = 0;
    epoll_create_file(&epoll);
    for (unsigned i = 0; i < EVENTS; i++) {
        struct epoll_event event = {POLL_IN | EPOLL_EDGE_TRIGGERED, i};
        eventfd_create(0, 04000, &events[i]);
        epoll_control(epoll, EPOLL_ADD, (int)i, events[i], &event);
        start(signal_events, events[i]);
    }
    for (unsigned i = 0; i < 3; i++)
        start(take_events, NULL);
    wait_for_helpers();
    EXPECT_EQ(taken, EVENTS * SIGNALS);
    for (unsigned i = 0; i < EVENTS; i++)
        file_put(events[i]);
    file_put(epoll);
}

TEST(edge_triggered_events_are_not_lost)
{
    host_run(storm_an_epoll, NULL);
}

/* Files and epolls made, added, signalled and dropped at once, from all sides. */
static struct descriptor_table *shared;

static void make_and_drop(void *argument)
{
    uint64_t random = (uintptr_t)argument * 2654435761u + 1, one = 1;
    for (unsigned i = 0; i < ROUNDS / 2; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int fd = (int)(random >> 33) % 8, other_fd = (int)(random >> 40) % 8;
        struct file *made = NULL, *file = descriptor_file(shared, fd), *other = descriptor_file(shared, other_fd);
        struct epoll_event event = {POLL_IN | (random >> 50 & 1 ? EPOLL_EDGE_TRIGGERED : 0), 0}, ready[2];
        switch (random >> 60 & 7) {
        case 0:
        case 1:
            if (fd < 4 ? !epoll_create_file(&made) : !eventfd_create(1, 04000, &made))
                if (descriptor_replace(shared, fd, made, false) < 0)
                    file_put(made);
            break;
        case 2:
            descriptor_close(shared, fd);
            break;
        case 3:
        case 4:
            if (file && other && file_is_epoll(file))
                epoll_control(file, EPOLL_ADD, other_fd, other, &event);
            break;
        case 5:
            if (file && other && file_is_epoll(file))
                epoll_control(file, random >> 51 & 1 ? EPOLL_DELETE : EPOLL_MODIFY, other_fd, other, &event);
            break;
        case 6:
            if (file && file_is_epoll(file))
                epoll_wait_events(file, fake_user(ready), 2, 0);
            break;
        default:
            if (file && !file_is_epoll(file))
                write_bytes(file, &one, sizeof one);
        }
        if (file)
            file_put(file);
        if (other)
            file_put(other);
        sched_safe_point();
    }
    helper_ends();
}

static void drop_from_all_sides(void *unused)
{
    prepare();
    size_t before = fake_memory_live_objects();
    shared = descriptor_table_create();
    for (uintptr_t i = 0; i < 6; i++)
        start(make_and_drop, (void *)i);
    wait_for_helpers();
    descriptor_table_put(shared);
    /* Struct files are kept for reuse; each round leaves at most a handful more. */
    EXPECT(fake_memory_live_objects() < before + 64);
}

TEST(files_and_epolls_go_while_others_use_them)
{
    host_run(drop_from_all_sides, NULL);
}
