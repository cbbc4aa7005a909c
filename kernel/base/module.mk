DEPS.kernel/base := common kernel/arch
