/* Creation, end, waiting, stopping; signals on the way. */
#include "world.h"

static void exit_seven(void)
{
    user_exit(7);
}

static void exit_at_once(void)
{
    user_exit(0);
}

static void sleep_for_ever(void)
{
    for (;;) {
        int err = sleep_until(UINT64_MAX, WAIT_INTERRUPTIBLE);
        user_return(err);
    }
}

static void wait_for_child(void)
{
    int status;
    long child = user_fork(exit_seven);
    EXPECT(child > 0);
    EXPECT_EQ(user_wait(-1, &status, 0), child);
    EXPECT_EQ(status, 7 << 8);
    EXPECT_EQ(user_wait(-1, &status, 0), -ECHILD);
    EXPECT(!process_find((uint32_t)child));
}

TEST(wait_gives_the_exit_status_and_reaps)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(wait_for_child), 0);
    EXPECT_EQ(world_spaces, 0);
}

static void no_hang(void)
{
    int status;
    long child = user_fork(sleep_for_ever);
    EXPECT_EQ(user_wait((int)child, &status, 1), 0);
    struct process *process = process_find((uint32_t)child);
    signal_send_process(process, SIGNAL_TERM, NULL);
    process_put(process);
    EXPECT_EQ(user_wait((int)child, &status, 0), child);
    EXPECT_EQ(status, SIGNAL_TERM);
}

TEST(a_signal_ends_a_sleeping_child)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(no_hang), 0);
    EXPECT_EQ(world_spaces, 0);
}

static void stop_and_continue(void)
{
    int status;
    long child = user_fork(sleep_for_ever);
    struct process *process = process_find((uint32_t)child);
    signal_send_process(process, SIGNAL_STOP, NULL);
    EXPECT_EQ(user_wait((int)child, &status, 2), child);
    EXPECT_EQ(status, SIGNAL_STOP << 8 | 0x7f);
    EXPECT(process->is_stopped);
    EXPECT_EQ(user_wait((int)child, &status, 2 | 1), 0);
    signal_send_process(process, SIGNAL_CONT, NULL);
    EXPECT_EQ(user_wait((int)child, &status, 8), child);
    EXPECT_EQ(status, 0xffff);
    signal_send_process(process, SIGNAL_STOP, NULL);
    let_others_run();
    signal_send_process(process, SIGNAL_KILL, NULL);
    EXPECT_EQ(user_wait((int)child, &status, 0), child);
    EXPECT_EQ(status, SIGNAL_KILL);
    process_put(process);
}

TEST(stop_continue_and_kill_are_told_to_the_parent)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(stop_and_continue), 0);
}

static unsigned handled;
static void count(int number)
{
    handled++;
}

static void child_signal(void)
{
    int status;
    handled = 0;
    user_handler(SIGNAL_CHLD, count, 0);
    user_fork(exit_seven);
    let_others_run();
    user_return(0);
    EXPECT_EQ(handled, 1);
    EXPECT(user_wait(-1, &status, 0) > 0);
    user_handler(SIGNAL_CHLD, (void (*)(int))HANDLER_IGNORE, 0);
    user_fork(exit_seven);
    EXPECT_EQ(user_wait(-1, &status, 0), -ECHILD); /* reaped by itself */
}

TEST(sigchld_comes_and_ignoring_it_reaps)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(child_signal), 0);
    EXPECT_EQ(world_spaces, 0);
}

static void interrupted(void)
{
    int status;
    handled = 0;
    user_handler(SIGNAL_ALRM, count, ACTION_RESTART);
    long child = user_fork(sleep_for_ever);
    struct timer_setting once = {.value_ns = 5000}, old;
    interval_timer_set(INTERVAL_REAL, &once, &old);
    long result = user_wait((int)child, &status, 0);
    EXPECT_EQ(result, -ERESTARTSYS);
    EXPECT_EQ(user_return(result), 1007); /* again, from its start */
    EXPECT_EQ(handled, 1);
    user_handler(SIGNAL_ALRM, count, 0);
    interval_timer_set(INTERVAL_REAL, &once, &old);
    EXPECT_EQ(user_return(user_wait((int)child, &status, 0)), -EINTR);
    struct process *process = process_find((uint32_t)child);
    signal_send_process(process, SIGNAL_KILL, NULL);
    process_put(process);
    user_wait((int)child, &status, 0);
}

