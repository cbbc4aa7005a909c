/* EROFS as a file system: the superblock, the root, statfs. */
#include <base/string.h>
#include <common/bytes.h>
#include <mm/alloc.h>
#include "instance.h"

static int erofs_statfs(struct file_system *fs, struct vfs_statfs *out)
{
    const struct erofs_super *super = &erofs_of(fs)->super;
    *out = (struct vfs_statfs){
        .type = EROFS_MAGIC,
        .block_size = EROFS_BLOCK_SIZE,
        .blocks = super->block_count,
        .files = super->inode_count,
        .id = load_le64(super->uuid) ^ load_le64(super->uuid + 8),
    };
    return 0;
}

static void erofs_free(struct file_system *fs)
{
    struct erofs *erofs = erofs_of(fs);
    mapping_destroy(&erofs->meta);
    kfree(erofs);
}

static const struct file_system_ops erofs_ops = {.statfs = erofs_statfs, .free = erofs_free};

static int read_super(struct block_device *device, struct erofs_super *super)
{
    if (device->sector_count < EROFS_BLOCK_SIZE / 512)
        return -EINVAL;
    struct page *page = page_alloc(0, ALLOC_WAIT);
    if (!page)
        return -ENOMEM;
    int err = block_transfer(device, BLOCK_READ, 0, page_address(page), EROFS_BLOCK_SIZE);
    if (!err)
        err = erofs_parse_super(page_address(page), device->sector_count * 512, super);
    page_put(page);
    return err;
}

int erofs_open(struct block_device *device, struct file_system **out)
{
    struct erofs_super super;
    int err = read_super(device, &super);
    if (err)
        return err;
    struct erofs *erofs = kmalloc(sizeof *erofs, ALLOC_WAIT);
    if (!erofs)
        return -ENOMEM;
    *erofs = (struct erofs){
        .fs = {.ops = &erofs_ops, .type = "erofs", .options = "ro", .magic = EROFS_MAGIC, .is_read_only = true},
        .device = device,
        .super = super,
    };
    mapping_init(&erofs->meta, &erofs_meta_ops, erofs, super.block_count * EROFS_BLOCK_SIZE, false);
    struct inode *root;
    err = erofs_inode_get(erofs, super.root_nid, &root);
    if (err)
        goto free_erofs;
    if (!inode_is(root, S_IFDIR)) {
        inode_put(root);
        err = -EUCLEAN;
        goto free_erofs;
    }
    erofs->fs.root = root;
    *out = &erofs->fs;
    return 0;

free_erofs:
    erofs_free(&erofs->fs);
    return err;
}
