# Only a test: the page cache under load on four host CPUs, under ThreadSanitizer.
DEPS.kernel/fs/pagecache/storm := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/fs/pagecache
TEST_DEPS.kernel/fs/pagecache/storm := kernel/fs/pagecache kernel/file kernel/sched kernel/sched/sync kernel/arch/host common tests/fakes/memory tests/fakes/vm_object tests/fakes/user tests/fakes/log
TEST_SANITIZER.kernel/fs/pagecache/storm := thread
