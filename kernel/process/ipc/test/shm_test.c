/* Segments: keys, rights, numbers, attaches and removal. */
#include "world.h"

static uint64_t attaches(int id)
{
    struct shm_status status;
    return shm_stat(id, IPC_BY_ID, &status) ? UINT64_MAX : status.attaches;
}

TEST(shm_finds_by_key_and_checks_size)
{
    world_begin();
    EXPECT_EQ(shm_get(5, 100, 0), -ENOENT);
    long id = shm_get(5, 100, IPC_CREATE | 0600);
    REQUIRE(id >= 0);
    EXPECT_EQ(shm_get(5, 100, 0), id);
    EXPECT_EQ(shm_get(5, 101, 0), -EINVAL);
    EXPECT_EQ(shm_get(5, 1, IPC_CREATE | IPC_EXCLUSIVE), -EEXIST);
    EXPECT_EQ(shm_get(IPC_PRIVATE, 0, 0600), -EINVAL);
    EXPECT_EQ(shm_remove((int)id), 0);
    EXPECT_EQ(shm_get(5, 100, 0), -ENOENT);
    EXPECT_EQ(shm_remove((int)id), -EINVAL);
}

TEST(shm_number_of_a_removed_segment_finds_no_other)
{
    world_begin();
    long old = shm_get(IPC_PRIVATE, 1, 0600);
    shm_remove((int)old);
    for (unsigned i = 0; i < 200; i++) {
        long id = shm_get(IPC_PRIVATE, 1, 0600);
        EXPECT(id >= 0 && id != old);
        EXPECT_EQ(shm_remove((int)id), 0);
    }
    EXPECT_EQ(shm_remove((int)old), -EINVAL);
}

TEST(shm_removed_segment_lives_until_the_last_detach)
{
    world_begin();
    size_t before = fake_memory_live_objects();
    int id = (int)shm_get(7, 5000, IPC_CREATE | 0600);
    EXPECT(shm_attach(id, 0, 0) > 0);
    EXPECT(shm_attach(id, 0, SHM_READ_ONLY) > 0);
    EXPECT_EQ(attaches(id), 2);
    EXPECT_EQ(shm_remove(id), 0);
    EXPECT_EQ(attaches(id), 2);
    EXPECT_EQ(shm_get(7, 1, 0), -ENOENT);
    EXPECT(shm_attach(id, 0, 0) > 0); /* by number it can still be attached */
    world_unmap();
    world_unmap();
    EXPECT_EQ(attaches(id), 1);
    EXPECT_EQ(shm_detach(0x100000), 0);
    EXPECT_EQ(attaches(id), UINT64_MAX);
    EXPECT(fake_memory_live_objects() <= before + 1); /* the table itself may have been made */
}

TEST(shm_failed_attach_leaves_no_trace)
{
    world_begin();
    int id = (int)shm_get(IPC_PRIVATE, 5000, 0600);
    struct shm_status status;
    world_map_error = EEXIST;
    EXPECT_EQ(shm_attach(id, 0x200000, 0), -EINVAL);
    world_map_error = ENOMEM;
    EXPECT_EQ(shm_attach(id, 0, 0), -ENOMEM);
    EXPECT_EQ(shm_stat(id, IPC_BY_ID, &status), 0);
    EXPECT_EQ(status.attaches, 0);
    EXPECT_EQ(status.detach_time, 0);
    EXPECT_EQ(status.last, 0);
    EXPECT_EQ(shm_attach(id, 1, 0), -EINVAL);
    EXPECT_EQ(shm_attach(id, 0, SHM_REMAP), -EINVAL);
    shm_remove(id);
}

static int shared_id;
static void without_rights(void)
{
    struct shm_status status;
    struct ipc_change change = {.mode = 0777};
    EXPECT_EQ(shm_attach(shared_id, 0, 0), -EACCES);
    EXPECT(shm_attach(shared_id, 0, SHM_READ_ONLY) > 0);
    world_unmap();
    EXPECT_EQ(shm_stat(shared_id, IPC_BY_ID, &status), 0);
    EXPECT_EQ(shm_set(shared_id, &change), -EPERM);
    EXPECT_EQ(shm_remove(shared_id), -EPERM);
    EXPECT_EQ(shm_lock(shared_id, true), -EPERM);
}

TEST(shm_others_have_the_rights_of_the_mode)
{
    world_begin();
    shared_id = (int)shm_get(IPC_PRIVATE, 1, 0604);
    world_start(without_rights);
    world_run();
    shm_remove(shared_id);
}

TEST(shm_get_survives_each_failing_allocation)
{
    world_begin();
    long id = -ENOMEM;
    for (unsigned n = 1; n < 20 && id == -ENOMEM; n++) {
        fake_memory_fail_nth(n);
        id = shm_get(IPC_PRIVATE, 1, 0600);
    }
    fake_memory_fail_nth(0);
    EXPECT(id >= 0);
    struct ipc_usage usage;
    shm_usage(&usage);
    EXPECT_EQ(usage.total, 1);
    shm_remove((int)id);
}
