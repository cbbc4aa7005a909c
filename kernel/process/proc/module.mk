DEPS.kernel/process/proc := common kernel/base kernel/arch kernel/mm kernel/sched kernel/device kernel/file kernel/fs/vfs kernel/fs/dev kernel/process kernel/process/ipc kernel/process/aio
