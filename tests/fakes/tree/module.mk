# Random operations on a writable file system, through struct inode_ops, against a model of what it must hold.
DEPS.tests/fakes/tree := common kernel/base kernel/arch kernel/mm kernel/sched kernel/file kernel/fs/pagecache kernel/fs/vfs tests/fakes/memory
