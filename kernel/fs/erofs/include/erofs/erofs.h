/* EROFS, read-only, uncompressed. */
#pragma once
#include <device/block.h>
#include <vfs/inode.h>
/* Reads and checks the superblock: -EINVAL not EROFS, -EUCLEAN damaged, -EOPNOTSUPP features this driver lacks, -EIO.
 */
int erofs_open(struct block_device *device, struct file_system **out);
