# One CPU, one thread: what spinlocks and cpu_index() need when kernel/arch/host is not linked.
DEPS.tests/fakes/cpu := common kernel/base kernel/arch kernel/mm kernel/sched
