/*
 * Rings without a program: the test writes submissions into the ring's pages, "operations" of its own stand for
 * Linux's, and work() is a thread's way back to ring 3. Opcodes as Linux's where the module knows them.
 */
#include "../uring.h"
#include <fakes/memory.h>
#include <fakes/sched.h>
#include <file/eventfd.h>
#include <process/watcher.h>
#include <test/test.h>

enum { OP_NOP = 0, OP_FAIL = 1, OP_POLL = 6, OP_TIMEOUT = 11, OP_LINK_TIMEOUT = 15, OP_TAKE = 20, LINK_NS = 1000 };

/* ---- the process ---- */

static struct process self;
static struct process_watcher *watcher;
static void (*process_work)(struct process *process);
static bool is_work_raised;

void process_add_watcher(struct process_watcher *added)
{
    watcher = added;
}

void process_set_work(void (*work)(struct process *process))
{
    process_work = work;
}

void process_raise_work(struct process *process)
{
    is_work_raised = true;
}

/* What a thread does on its way back to ring 3, after all wake-ups so far. */
static void work(void)
{
    fake_run_threads();
    while (is_work_raised) {
        is_work_raised = false;
        process_work(&self);
        fake_run_threads();
    }
}

/* ---- operations ---- */

static struct file *event; /* what OP_POLL and OP_TAKE wait for */
static unsigned tries;

static long nop(struct uring_request *request)
{
    return 0;
}

static long fail(struct uring_request *request)
{
    return -EIO;
}

static long poll_event(struct uring_request *request)
{
    return uring_wait_for_file(request, POLL_IN);
}

static long wait_a_while(struct uring_request *request)
{
    return uring_wait_until(request, clock_monotonic_ns() + request->sqe.offset);
}

static long link_timeout(struct uring_request *request)
{
    request->time_ns = LINK_NS;
    return 0;
}

/* Reads the eventfd: its count. Waits for it only where the file would. */
static long take(struct uring_request *request)
{
    struct io_segment segment;
    struct io_vector io;
    uint64_t value;
    tries++;
    io_vector_kernel(&io, &segment, &value, sizeof value);
    ssize_t done = file_read(request->file, &io, -1);
    return done == sizeof value ? (long)value : done;
}

static const struct uring_operation *find(uint8_t opcode)
{
    static const struct uring_operation operations[] = {
        [OP_NOP] = {.issue = nop},
        [OP_FAIL] = {.issue = fail},
        [OP_POLL] = {.issue = poll_event, .needs_file = true},
        [OP_TIMEOUT] = {.issue = wait_a_while},
        [OP_LINK_TIMEOUT] = {.issue = link_timeout},
        [OP_TAKE] = {.issue = take, .needs_file = true, .retry_when = POLL_IN | POLL_RDNORM},
    };
    return opcode < ARRAY_SIZE(operations) && operations[opcode].issue ? &operations[opcode] : NULL;
}

static struct file *ring_file;

/* ---- the ring as the program sees it ---- */

static struct uring *ring;
static uint64_t next_data;

static void begin(unsigned entries)
{
    static bool is_ready;
    if (!is_ready)
        uring_init(find);
    is_ready = true;
    thread_current()->process = &self;
    if (!self.descriptors)
        self.descriptors = descriptor_table_create();
    EXPECT_EQ(eventfd_create(0, 0, &event), 0);
    file_get(event);
    EXPECT_EQ(descriptor_install(self.descriptors, event, 5, false), 5);
    EXPECT_EQ(uring_create(entries, entries * 2, 0, &ring_file), 0);
    ring = uring_of_file(ring_file);
    next_data = tries = 0;
}

static void end(void)
{
    file_put(ring_file);
    descriptor_close(self.descriptors, 5);
    file_put(event);
    work();
}

static void submit(uint8_t opcode, uint8_t flags, uint64_t offset)
{
    uint32_t *tail = uring_word(ring, URING_SQ_TAIL), slot = *tail & (ring->sq_entries - 1);
    *uring_sqe_at(ring, slot) =
        (struct uring_sqe){.opcode = opcode, .flags = flags, .fd = 5, .offset = offset, .user_data = ++next_data};
    *uring_word(ring, uring_array_offset(ring) + slot * 4) = slot;
    ++*tail;
}

struct seen {
    uint64_t user_data;
    int32_t result;
    uint32_t flags;
};