TEST(an_interrupted_wait_restarts_or_fails_as_the_action_says)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(interrupted), 0);
}

static void thread_that_sleeps(void)
{
    sleep_for_ever();
}

static void exits_with_threads(void)
{
    for (unsigned i = 0; i < 3; i++)
        user_thread(thread_that_sleeps);
    let_others_run();
    EXPECT_EQ(process_current()->task_count, 4);
    user_exit(9);
}

TEST(exit_group_ends_all_threads)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(exits_with_threads), 9 << 8);
    EXPECT_EQ(world_spaces, 0);
}

static void last_thread(void)
{
    world_sleep(1000);
    user_exit(4);
}

static void first_thread_goes(void)
{
    user_thread(last_thread);
    process_exit_thread(0);
}

TEST(a_process_lives_on_without_its_first_thread)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(first_thread_goes), 4 << 8);
}

static void end_of_thread(void)
{
    process_exit_thread(0);
}

static void clear_tid(void)
{
    static uint32_t word;
    word = 1;
    struct clone_arguments arguments = {
        .flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_CHILD_CLEARTID,
        .child_tid = user_pointer((uintptr_t)&word),
    };
    task_registers(task_current())->rip = (uintptr_t)end_of_thread;
    EXPECT(process_clone(&arguments) > 0);
    futex_wait(arguments.child_tid, 1, FUTEX_MATCH_ANY, UINT64_MAX, FUTEX_IS_SHARED);
    EXPECT_EQ(word, 0);
}

TEST(the_end_of_a_thread_clears_its_word_and_wakes)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(clear_tid), 0);
}

static bool is_vfork_child_done;
static void vfork_child(void)
{
    world_sleep(5000);
    is_vfork_child_done = true;
    user_exit(0);
}

static void vforks(void)
{
    int status;
    is_vfork_child_done = false;
    EXPECT(user_clone(CLONE_VM | CLONE_VFORK, vfork_child) > 0);
    EXPECT(is_vfork_child_done);
    EXPECT(user_wait(-1, &status, 0) > 0);
}

TEST(vfork_waits_for_the_child)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(vforks), 0);
    EXPECT_EQ(world_spaces, 0);
}

static void middle(void)
{
    user_fork(last_thread);
    user_exit(0);
}

static void subreaper(void)
{
    int status;
    process_current()->is_subreaper = true;
    user_fork(middle);
    EXPECT(user_wait(-1, &status, 0) > 0);
    EXPECT(user_wait(-1, &status, 0) > 0); /* the grandchild is ours now */
    EXPECT_EQ(status, 4 << 8);
}

TEST(a_subreaper_inherits_orphans)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(subreaper), 0);
}

static void refused(void)
{
    struct clone_arguments arguments = {.flags = CLONE_THREAD};
    EXPECT_EQ(process_clone(&arguments), -EINVAL);
    arguments.flags = CLONE_SIGHAND;
    EXPECT_EQ(process_clone(&arguments), -EINVAL);
    arguments.flags = CLONE_NEWNS;
    EXPECT_EQ(process_clone(&arguments), -EPERM);
    arguments.flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
    EXPECT_EQ(process_clone(&arguments), -EINVAL);
}

TEST(clone_refuses_what_makes_no_sense)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(refused), 0);
}

static void groups(void)
{
    long child = user_fork(sleep_for_ever);
    EXPECT_EQ(process_set_group((uint32_t)child, 0), 0);
    EXPECT_EQ(process_get_group((uint32_t)child), child);
    EXPECT_EQ(process_set_group((uint32_t)child, 12345), -EPERM);
    EXPECT_EQ(process_set_group(30000, 0), -ESRCH);
    EXPECT_EQ(process_make_session(), -EPERM); /* it leads its group */
    struct process *process = process_find((uint32_t)child);
    signal_send_process(process, SIGNAL_KILL, NULL);
    process_put(process);
    int status;
    user_wait(-1, &status, 0);
}

TEST(groups_are_made_and_guarded)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(groups), 0);
}

static void many_children(void)
{
    int status;
    for (unsigned i = 0; i < 2000; i++) {
        REQUIRE(user_fork(exit_at_once) > 0);
        REQUIRE(user_wait(-1, &status, 0) > 0);
    }
}

TEST(ids_of_reaped_children_come_back)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(many_children), 0);
    EXPECT_EQ(process_thread_total(), 0);
}
