DEPS.kernel/fs/erofs := common kernel/base kernel/arch kernel/mm kernel/sched kernel/device kernel/file kernel/fs/pagecache kernel/fs/vfs kernel/fs/erofs/format
