# Sleeping locks and wait queues for tests with one thread, where sleeping would be for ever. Instead of kernel/sched.
DEPS.tests/fakes/locks := common kernel/base kernel/arch kernel/mm kernel/sched
