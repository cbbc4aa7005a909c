DEPS.kernel/net/iface := common kernel/base kernel/arch kernel/mm kernel/sched kernel/device kernel/net/wire
