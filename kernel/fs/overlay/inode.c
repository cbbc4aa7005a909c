/* Inodes of the overlay: made here, or standing for one of the lower file system; and which of them are kept. */
#include <base/string.h>
#include <mm/alloc.h>
#include "overlay.h"

static const struct inode_ops *ops_of(uint32_t mode)
{
    return (mode & S_IFMT) == S_IFDIR ? &overlay_directory_ops : &overlay_file_ops;
}

static struct overlay_inode *alloc_inode(struct overlay *overlay, uint64_t number, uint32_t mode)
{
    struct overlay_inode *self = kzalloc(sizeof *self, ALLOC_WAIT);
    if (!self)
        return NULL;
    inode_init(&self->inode, &overlay->fs, ops_of(mode), number, mode);
    list_init(&self->pin_link);
    memory_xattrs_init(&self->xattrs);
    if (inode_is(&self->inode, S_IFDIR))
        memory_names_init(&self->names);
    return self;
}

int overlay_inode_create(struct overlay *overlay, const struct vfs_new *new, struct inode **out)
{
    struct memory_file *file = NULL;
    if ((new->mode &S_IFMT) == S_IFREG && !(file = kmalloc(sizeof *file, ALLOC_WAIT)))
        return -ENOMEM;
    struct overlay_inode *self = alloc_inode(overlay, memory_store_next_number(&overlay->store), new->mode);
    if (!self) {
        kfree(file);
        return -ENOMEM;
    }
    struct inode *inode = &self->inode;
    memory_store_add_inode(&overlay->store); /* counts only: there is no limit */
    inode->uid = new->uid;
    inode->gid = new->gid;
    inode->special_device = new->device;
    inode->link_count = 0;
    if (file) {
        memory_file_init(file, inode, &overlay->store);
        self->file = file;
        inode->mapping = &file->mapping;
    }
    *out = inode;
    return 0;
}

static void copy_attributes(struct inode *inode, const struct inode *lower)
{
    inode->uid = lower->uid;
    inode->gid = lower->gid;
    inode->link_count = lower->link_count;
    inode->size = lower->size;
    inode->special_device = lower->special_device;
    inode->access_ns = lower->access_ns;
    inode->modify_ns = lower->modify_ns;
    inode->change_ns = lower->change_ns;
    inode->birth_ns = lower->birth_ns;
    inode->mapping = lower->mapping;
}

int overlay_inode_from_lower(struct overlay *overlay, struct inode *lower, struct inode **out)
{
    struct inode *inode = inode_cache_find(&overlay->fs, lower->number);
    if (inode) {
        inode_put(lower);
        *out = inode;
        return 0;
    }
    struct overlay_inode *self = alloc_inode(overlay, lower->number, lower->mode);
    if (!self) {
        inode_put(lower);
        return -ENOMEM;
    }
    self->lower = lower;
    copy_attributes(&self->inode, lower);
    inode = inode_cache_insert(&self->inode);
    if (inode != &self->inode) /* another thread was quicker */
        inode_put(&self->inode);
    *out = inode;
    return 0;
}

/* The root is held by the file system, and an inode made here by its names. */
void overlay_pin(struct inode *inode)
{
    struct overlay_inode *self = overlay_inode_of(inode);
    struct overlay *overlay = overlay_of(inode->fs);
    if (!self->lower || inode == inode->fs->root)
        return;
    spin_lock(&overlay->pin_lock);
    if (list_is_empty(&self->pin_link) && load_relaxed(&inode->link_count)) {
        inode_get(inode);
        list_add_last(&overlay->pinned, &self->pin_link);
    }
    spin_unlock(&overlay->pin_lock);
}

