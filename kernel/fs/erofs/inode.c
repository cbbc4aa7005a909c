/* Inodes: made from the image when they are first looked up; found again by number in the vfs's cache. */
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include "instance.h"

static ssize_t read_link(struct inode *inode, char *to, size_t size)
{
    struct erofs_inode *self = erofs_inode_of(inode);
    uint64_t len = self->node.size;
    if (!len || len >= VFS_PATH_MAX)
        return -EUCLEAN;
    if (len >= size)
        return -ENAMETOOLONG;
    struct erofs_view view;
    int err = erofs_view_block(self, 0, &view);
    if (err)
        return err;
    memcpy(to, view.bytes, view.len);
    erofs_view_put(&view);
    to[len] = 0;
    return strlen(to) == len ? (ssize_t)len : -EUCLEAN;
}

static void stat_blocks(struct inode *inode, struct vfs_stat *out)
{
    out->blocks = (erofs_inode_of(inode)->node.size + 511) / 512;
}

static void inode_free(struct inode *inode)
{
    struct erofs_inode *self = erofs_inode_of(inode);
    inode_destroy(inode);
    mapping_destroy(&self->mapping);
    kfree(self);
}

static const struct inode_ops directory_ops = {
    .lookup = erofs_lookup,
    .iterate = erofs_iterate,
    .stat = stat_blocks,
    .get_xattr = erofs_get_xattr,
    .list_xattr = erofs_list_xattr,
    .free = inode_free,
};
static const struct inode_ops other_ops = {
    .readlink = read_link,
    .stat = stat_blocks,
    .get_xattr = erofs_get_xattr,
    .list_xattr = erofs_list_xattr,
    .free = inode_free,
};

static int read_node(struct erofs *erofs, uint64_t nid, struct erofs_node *out)
{
    uint8_t bytes[EROFS_INODE_MAX] = {0};
    uint64_t offset;
    int err = erofs_node_offset(&erofs->super, nid, &offset);
    if (!err)
        err = erofs_read_bytes(erofs, offset, bytes, MIN(sizeof bytes, erofs->meta.size - offset));
    return err ? err : erofs_parse_node(&erofs->super, bytes, offset, out);
}

static struct erofs_inode *make_inode(struct erofs *erofs, uint64_t nid, const struct erofs_node *node)
{
    struct erofs_inode *self = kmalloc(sizeof *self, ALLOC_WAIT);
    if (!self)
        return NULL;
    self->node = *node;
    struct inode *inode = &self->inode;
    bool is_directory = (node->mode & S_IFMT) == S_IFDIR;
    inode_init(inode, &erofs->fs, is_directory ? &directory_ops : &other_ops, nid, node->mode);
    inode->uid = node->uid;
    inode->gid = node->gid;
    inode->link_count = node->link_count;
    inode->size = node->size;
    inode->special_device = node->special_device;
    inode->access_ns = inode->modify_ns = inode->change_ns = inode->birth_ns = node->modify_ns;
    mapping_init(&self->mapping, &erofs_data_ops, inode, node->size, false);
    if (inode_is(inode, S_IFREG))
        inode->mapping = &self->mapping;
    return self;
}

int erofs_inode_get(struct erofs *erofs, uint64_t nid, struct inode **out)
{
    struct inode *found = inode_cache_find(&erofs->fs, nid);
    if (found) {
        *out = found;
        return 0;
    }
    struct erofs_node node;
    int err = read_node(erofs, nid, &node);
    if (err)
        return err;
    struct erofs_inode *self = make_inode(erofs, nid, &node);
    if (!self)
        return -ENOMEM;
    struct inode *inode = inode_cache_insert(&self->inode);
    if (inode != &self->inode) /* another thread was quicker */
        inode_put(&self->inode);
    *out = inode;
    return 0;
}
