DEPS.kernel/process/uring := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/process
TEST_DEPS.kernel/process/uring := kernel/process/uring kernel/file common tests/fakes/sched kernel/sched/sync tests/fakes/clock tests/fakes/timer \
	tests/fakes/memory tests/fakes/user tests/fakes/log
