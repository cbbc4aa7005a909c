DEPS.kernel/arch/host := common kernel/base kernel/arch kernel/mm kernel/sched
