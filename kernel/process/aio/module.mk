DEPS.kernel/process/aio := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/process
TEST_DEPS.kernel/process/aio := kernel/process/aio kernel/file common tests/fakes/sched kernel/sched/sync tests/fakes/clock tests/fakes/timer \
	tests/fakes/memory tests/fakes/user tests/fakes/log
