DEPS.kernel/fs/dev := common kernel/base kernel/arch kernel/mm kernel/sched kernel/device kernel/file kernel/fs/vfs kernel/fs/dev/line kernel/fs/dev/input kernel/fs/dev/terminal
