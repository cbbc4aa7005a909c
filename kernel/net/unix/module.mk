DEPS.kernel/net/unix := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file
TEST_DEPS.kernel/net/unix := kernel/net/unix kernel/file common kernel/sched/sync tests/fakes/memory tests/fakes/log tests/fakes/clock tests/fakes/timer tests/fakes/sched tests/fakes/user
