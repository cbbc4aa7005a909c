DEPS.kernel/fs/overlay := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/fs/pagecache kernel/fs/vfs kernel/fs/tmpfs
