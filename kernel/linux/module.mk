DEPS.kernel/linux := common contract kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/process kernel/process/ipc kernel/fs/vfs kernel/net/socket kernel/device kernel/fs/dev
