/* Boot of the vfs. */
#include "inodes.h"
#include "init.h"

int vfs_init(void)
{
    inode_hash_init();
    open_init();
    int err = dentry_cache_init();
    if (!err)
        err = inotify_init();
    if (!err)
        dentry_shrinker_register();
    return err;
}
