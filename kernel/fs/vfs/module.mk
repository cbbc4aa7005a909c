DEPS.kernel/fs/vfs := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/fs/pagecache