void overlay_unpin_unlinked(struct inode *inode)
{
    struct overlay_inode *self = overlay_inode_of(inode);
    struct overlay *overlay = overlay_of(inode->fs);
    spin_lock(&overlay->pin_lock);
    bool was_pinned = !load_relaxed(&inode->link_count) && !list_is_empty(&self->pin_link);
    if (was_pinned)
        list_remove(&self->pin_link);
    spin_unlock(&overlay->pin_lock);
    if (was_pinned)
        inode_put(inode);
}

/* Unmounted: the root goes, and with it what only the pins hold. */
static void unpin_all(struct overlay *overlay)
{
    for (;;) {
        struct overlay_inode *self = NULL;
        spin_lock(&overlay->pin_lock);
        if (!list_is_empty(&overlay->pinned)) {
            self = list_first(&overlay->pinned, struct overlay_inode, pin_link);
            list_remove(&self->pin_link);
        }
        spin_unlock(&overlay->pin_lock);
        if (!self)
            return;
        inode_put(&self->inode);
    }
}

static void free_contents(struct overlay_inode *self)
{
    struct inode *inode = &self->inode;
    if (inode_is(inode, S_IFDIR)) {
        memory_names_drop(&self->names, &overlay_of(inode->fs)->store);
    } else if (inode_is(inode, S_IFREG) && self->file) {
        memory_file_destroy(self->file);
        kfree(self->file);
    } else if (inode_is(inode, S_IFLNK)) {
        kfree(self->target);
    }
    memory_xattrs_destroy(&self->xattrs);
}

static void overlay_free(struct inode *inode)
{
    struct overlay_inode *self = overlay_inode_of(inode);
    struct overlay *overlay = overlay_of(inode->fs);
    inode_destroy(inode);
    free_contents(self);
    if (inode == overlay->fs.root)
        unpin_all(overlay);
    if (self->lower)
        inode_put(self->lower);
    else
        memory_store_remove_inode(&overlay->store);
    kfree(self);
}

static ssize_t read_link(struct inode *inode, char *to, size_t size)
{
    struct overlay_inode *self = overlay_inode_of(inode);
    if (self->lower)
        return self->lower->ops->readlink(self->lower, to, size);
    size_t len = inode->size;
    if (len >= size)
        return -ENAMETOOLONG;
    memcpy(to, self->target, len + 1);
    return (ssize_t)len;
}

static void stat_blocks(struct inode *inode, struct vfs_stat *out)
{
    const struct mapping *mapping = load_acquire(&inode->mapping);
    if (mapping && mapping->is_memory)
        out->blocks = mapping_page_count(mapping) * (PAGE_SIZE / 512);
    else
        out->blocks = overlay_inode_of(inode)->lower ? (load_relaxed(&inode->size) + 511) / 512 : 0;
}

const struct inode_ops overlay_directory_ops = {
    .lookup = overlay_lookup,
    .create = overlay_create_name,
    .mkdir = overlay_mkdir,
    .symlink = overlay_symlink,
    .link = overlay_link,
    .unlink = overlay_unlink,
    .rmdir = overlay_rmdir,
    .rename = overlay_rename,
    .create_unnamed = overlay_create_unnamed,
    .iterate = overlay_iterate,
    .prepare_change = overlay_prepare_change,
    .set_attributes = overlay_set_attributes,
    .stat = stat_blocks,
    .get_xattr = overlay_get_xattr,
    .set_xattr = overlay_set_xattr,
    .remove_xattr = overlay_remove_xattr,
    .list_xattr = overlay_list_xattr,
    .free = overlay_free,
};
const struct inode_ops overlay_file_ops = {
    .readlink = read_link,
    .prepare_change = overlay_prepare_change,
    .set_attributes = overlay_set_attributes,
    .truncate = overlay_truncate,
    .fallocate = overlay_fallocate,
    .seek_data = overlay_seek_data,
    .stat = stat_blocks,
    .get_xattr = overlay_get_xattr,
    .set_xattr = overlay_set_xattr,
    .remove_xattr = overlay_remove_xattr,
    .list_xattr = overlay_list_xattr,
    .free = overlay_free,
};
