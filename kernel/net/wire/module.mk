DEPS.kernel/net/wire := common kernel/base
