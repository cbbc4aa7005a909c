DEPS.kernel/sched := common kernel/base kernel/arch kernel/mm
