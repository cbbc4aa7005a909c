DEPS.kernel/arch := common kernel/base
