# Randomness that is the same in every run.
DEPS.tests/fakes/random := common kernel/base kernel/arch kernel/device kernel/mm kernel/sched
