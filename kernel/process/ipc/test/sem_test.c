/* Sets: operations as a whole, waiting in order, undoing at the end of a process. */
#include "world.h"

static int id;
static long results[8];

static long operate(int index, int by, int flags)
{
    struct sem_operation operation = {(uint16_t)index, (int16_t)by, (int16_t)flags};
    return sem_operate(id, &operation, 1, UINT64_MAX);
}

static long value(int index)
{
    return sem_query(id, index, SEM_QUERY_VALUE);
}

TEST(sem_operations_happen_all_or_none)
{
    world_begin();
    id = (int)sem_get(IPC_PRIVATE, 2, 0600);
    struct sem_operation two[] = {{0, 3, 0}, {1, -1, IPC_NO_WAIT}};
    EXPECT_EQ(sem_operate(id, two, 2, UINT64_MAX), -EAGAIN);
    EXPECT_EQ(value(0), 0);
    two[1].by = 1;
    EXPECT_EQ(sem_operate(id, two, 2, UINT64_MAX), 0);
    EXPECT_EQ(value(0), 3);
    EXPECT_EQ(value(1), 1);
    struct sem_operation over[] = {{0, 1, 0}, {1, SEM_VALUE_MAX, 0}};
    EXPECT_EQ(sem_operate(id, over, 2, UINT64_MAX), -ERANGE);
    EXPECT_EQ(value(0), 3);
    EXPECT_EQ(operate(2, 1, 0), -EFBIG);
    sem_remove(id);
}

static void take_two(void)
{
    results[0] = operate(0, -2, 0);
}
static void take_one(void)
{
    results[1] = operate(0, -1, 0);
}
static void wait_for_zero(void)
{
    results[2] = operate(0, 0, 0);
}

TEST(sem_waiters_are_served_when_they_can_be)
{
    world_begin();
    id = (int)sem_get(IPC_PRIVATE, 1, 0666);
    results[0] = results[1] = results[2] = 99;
    world_start(take_two);
    world_run();
    world_start(take_one);
    world_run();
    EXPECT_EQ(sem_query(id, 0, SEM_QUERY_DECREASERS), 2);
    EXPECT_EQ(operate(0, 1, 0), 0); /* enough for the younger one only */
    world_run();
    EXPECT_EQ(results[0], 99);
    EXPECT_EQ(results[1], 0);
    EXPECT_EQ(operate(0, 3, 0), 0);
    world_start(wait_for_zero);
    world_run();
    EXPECT_EQ(results[0], 0);
    EXPECT_EQ(sem_query(id, 0, SEM_QUERY_ZERO_WAITERS), 1);
    EXPECT_EQ(operate(0, -1, 0), 0);
    world_run();
    EXPECT_EQ(results[2], 0);
    sem_remove(id);
}

TEST(sem_removal_ends_waiters)
{
    world_begin();
    id = (int)sem_get(IPC_PRIVATE, 1, 0666);
    world_start(take_one);
    world_run();
    EXPECT_EQ(sem_remove(id), 0);
    world_run();
    EXPECT_EQ(results[1], -EIDRM);
    EXPECT_EQ(operate(0, 1, 0), -EINVAL);
}

TEST(sem_wait_ends_at_the_deadline)
{
    world_begin();
    id = (int)sem_get(IPC_PRIVATE, 1, 0666);
    struct sem_operation operation = {0, -1, 0};
    EXPECT_EQ(sem_operate(id, &operation, 1, clock_monotonic_ns() + 1000), -EAGAIN);
    EXPECT_EQ(sem_query(id, 0, SEM_QUERY_DECREASERS), 0);
    sem_remove(id);
}

static void undoing(void)
{
    results[3] = operate(0, -3, SEM_UNDO_FLAG);
    results[4] = operate(1, 2, SEM_UNDO_FLAG);
    results[5] = operate(1, 1, 0);
}

TEST(sem_end_of_a_process_undoes_and_serves_waiters)
{
    world_begin();
    id = (int)sem_get(IPC_PRIVATE, 2, 0666);
    const uint16_t values[] = {4, 0};
    EXPECT_EQ(sem_set_all(id, values, 2), 0);
    world_start(take_two);
    world_run();
    EXPECT_EQ(results[0], 0);
    sem_set_value(id, 0, 3);
    results[0] = 99;
    world_start(undoing);
    world_start(take_two);
    world_run();
    EXPECT_EQ(results[3], 0);
    EXPECT_EQ(results[0], 0); /* once the three were given back */
    EXPECT_EQ(value(0), 1);
    EXPECT_EQ(value(1), 1);
    sem_remove(id);
}

static void undo_after_removal(void)
{
    results[3] = operate(0, 1, SEM_UNDO_FLAG);
    results[4] = operate(0, -5, 0);
}

TEST(sem_removed_set_is_not_undone)
{
    world_begin();
    id = (int)sem_get(IPC_PRIVATE, 1, 0666);
    world_start(undo_after_removal);
    world_run();
    EXPECT_EQ(sem_remove(id), 0);
    world_run();
    EXPECT_EQ(results[4], -EIDRM);
}

TEST(sem_undo_amounts_stay_in_range)
{
    world_begin();
    id = (int)sem_get(IPC_PRIVATE, 2, 0666);
    EXPECT_EQ(operate(0, SEM_VALUE_MAX, SEM_UNDO_FLAG), 0);
    sem_set_value(id, 1, 0);
    EXPECT_EQ(operate(0, -SEM_VALUE_MAX, 0), 0);
    struct sem_operation both[] = {{1, 1, SEM_UNDO_FLAG}, {0, 2, SEM_UNDO_FLAG}};
    EXPECT_EQ(sem_operate(id, both, 2, UINT64_MAX), -ERANGE);
    EXPECT_EQ(value(1), 0);
    EXPECT_EQ(value(0), 0);
    sem_remove(id);
    struct process *self = process_current();
    EXPECT(self->semaphore_undos != NULL);
    kfree(self->semaphore_undos);
    self->semaphore_undos = NULL;
}
