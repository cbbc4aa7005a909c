# Wait queues and locks over the sleep and wake protocol of sched/thread.h: apart from the scheduler, so that unit tests
# run the same code over tests/fakes/sched.
DEPS.kernel/sched/sync := common kernel/base kernel/arch kernel/sched
