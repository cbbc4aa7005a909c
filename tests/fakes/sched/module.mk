# Threads as coroutines and sleeping that really sleeps, with the kernel's own wait queues and locks (kernel/sched/sync).
# Instead of tests/fakes/cpu and tests/fakes/locks:
#   TEST_DEPS.<module> := ... tests/fakes/sched kernel/sched/sync tests/fakes/clock tests/fakes/timer tests/fakes/log
DEPS.tests/fakes/sched := common kernel/base kernel/arch kernel/mm kernel/sched tests/fakes/clock tests/fakes/timer
TEST_DEPS.tests/fakes/sched := tests/fakes/sched kernel/sched/sync tests/fakes/clock tests/fakes/timer tests/fakes/log
