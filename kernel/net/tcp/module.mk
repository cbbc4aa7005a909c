DEPS.kernel/net/tcp := common kernel/base kernel/arch kernel/mm kernel/sched kernel/device kernel/file kernel/net/wire kernel/net/iface
