# A scheduler that has no memory for threads and never runs work: for tests of modules that would start one by the way.
DEPS.tests/fakes/no_threads := common kernel/base kernel/arch kernel/mm kernel/sched
