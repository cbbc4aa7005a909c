DEPS.kernel/fs/pagecache := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file
