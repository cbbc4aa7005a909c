DEPS.kernel/process/ipc := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/fs/vfs kernel/process
TEST_DEPS.kernel/process/ipc := kernel/process/ipc kernel/file common tests/fakes/sched kernel/sched/sync tests/fakes/clock tests/fakes/timer \
	tests/fakes/memory tests/fakes/user tests/fakes/log
