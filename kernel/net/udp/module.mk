DEPS.kernel/net/udp := common kernel/base kernel/arch kernel/mm kernel/sched kernel/device kernel/file kernel/net/wire kernel/net/iface
