# The vfs under ThreadSanitizer, on the real scheduler over four host CPUs. Only a test: there is nothing in this folder.
DEPS.kernel/fs/vfs/stress := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/fs/pagecache kernel/fs/vfs
TEST_DEPS.kernel/fs/vfs/stress := common kernel/fs/vfs kernel/fs/tmpfs kernel/fs/pagecache kernel/file kernel/sched \
	kernel/sched/sync kernel/arch/host tests/fakes/memory tests/fakes/user tests/fakes/log
TEST_SANITIZER.kernel/fs/vfs/stress := thread
