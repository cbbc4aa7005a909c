DEPS.kernel/net/unix := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file
