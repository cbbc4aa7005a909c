DEPS.kernel/process/uring := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/process
