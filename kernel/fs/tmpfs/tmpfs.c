/* tmpfs as a file system: instances, and the kernel's own one behind anonymous files. */
#include <mm/alloc.h>
#include "tmpfs.h"

static int tmpfs_statfs(struct file_system *fs, struct vfs_statfs *out)
{
    memory_store_statfs(tmpfs_store(fs), TMPFS_MAGIC, out);
    return 0;
}

static void tmpfs_free_instance(struct file_system *fs)
{
    kfree(fs->data);
    kfree(fs);
}

static const struct file_system_ops tmpfs_fs_ops = {.statfs = tmpfs_statfs, .free = tmpfs_free_instance};

int tmpfs_create(uint64_t size_limit, struct file_system **out)
{
    int err = -ENOMEM;
    struct file_system *fs = kzalloc(sizeof *fs, ALLOC_WAIT);
    struct memory_store *store = kmalloc(sizeof *store, ALLOC_WAIT);
    if (!fs || !store)
        goto free_both;
    memory_store_init(store, size_limit, 1);
    *fs = (struct file_system){.ops = &tmpfs_fs_ops, .type = "tmpfs", .magic = TMPFS_MAGIC, .data = store};
    const struct vfs_new new = {.mode = S_IFDIR | S_ISVTX | 0777};
    err = tmpfs_inode_create(fs, &new, &fs->root);
    if (err)
        goto free_both;
    fs->root->link_count = 2;
    *out = fs;
    return 0;

free_both:
    kfree(store);
    kfree(fs);
    return err;
}

int tmpfs_init(void)
{
    struct file_system *fs;
    int err = tmpfs_create(UINT64_MAX, &fs);
    if (!err)
        vfs_set_anonymous_fs(fs);
    return err;
}
