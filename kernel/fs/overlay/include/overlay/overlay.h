/* A writable layer in memory over a read-only file system. */
#pragma once
#include <vfs/inode.h>
/* Takes over `lower` on success. */
int overlay_create(struct file_system *lower, uint64_t size_limit, struct file_system **out);
