DEPS.kernel/fs/dev/input := common kernel/base kernel/arch kernel/mm kernel/sched kernel/device kernel/file
TEST_DEPS.kernel/fs/dev/input := kernel/fs/dev/input kernel/file common tests/fakes/sched kernel/sched/sync tests/fakes/clock tests/fakes/timer \
	tests/fakes/memory tests/fakes/user tests/fakes/log
