/* The kernel's wait queues and locks over the coroutine scheduler, and the stand-in's own promises. */
#include <string.h>
#include <arch/cpu.h>
#include <fakes/clock.h>
#include <fakes/log.h>
#include <fakes/sched.h>
#include <fakes/timer.h>
#include <test/test.h>

static struct wait_queue queue;
static struct mutex mutex;
static struct rwlock rwlock;
static unsigned steps, seen[8];

static void start(void (*entry)(void *), void *argument)
{
    struct thread *thread = thread_create("helper", entry, argument);
    thread_start(thread);
    thread_put(thread);
}

static bool has_step(void *argument)
{
    return steps > 0;
}

static void take_step(void *argument)
{
    int err = wait_until(&queue, has_step, NULL, WAIT_UNINTERRUPTIBLE, UINT64_MAX, true);
    EXPECT_EQ(err, 0);
    steps--;
    seen[(uintptr_t)argument]++;
}

TEST(each_wake_up_one_reaches_another_exclusive_waiter)
{
    fake_sched_reset();
    wait_queue_init(&queue);
    steps = 0;
    memset(seen, 0, sizeof seen);
    for (uintptr_t i = 0; i < 4; i++)
        start(take_step, (void *)i);
    fake_run_threads();
    steps = 2;
    wake_up_one(&queue, 0);
    wake_up_one(&queue, 0);
    fake_run_threads();
    EXPECT_EQ(seen[0], 1);
    EXPECT_EQ(seen[1], 1);
    EXPECT_EQ(seen[2], 0);
    steps = 2;
    wake_up_all(&queue, 0);
    fake_run_threads();
    EXPECT_EQ(seen[2] + seen[3], 2);
}

static void lock_and_step(void *argument)
{
    mutex_lock(&mutex);
    seen[(uintptr_t)argument] = ++steps;
    mutex_unlock(&mutex);
}

TEST(mutex_serves_waiters_in_order)
{
    fake_sched_reset();
    mutex_init(&mutex);
    steps = 0;
    mutex_lock(&mutex);
    for (uintptr_t i = 0; i < 4; i++)
        start(lock_and_step, (void *)i);
    fake_run_threads();
    EXPECT_EQ(steps, 0);
    mutex_unlock(&mutex);
    fake_run_threads();
    for (unsigned i = 0; i < 4; i++)
        EXPECT_EQ(seen[i], i + 1);
    EXPECT(!mutex_is_locked(&mutex));
}

static void read_and_step(void *argument)
{
    rwlock_read_lock(&rwlock);
    seen[(uintptr_t)argument] = ++steps;
    rwlock_read_unlock(&rwlock);
}

static void write_and_step(void *argument)
{
    rwlock_write_lock(&rwlock);
    seen[(uintptr_t)argument] = ++steps;
    rwlock_write_unlock(&rwlock);
}

TEST(rwlock_waiting_writer_keeps_new_readers_out)
{
    fake_sched_reset();
    rwlock_init(&rwlock);
    steps = 0;
    rwlock_read_lock(&rwlock);
    start(write_and_step, (void *)0);
    fake_run_threads();
    EXPECT(!rwlock_try_read_lock(&rwlock));
    start(read_and_step, (void *)1);
    fake_run_threads();
    EXPECT_EQ(steps, 0);
    rwlock_read_unlock(&rwlock);
    fake_run_threads();
    EXPECT_EQ(seen[0], 1);
    EXPECT_EQ(seen[1], 2);
    EXPECT(rwlock_try_read_lock(&rwlock));
    rwlock_read_unlock(&rwlock);
}

TEST(rwlock_writer_hands_over_to_readers_first)
{
    fake_sched_reset();
    rwlock_init(&rwlock);
    steps = 0;
    rwlock_write_lock(&rwlock);
    start(write_and_step, (void *)0);
    start(read_and_step, (void *)1);
    start(read_and_step, (void *)2);
    fake_run_threads();
    rwlock_write_unlock(&rwlock);
    fake_run_threads();
    EXPECT_EQ(seen[0], 3);
    EXPECT_EQ(rwlock.readers, 0);
}

TEST(sleep_moves_the_clock_and_times_out)
{
    fake_sched_reset();
    wait_queue_init(&queue);
    uint64_t start_ns = clock_monotonic_ns();
    steps = 0;
    EXPECT_EQ(wait_event(&queue, steps > 0, WAIT_INTERRUPTIBLE, start_ns + 5 * NS_PER_MS), -ETIMEDOUT);
    EXPECT_EQ(clock_monotonic_ns() - start_ns, 5 * NS_PER_MS);
    thread_current()->is_interrupted = true;
    EXPECT_EQ(wait_until(&queue, has_step, NULL, WAIT_INTERRUPTIBLE, UINT64_MAX, true), -ERESTARTSYS);
    EXPECT_EQ(sleep_until(UINT64_MAX, WAIT_INTERRUPTIBLE), -ERESTARTSYS);
    thread_current()->is_interrupted = false;
    EXPECT_EQ(sleep_until(clock_monotonic_ns() + 1, WAIT_UNINTERRUPTIBLE), 0);
}

TEST(sleeping_for_ever_is_a_deadlock)
{
    fake_sched_reset();
    wait_queue_init(&queue);
    EXPECT(FAKE_PANICS(wait_event(&queue, steps > 100, WAIT_UNINTERRUPTIBLE, UINT64_MAX)));
    fake_sched_reset();
}