/* The oldest completion; user_data 0: none. */
static struct seen completion(void)
{
    struct seen seen = {0};
    uint32_t *head = uring_word(ring, URING_CQ_HEAD);
    if (*head == *uring_word(ring, URING_CQ_TAIL))
        return seen;
    memcpy(&seen, uring_word(ring, URING_CQES + (*head & (ring->cq_entries - 1)) * 16), sizeof seen);
    ++*head;
    return seen;
}

static void expect(uint64_t user_data, int32_t result)
{
    struct seen seen = completion();
    EXPECT_EQ(seen.user_data, user_data);
    EXPECT_EQ(seen.result, result);
}

/* ---- tests ---- */

TEST(uring_completes_in_order_and_counts_what_it_took)
{
    begin(4);
    submit(OP_NOP, 0, 0);
    submit(OP_FAIL, 0, 0);
    submit(99, 0, 0);
    submit(OP_NOP, 0, 0);
    EXPECT_EQ(uring_submit(ring, 4), 3); /* stops at the one that is none */
    expect(1, 0);
    expect(2, -EIO);
    expect(3, -EINVAL);
    expect(0, 0);
    EXPECT_EQ(uring_submit(ring, 4), 1);
    expect(4, 0);
    end();
}

TEST(uring_tries_again_when_the_file_is_ready)
{
    begin(4);
    submit(OP_TAKE, 0, 0);
    EXPECT_EQ(uring_submit(ring, 1), 1);
    work();
    expect(0, 0);
    EXPECT_EQ(tries, 1);
    eventfd_signal(event);
    work();
    expect(1, 1);
    EXPECT_EQ(tries, 2);
    EXPECT(!thread_current()->is_nonblocking);
    end();
}

TEST(uring_poll_completes_with_what_holds)
{
    begin(4);
    submit(OP_POLL, 0, 0);
    EXPECT_EQ(uring_submit(ring, 1), 1);
    work();
    expect(0, 0);
    eventfd_signal(event);
    work();
    expect(1, POLL_IN);
    end();
}

static long wait_result;
static void waiter(void *unused)
{
    thread_current()->process = &self;
    wait_result = uring_wait(ring, 1, UINT64_MAX);
}

TEST(uring_work_is_done_by_who_waits)
{
    begin(4);
    submit(OP_TAKE, 0, 0);
    uring_submit(ring, 1);
    wait_result = 99;
    struct thread *thread = thread_create("waiter", waiter, NULL);
    thread_start(thread);
    thread_put(thread);
    fake_run_threads();
    is_work_raised = false;
    eventfd_signal(event);
    fake_run_threads();
    EXPECT_EQ(wait_result, 0);
    EXPECT(!is_work_raised);
    expect(1, 1);
    end();
}

TEST(uring_wait_ends_at_the_deadline)
{
    begin(4);
    EXPECT_EQ(uring_wait(ring, 0, 0), 0);
    EXPECT_EQ(uring_wait(ring, 1, clock_monotonic_ns() + 100), -ETIME);
    end();
}

TEST(uring_chain_follows_or_is_cancelled)
{
    begin(8);
    submit(OP_TAKE, URING_LINK, 0);
    submit(OP_NOP, URING_LINK, 0);
    submit(OP_FAIL, URING_LINK, 0);
    submit(OP_NOP, 0, 0);
    EXPECT_EQ(uring_submit(ring, 4), 4);
    work();
    expect(0, 0);
    eventfd_signal(event);
    work();
    expect(1, 1);
    expect(2, 0);
    expect(3, -EIO);
    expect(4, -ECANCELED);
    submit(OP_FAIL, URING_HARD_LINK, 0);
    submit(OP_NOP, 0, 0);
    uring_submit(ring, 2);
    expect(5, -EIO);
    expect(6, 0);
    end();
}

TEST(uring_link_timeout_cancels_what_it_limits)
{
    begin(8);
    submit(OP_TAKE, URING_LINK, 0);
    submit(OP_LINK_TIMEOUT, URING_LINK, 0);
    submit(OP_NOP, 0, 0);
    EXPECT_EQ(uring_submit(ring, 3), 3);
    EXPECT(fake_sched_step());
    work();
    expect(2, -ETIME);
    expect(1, -ECANCELED);
    expect(3, -ECANCELED);
    submit(OP_NOP, URING_LINK, 0);
    submit(OP_LINK_TIMEOUT, 0, 0);
    uring_submit(ring, 2);
    expect(4, 0);
    expect(5, -ECANCELED);
    submit(OP_LINK_TIMEOUT, 0, 0);
    uring_submit(ring, 1);
    expect(6, -EINVAL);
    end();
}

