/* Signals: queueing, masks, choice of thread, waiting, frames. */
#include <fakes/clock.h>
#include <fakes/log.h>
#include "../private.h"
#include "world.h"

static int order[16], count;
static void note(int number)
{
    if (count < 16)
        order[count++] = number;
}

static void reset(void)
{
    count = 0;
}

static void send(int number)
{
    signal_send_process(process_current(), number, NULL);
}

static void send_value(int number, uint64_t value)
{
    struct signal_info info;
    signal_info_init(&info, number, SIGNAL_CODE_QUEUE, 1, 0);
    info.fields[1] = value;
    EXPECT_EQ(signal_send_process(process_current(), number, &info), 0);
}

static void standard_once(void)
{
    reset();
    user_handler(SIGNAL_USR1, note, 0);
    user_handler(SIGNAL_USR2, note, 0);
    signal_mask_set(signal_bit(SIGNAL_USR1) | signal_bit(SIGNAL_USR2));
    send(SIGNAL_USR2);
    send(SIGNAL_USR1);
    send(SIGNAL_USR1);
    user_return(0);
    EXPECT_EQ(count, 0);
    EXPECT_EQ(signal_pending_set(), signal_bit(SIGNAL_USR1) | signal_bit(SIGNAL_USR2));
    signal_mask_set(0);
    user_return(0);
    EXPECT_EQ(count, 2);
    EXPECT_EQ(task_current()->signals.blocked, 0);
}

TEST(a_blocked_standard_signal_comes_once_when_unblocked)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(standard_once), 0);
}

static void realtime_queues(void)
{
    struct signal_info info;
    signal_mask_set(signal_bit(40));
    for (unsigned i = 0; i < 3; i++)
        send_value(40, i);
    for (unsigned i = 0; i < 3; i++) {
        EXPECT_EQ(signal_wait(signal_bit(40), &info, 0), 40);
        EXPECT_EQ(info.fields[1], i);
    }
    EXPECT_EQ(signal_wait(signal_bit(40), &info, 0), -EAGAIN);
}

TEST(realtime_signals_queue_in_order)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(realtime_queues), 0);
}

static void limited(void)
{
    struct signal_info info;
    process_current()->limits[LIMIT_SIGPENDING].soft = 2;
    signal_mask_set(signal_bit(40));
    send_value(40, 1);
    send_value(40, 2);
    signal_info_init(&info, 40, SIGNAL_CODE_QUEUE, 1, 0);
    EXPECT_EQ(signal_send_process(process_current(), 40, &info), -EAGAIN);
    EXPECT_EQ(signal_send_process(process_current(), 40, NULL), 0); /* the kernel's is never refused */
}

TEST(the_queue_has_its_limit)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(limited), 0);
}

static void ignored(void)
{
    user_handler(SIGNAL_USR1, (void (*)(int))HANDLER_IGNORE, 0);
    send(SIGNAL_USR1);
    send(SIGNAL_URG);
    EXPECT_EQ(process_current()->pending.set, 0);
    signal_mask_set(signal_bit(SIGNAL_USR1));
    send(SIGNAL_USR1); /* blocked: kept, as its action may change */
    EXPECT_EQ(process_current()->pending.set, signal_bit(SIGNAL_USR1));
    user_handler(SIGNAL_USR1, (void (*)(int))HANDLER_IGNORE, 0);
    EXPECT_EQ(process_current()->pending.set, 0);
}

TEST(ignored_signals_are_dropped)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(ignored), 0);
}

static uint32_t who;
static void note_thread(int number)
{
    who = task_current()->id;
}

static void sleeper(void)
{
    long result = sleep_until(UINT64_MAX, WAIT_INTERRUPTIBLE);
    EXPECT_EQ(user_return(result), -EINTR);
    process_exit_thread(0);
}

static void choice(void)
{
    who = 0;
    user_handler(SIGNAL_USR1, note_thread, 0);
    long id = user_thread(sleeper);
    signal_mask_set(signal_bit(SIGNAL_USR1)); /* after the clone: the thread takes it */
    let_others_run();
    send(SIGNAL_USR1);
    let_others_run();
    EXPECT_EQ(who, id);
}

TEST(a_signal_goes_to_a_thread_that_takes_it)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(choice), 0);
}

static void nested_masks(void)
{
    reset();
    user_handler(SIGNAL_USR1, note, 0);
    signal_mask_set(signal_bit(SIGNAL_USR1));
    send(SIGNAL_USR1);
    signal_mask_swap(0);
    EXPECT_EQ(user_return(-ERESTARTNOHAND), -EINTR);
    EXPECT_EQ(count, 1);
    EXPECT_EQ(task_current()->signals.blocked, signal_bit(SIGNAL_USR1));
    /* Nothing came: the call undoes it itself. */
    signal_mask_swap(0);
    signal_mask_restore();
    EXPECT_EQ(task_current()->signals.blocked, signal_bit(SIGNAL_USR1));
}

