DEPS.kernel/arch/x86_64 := common contract kernel/base kernel/arch kernel/mm kernel/sched
