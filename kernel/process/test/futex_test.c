/* Futexes among threads of one process. */
#include "world.h"

static uint32_t word, word2;
static int results[8], awake;
#define WORD  user_pointer((uintptr_t)&word)
#define WORD2 user_pointer((uintptr_t)&word2)

static void waiter(void)
{
    int err = futex_wait(WORD, 1, FUTEX_MATCH_ANY, UINT64_MAX, 0);
    results[awake++] = err;
    process_exit_thread(0);
}

static void start_waiters(unsigned n)
{
    word = word2 = 1;
    awake = 0;
    for (unsigned i = 0; i < n; i++)
        user_thread(waiter);
    let_others_run();
}

static void wake_counts(void)
{
    start_waiters(4);
    EXPECT_EQ(awake, 0);
    EXPECT_EQ(futex_wake(WORD, 1, FUTEX_MATCH_ANY, 0), 1);
    let_others_run();
    EXPECT_EQ(awake, 1);
    EXPECT_EQ(futex_wake(WORD, 10, FUTEX_MATCH_ANY, 0), 3);
    let_others_run();
    EXPECT_EQ(awake, 4);
    EXPECT_EQ(futex_wake(WORD, 10, FUTEX_MATCH_ANY, 0), 0);
}

TEST(wake_wakes_as_many_as_asked)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(wake_counts), 0);
}

static void wrong_value(void)
{
    word = 2;
    EXPECT_EQ(futex_wait(WORD, 1, FUTEX_MATCH_ANY, UINT64_MAX, 0), -EAGAIN);
    EXPECT_EQ(futex_wait(user_offset(WORD, 1), 1, FUTEX_MATCH_ANY, UINT64_MAX, 0), -EINVAL);
    EXPECT_EQ(futex_wait(WORD, 2, 0, UINT64_MAX, 0), -EINVAL);
    EXPECT_EQ(futex_wait(user_pointer(4096), 1, FUTEX_MATCH_ANY, UINT64_MAX, 0), -EFAULT);
}

TEST(wait_refuses_another_value_and_bad_addresses)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(wrong_value), 0);
}

static void times_out(void)
{
    word = 1;
    uint64_t deadline = clock_monotonic_ns() + 1000;
    EXPECT_EQ(futex_wait(WORD, 1, FUTEX_MATCH_ANY, deadline, 0), -ETIMEDOUT);
    EXPECT(clock_monotonic_ns() >= deadline);
    EXPECT_EQ(futex_wake(WORD, 1, FUTEX_MATCH_ANY, 0), 0);
}

TEST(wait_ends_at_its_deadline_and_is_off_the_queue)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(times_out), 0);
}

static void bitset_waiter(void)
{
    results[awake++] = futex_wait(WORD, 1, 2, UINT64_MAX, 0);
    process_exit_thread(0);
}

static void bitsets(void)
{
    word = 1;
    awake = 0;
    user_thread(bitset_waiter);
    let_others_run();
    EXPECT_EQ(futex_wake(WORD, 1, 1, 0), 0);
    EXPECT_EQ(futex_wake(WORD, 1, 2, 0), 1);
    let_others_run();
    EXPECT_EQ(awake, 1);
}

TEST(bitsets_must_meet)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(bitsets), 0);
}

static void requeue(void)
{
    uint32_t expected = 2;
    start_waiters(4);
    EXPECT_EQ(futex_requeue(WORD, WORD2, 1, 10, &expected, 0), -EAGAIN);
    expected = 1;
    EXPECT_EQ(futex_requeue(WORD, WORD2, 1, 2, &expected, 0), 3);
    let_others_run();
    EXPECT_EQ(awake, 1);
    EXPECT_EQ(futex_wake(WORD, 10, FUTEX_MATCH_ANY, 0), 1);
    EXPECT_EQ(futex_wake(WORD2, 10, FUTEX_MATCH_ANY, 0), 2);
    let_others_run();
    EXPECT_EQ(awake, 4);
}

TEST(requeue_wakes_some_and_moves_others)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(requeue), 0);
}

