DEPS.kernel/fs/vfs := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/fs/pagecache
TEST_DEPS.kernel/fs/vfs := common kernel/fs/vfs kernel/fs/tmpfs kernel/fs/pagecache kernel/file kernel/sched/sync \
	tests/fakes/memory tests/fakes/user tests/fakes/log tests/fakes/clock tests/fakes/timer tests/fakes/sched