TEST(a_swapped_mask_comes_back_through_the_frame)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(nested_masks), 0);
}

static void fault_while_blocked(void)
{
    user_handler(SIGNAL_SEGV, note, 0);
    signal_mask_set(signal_bit(SIGNAL_SEGV));
    signal_force(SIGNAL_SEGV, SEGV_CODE_NOT_MAPPED, 0x10);
    user_return(0);
    EXPECT(false);
}

TEST(a_fault_that_is_blocked_kills)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(fault_while_blocked), SIGNAL_SEGV);
}

TEST(crashes_one_after_another_are_told_of_in_part)
{
    fake_sched_reset();
    fake_clock_advance(10 * UINT64_C(1000000000));
    for (unsigned i = 0; i < 10; i++)
        EXPECT_EQ(world_run(fault_while_blocked), SIGNAL_SEGV);
    unsigned told = fake_log_count(LOG_ERROR);
    EXPECT(told > 0);
    for (unsigned i = 0; i < 10; i++)
        EXPECT_EQ(world_run(fault_while_blocked), SIGNAL_SEGV);
    EXPECT_EQ(fake_log_count(LOG_ERROR), told);
    fake_clock_advance(5 * UINT64_C(1000000000));
    EXPECT_EQ(world_run(fault_while_blocked), SIGNAL_SEGV);
    EXPECT(fake_log_count(LOG_ERROR) > told);
}

static void no_stack(void)
{
    user_handler(SIGNAL_USR1, note, 0);
    task_registers(task_current())->rsp = 128; /* nothing is mapped there */
    send(SIGNAL_USR1);
    user_return(0);
    EXPECT(false);
}

TEST(a_handler_without_a_stack_kills)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(no_stack), SIGNAL_SEGV);
}

static void no_page_for_the_frame(void)
{
    user_handler(SIGNAL_SEGV, note, 0); /* not asked: it could not be entered either */
    user_handler(SIGNAL_USR1, note, 0);
    task_registers(task_current())->rsp = 128;
    thread_current()->lacks_memory = 1; /* as the failing access leaves it */
    send(SIGNAL_USR1);
    user_return(0);
    EXPECT(false);
}

static unsigned memory_ends;

static void count_memory_end(struct process *process, uintptr_t address)
{
    memory_ends++;
}

TEST(want_of_memory_in_the_kernel_s_own_accesses_ends_the_program_for_want_of_memory)
{
    fake_sched_reset();
    memory_ends = 0;
    process_set_out_of_memory(count_memory_end);
    EXPECT_EQ(world_run(no_page_for_the_frame), SIGNAL_KILL);
    process_set_out_of_memory(NULL);
    EXPECT_EQ(memory_ends, 1);
}

static void hostile_frame(void)
{
    struct user_registers *registers = task_registers(task_current());
    static uint8_t bytes[1024] __attribute__((aligned(16)));
    memset(bytes, 0xff, sizeof bytes);
    uint64_t cs = registers->cs = 0x33, ss = registers->ss = 0x2b;
    registers->rflags = 0x202;
    registers->rsp = (uintptr_t)bytes + 8;
    user_handler(SIGNAL_SEGV, note, 0);
    signal_return();
    EXPECT_EQ(registers->cs, cs);
    EXPECT_EQ(registers->ss, ss);
    EXPECT_EQ(registers->rflags & 0x3000, 0);    /* IOPL */
    EXPECT_EQ(registers->rflags & 0x200, 0x200); /* IF */
    EXPECT_EQ(task_current()->signals.blocked & SIGNALS_UNBLOCKABLE, 0);
    user_exit(0);
}

TEST(a_hostile_frame_gets_no_privilege)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(hostile_frame), 0);
}

static void timers(void)
{
    struct signal_info info;
    struct timer_event event = {.notify = 0, .number = 41, .value = 99, .has_value = true};
    struct timer_setting setting = {.interval_ns = 1000000, .value_ns = 1000000}, left;
    int id;
    signal_mask_set(signal_bit(41));
    REQUIRE(!posix_timer_create(CLOCK_ID_MONOTONIC, &event, &id));
    EXPECT_EQ(posix_timer_set(id, false, &setting, &left), 0);
    world_sleep(4500000);
    EXPECT_EQ(signal_wait(signal_bit(41), &info, 0), 41);
    EXPECT_EQ(info.code, SIGNAL_CODE_TIMER);
    EXPECT_EQ(info.fields[1], 99);
    EXPECT_EQ(posix_timer_overrun(id), 3);
    world_sleep(1000000);
    EXPECT_EQ(posix_timer_delete(id), 0); /* with its signal queued */
    EXPECT_EQ(signal_wait(signal_bit(41), &info, 0), -EAGAIN);
    EXPECT_EQ(posix_timer_get(id, &left), -EINVAL);
}

TEST(timers_count_what_nobody_took)
{
    fake_sched_reset();
    EXPECT_EQ(world_run(timers), 0);
}
