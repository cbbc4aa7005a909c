/* F_SEAL_ bits of memory files (memfd_create(2), fcntl(2)). */
#pragma once
#include <vfs/inode.h>

enum {
    SEAL_SEAL = 1,
    SEAL_SHRINK = 2,
    SEAL_GROW = 4,
    SEAL_WRITE = 8,
    SEAL_FUTURE_WRITE = 16,
    SEAL_EXEC = 32,
};
/* inode->lock is held. A write that ends at `end`; a resize; a change in place: 0 or -EPERM. */
int seals_check_write(const struct inode *inode, uint64_t end);
int seals_check_resize(const struct inode *inode, uint64_t size);
