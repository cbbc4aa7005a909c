/* tmpfs: files in memory. */
#pragma once
#include <vfs/inode.h>
/* An empty instance to mount; size_limit in bytes, 0: half of the memory. */
int tmpfs_create(uint64_t size_limit, struct file_system **out);
/* Boot: makes the kernel's own instance behind vfs_open_anonymous. After vfs_init. */
int tmpfs_init(void);
