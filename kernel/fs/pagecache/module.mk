DEPS.kernel/fs/pagecache := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file
TEST_DEPS.kernel/fs/pagecache := kernel/fs/pagecache kernel/file common tests/fakes/memory tests/fakes/vm_object tests/fakes/user tests/fakes/log tests/fakes/clock tests/fakes/timer tests/fakes/sched kernel/sched/sync
