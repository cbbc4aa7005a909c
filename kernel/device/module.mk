DEPS.kernel/device := common kernel/base kernel/arch kernel/mm kernel/sched kernel/device/chacha20
