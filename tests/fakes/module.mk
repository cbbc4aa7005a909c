DEPS.tests/fakes := common kernel/base kernel/arch kernel/mm kernel/sched
