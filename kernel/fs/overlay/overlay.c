/* The overlay as a file system. */
#include <mm/alloc.h>
#include "overlay.h"

static int overlay_statfs(struct file_system *fs, struct vfs_statfs *out)
{
    memory_store_statfs(&overlay_of(fs)->store, OVERLAY_MAGIC, out);
    return 0;
}

/* All inodes are gone, and with them all but one reference on the lower root: it was never mounted by itself. */
static void overlay_free_instance(struct file_system *fs)
{
    struct overlay *overlay = overlay_of(fs);
    overlay->lower->is_unmounted = true;
    inode_put(overlay->lower->root);
    kfree(overlay);
}

static const struct file_system_ops overlay_ops = {.statfs = overlay_statfs, .free = overlay_free_instance};

int overlay_create(struct file_system *lower, uint64_t size_limit, struct file_system **out)
{
    struct overlay *overlay = kzalloc(sizeof *overlay, ALLOC_WAIT);
    if (!overlay)
        return -ENOMEM;
    overlay->fs = (struct file_system){.ops = &overlay_ops, .type = "overlay", .magic = OVERLAY_MAGIC};
    overlay->lower = lower;
    memory_store_init(&overlay->store, size_limit, OVERLAY_FIRST_NUMBER);
    mutex_init(&overlay->xattr_lock);
    spin_init(&overlay->pin_lock);
    list_init(&overlay->pinned);
    inode_get(lower->root);
    int err = overlay_inode_from_lower(overlay, lower->root, &overlay->fs.root);
    if (err) {
        kfree(overlay);
        return err;
    }
    *out = &overlay->fs;
    return 0;
}
