DEPS.kernel/file := common kernel/base kernel/arch kernel/mm kernel/sched
TEST_DEPS.kernel/file := kernel/file common tests/fakes/sched kernel/sched/sync tests/fakes/clock tests/fakes/timer \
	tests/fakes/memory tests/fakes/user tests/fakes/log
