DEPS.kernel/sched := common kernel/base kernel/arch kernel/mm
TEST_DEPS.kernel/sched := kernel/sched kernel/sched/sync kernel/arch/host common tests/fakes/memory tests/fakes/log
TEST_SANITIZER.kernel/sched := thread