static bool has_data(const struct uring_request *request, const void *user_data)
{
    return request->sqe.user_data == *(const uint64_t *)user_data;
}

TEST(uring_cancels_watches_timers_and_what_was_just_woken)
{
    begin(8);
    submit(OP_TAKE, 0, 0);
    submit(OP_TIMEOUT, 0, 1000000);
    submit(OP_TAKE, 0, 0);
    EXPECT_EQ(uring_submit(ring, 3), 3);
    for (uint64_t data = 1; data <= 2; data++) {
        mutex_lock(&ring->mutex);
        EXPECT_EQ(uring_cancel(ring, has_data, &data, false), 1);
        EXPECT_EQ(uring_cancel(ring, has_data, &data, false), 0);
        mutex_unlock(&ring->mutex);
        expect(data, -ECANCELED);
    }
    eventfd_signal(event);
    fake_run_threads(); /* on the work list, and not yet done */
    uint64_t third = 3;
    mutex_lock(&ring->mutex);
    EXPECT_EQ(uring_cancel(ring, has_data, &third, false), 1);
    mutex_unlock(&ring->mutex);
    expect(3, -ECANCELED);
    work();
    expect(0, 0);
    end();
}

TEST(uring_keeps_completions_that_have_no_room)
{
    begin(2);
    for (unsigned i = 0; i < 6; i++) {
        submit(OP_NOP, 0, 0);
        EXPECT_EQ(uring_submit(ring, 1), i < 5 ? 1 : -EBUSY);
    }
    for (uint64_t data = 1; data <= 4; data++)
        expect(data, 0);
    EXPECT_EQ(uring_submit(ring, 1), 1);
    expect(5, 0);
    expect(6, 0);
    end();
}

TEST(uring_hostile_heads_tails_and_indices_do_no_harm)
{
    begin(4);
    *uring_word(ring, URING_SQ_TAIL) += 1000000;
    *uring_word(ring, uring_array_offset(ring)) = 77;
    *uring_word(ring, uring_array_offset(ring) + 4) = UINT32_MAX;
    uring_submit(ring, UINT32_MAX);
    EXPECT(*uring_word(ring, URING_SQ_DROPPED) > 0);
    *uring_word(ring, URING_CQ_HEAD) = 12345;
    *uring_word(ring, URING_SQ_MASK) = *uring_word(ring, URING_CQ_MASK) = UINT32_MAX;
    *uring_word(ring, URING_SQ_ENTRIES) = UINT32_MAX;
    uring_submit(ring, 100);
    EXPECT_EQ(uring_completions(ring), ring->cq_entries);
    end();
}

TEST(uring_end_of_the_process_cancels_what_waits)
{
    size_t before = fake_memory_live_objects();
    begin(4);
    submit(OP_TAKE, URING_LINK, 0);
    submit(OP_NOP, 0, 0);
    submit(OP_TIMEOUT, 0, 1000000);
    EXPECT_EQ(uring_submit(ring, 3), 3);
    watcher->leave_memory(&self);
    EXPECT(!uring_is_mine(ring));
    EXPECT_EQ(uring_submit(ring, 1), -EPERM);
    end();
    EXPECT(fake_memory_live_objects() <= before + 3); /* the table of descriptors and the worker stay */
}

TEST(uring_refuses_itself_as_a_file)
{
    begin(4);
    file_get(ring_file);
    int fd = descriptor_replace(self.descriptors, 5, ring_file, false);
    EXPECT_EQ(fd, 5);
    submit(OP_TAKE, 0, 0);
    uring_submit(ring, 1);
    expect(1, -EOPNOTSUPP);
    end();
}

TEST(uring_creation_survives_each_failing_allocation)
{
    begin(4);
    size_t pages = fake_memory_live_pages();
    struct file *file = NULL;
    for (unsigned n = 1; n < 30 && !file; n++) {
        fake_memory_fail_nth(n);
        int err = uring_create(4, 8, 0, &file);
        EXPECT(!err || err == -ENOMEM);
        if (err)
            EXPECT_EQ(fake_memory_live_pages(), pages);
    }
    fake_memory_fail_nth(0);
    REQUIRE(file);
    file_put(file);
    EXPECT_EQ(fake_memory_live_pages(), pages);
    end();
}
