# Files under ThreadSanitizer on four host CPUs: races that the modules' own single-threaded tests cannot have.
DEPS.tests/concurrent := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file
TEST_DEPS.tests/concurrent := kernel/file kernel/sched kernel/sched/sync kernel/arch/host common tests/fakes/memory \
	tests/fakes/user tests/fakes/log
TEST_SANITIZER.tests/concurrent := thread
