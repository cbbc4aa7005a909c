/* How large the caller may make a regular file: RLIMIT_FSIZE, which the processes keep. */
#include <common/checked.h>
#include "inodes.h"

static const struct vfs_size_limit *size_limit;

void vfs_set_size_limit(const struct vfs_size_limit *limit)
{
    size_limit = limit;
}

int size_limit_check_resize(const struct inode *inode, uint64_t size)
{
    if (!size_limit || size <= load_relaxed(&inode->size) || size <= size_limit->of_caller())
        return 0;
    size_limit->tell_caller();
    return -EFBIG;
}

int size_limit_check_write(uint64_t offset, size_t len, size_t *allowed)
{
    uint64_t limit = size_limit ? size_limit->of_caller() : UINT64_MAX;
    if (offset >= limit) {
        size_limit->tell_caller();
        return -EFBIG;
    }
    *allowed = (size_t)MIN((uint64_t)len, limit - offset);
    return 0;
}
