DEPS.kernel/process/aio := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/process
