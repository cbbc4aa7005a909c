DEPS.kernel/fs/sys := common kernel/base kernel/arch kernel/mm kernel/sched kernel/device kernel/file kernel/fs/vfs
