# sched/work.h (deferred work and timers) on the fake clock, run by the test's own hand.
DEPS.tests/fakes/timer := common kernel/base kernel/arch kernel/mm kernel/sched tests/fakes/clock
