DEPS.kernel/fs/dev/terminal := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/fs/dev/line
TEST_DEPS.kernel/fs/dev/terminal := kernel/fs/dev/terminal kernel/fs/dev/line kernel/file common tests/fakes/sched kernel/sched/sync \
	tests/fakes/clock tests/fakes/timer tests/fakes/memory tests/fakes/user tests/fakes/log
