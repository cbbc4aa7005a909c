DEPS.kernel/process := common contract kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/fs/vfs kernel/device kernel/process/elf
TEST_DEPS.kernel/process := kernel/process kernel/process/elf kernel/file common tests/fakes/sched kernel/sched/sync tests/fakes/clock \
	tests/fakes/timer tests/fakes/memory tests/fakes/user tests/fakes/log tests/fakes/random
