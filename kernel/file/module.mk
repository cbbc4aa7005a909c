DEPS.kernel/file := common kernel/base kernel/arch kernel/mm kernel/sched
