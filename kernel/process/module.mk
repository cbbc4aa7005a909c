DEPS.kernel/process := common contract kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/fs/vfs kernel/device kernel/process/elf
