DEPS.kernel/net/socket := common kernel/base kernel/arch kernel/mm kernel/sched kernel/device kernel/file kernel/net/wire kernel/net/iface kernel/net/tcp kernel/net/udp kernel/net/unix
