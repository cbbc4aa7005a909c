DEPS.kernel/fs/tmpfs := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/fs/pagecache kernel/fs/vfs
TEST_DEPS.kernel/fs/tmpfs := kernel/fs/tmpfs kernel/fs/pagecache kernel/fs/vfs kernel/file common tests/fakes/memory tests/fakes/vm_object tests/fakes/tree tests/fakes/user tests/fakes/log tests/fakes/clock tests/fakes/timer tests/fakes/sched kernel/sched/sync