static void wake_op(void)
{
    start_waiters(1);
    word2 = 5;
    /* word2 += 3; wake one there too when it was > 4: nobody waits there. */
    EXPECT_EQ(futex_wake_op(WORD, WORD2, 1, 1, 1u << 28 | 4u << 24 | 3u << 12 | 4, 0), 1);
    EXPECT_EQ(word2, 8);
    let_others_run();
    EXPECT_EQ(awake, 1);
    EXPECT_EQ(futex_wake_op(WORD, WORD2, 1, 1, 7u << 28, 0), -ENOSYS);
}

TEST(wake_op_changes_the_second_word)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(wake_op), 0);
}

static void many_waiter(void)
{
    struct futex_wait_one waits[] = {{WORD, 1, 0}, {WORD2, 1, 0}};
    results[awake++] = futex_wait_many(waits, 2, UINT64_MAX);
    process_exit_thread(0);
}

static void many(void)
{
    start_waiters(0);
    user_thread(many_waiter);
    let_others_run();
    EXPECT_EQ(futex_wake(WORD2, 1, FUTEX_MATCH_ANY, 0), 1);
    let_others_run();
    EXPECT_EQ(awake, 1);
    EXPECT_EQ(results[0], 1);
    EXPECT_EQ(futex_wake(WORD, 1, FUTEX_MATCH_ANY, 0), 0);
}

TEST(waitv_tells_which_word)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(many), 0);
}

/* ---- locks that hold a thread id ---- */

static void lock_and_count(void)
{
    EXPECT_EQ(futex_lock_pi(WORD, UINT64_MAX, false, 0), 0);
    awake++;
    world_sleep(1000);
    EXPECT_EQ(futex_unlock_pi(WORD, 0), 0);
    process_exit_thread(0);
}

static void pi_locks(void)
{
    word = 0;
    awake = 0;
    EXPECT_EQ(futex_lock_pi(WORD, UINT64_MAX, false, 0), 0);
    EXPECT_EQ(word, task_current()->id);
    EXPECT_EQ(futex_lock_pi(WORD, UINT64_MAX, false, 0), -EDEADLK);
    for (unsigned i = 0; i < 3; i++)
        user_thread(lock_and_count);
    let_others_run();
    EXPECT_EQ(awake, 0);
    EXPECT_EQ(futex_unlock_pi(WORD, 0), 0);
    EXPECT_EQ(futex_unlock_pi(WORD, 0), -EPERM);
    world_sleep(100000);
    EXPECT_EQ(awake, 3);
    EXPECT_EQ(word & 0x3fffffff, 0);
}

TEST(pi_lock_passes_from_thread_to_thread)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(pi_locks), 0);
}

static struct robust {
    uint64_t next;
    int64_t offset;
    uint64_t pending;
    uint64_t entry; /* the lock's link, its word right behind */
    uint32_t word;
} robust;

static void die_with_lock(void)
{
    robust.word = task_current()->id | 0x80000000u;
    robust.entry = (uintptr_t)&robust;
    robust.next = (uintptr_t)&robust.entry;
    robust.offset = sizeof robust.entry;
    task_current()->robust_list = user_pointer((uintptr_t)&robust);
    world_sleep(1000);
    process_exit_thread(0);
}

static void robust_owner_dies(void)
{
    user_thread(die_with_lock);
    let_others_run();
    uint32_t held = robust.word;
    int err = futex_wait(user_pointer((uintptr_t)&robust.word), held, FUTEX_MATCH_ANY, UINT64_MAX, 0);
    EXPECT_EQ(err, 0);
    EXPECT_EQ(robust.word, 0x80000000u | 0x40000000u);
}

TEST(a_robust_lock_of_a_dead_thread_is_told)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(robust_owner_dies), 0);
}

static void endless_list(void)
{
    robust.word = 0;
    robust.entry = robust.next = (uintptr_t)&robust.entry; /* never comes back to the head */
    task_current()->robust_list = user_pointer((uintptr_t)&robust);
    process_exit_thread(0);
}

static void robust_endless(void)
{
    user_thread(endless_list);
    let_others_run();
}

TEST(an_endless_robust_list_ends)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(robust_endless), 0);
}
