/* tmpfs inodes: the operations on directories, symlinks, attributes. Contents, names and xattrs are modules of their
 * own. */
#include <base/string.h>
#include <mm/alloc.h>
#include "tmpfs.h"

int tmpfs_inode_create(struct file_system *fs, const struct vfs_new *new, struct inode **out)
{
    struct memory_store *store = tmpfs_store(fs);
    int err = memory_store_add_inode(store);
    if (err)
        return err;
    struct tmpfs_inode *self = kzalloc(sizeof *self, ALLOC_WAIT);
    if (!self) {
        memory_store_remove_inode(store);
        return -ENOMEM;
    }
    struct inode *inode = &self->inode;
    inode_init(inode, fs, &tmpfs_ops, memory_store_next_number(store), new->mode);
    inode->uid = new->uid;
    inode->gid = new->gid;
    inode->special_device = new->device;
    inode->link_count = 0;
    memory_xattrs_init(&self->xattrs);
    if (inode_is(inode, S_IFDIR)) {
        memory_names_init(&self->names);
    } else if (inode_is(inode, S_IFREG)) {
        memory_file_init(&self->file, inode, store);
        inode->mapping = &self->file.mapping;
    }
    *out = inode;
    return 0;
}

static void tmpfs_free(struct inode *inode)
{
    struct tmpfs_inode *self = tmpfs_of(inode);
    struct memory_store *store = tmpfs_store(inode->fs);
    inode_destroy(inode);
    if (inode_is(inode, S_IFDIR))
        memory_names_drop(&self->names, store);
    else if (inode_is(inode, S_IFREG))
        memory_file_destroy(&self->file);
    else if (inode_is(inode, S_IFLNK))
        kfree(self->target);
    memory_xattrs_destroy(&self->xattrs);
    memory_store_remove_inode(store);
    kfree(self);
}

static int lookup(struct inode *directory, const char *name, size_t len, struct inode **out)
{
    struct memory_name *entry = memory_names_find(&tmpfs_of(directory)->names, name, len);
    if (!entry)
        return -ENOENT;
    inode_get(entry->inode);
    *out = entry->inode;
    return 0;
}

/* Gives a new inode its first name. Takes the reference over in every case. */
static int publish(struct inode *directory, const char *name, size_t len, struct inode *inode, struct inode **out)
{
    int err = memory_names_add(directory, &tmpfs_of(directory)->names, name, len, inode, false);
    if (err) {
        inode_put(inode);
        return err;
    }
    store_relaxed(&inode->link_count, inode_is(inode, S_IFDIR) ? 2u : 1u);
    *out = inode;
    return 0;
}

static int create(struct inode *directory, const char *name, size_t len, const struct vfs_new *new, struct inode **out)
{
    struct inode *inode;
    int err = tmpfs_inode_create(directory->fs, new, &inode);
    return err ? err : publish(directory, name, len, inode, out);
}

static int make_directory(struct inode *directory, const char *name, size_t len, const struct vfs_new *new,
                          struct inode **out)
{
    struct vfs_new as_directory = *new;
    as_directory.mode = (new->mode & ~S_IFMT) | S_IFDIR;
    return create(directory, name, len, &as_directory, out);
}

static int make_symlink(struct inode *directory, const char *name, size_t len, const struct vfs_new *new,
                        const char *target, struct inode **out)
{
    struct vfs_new as_link = *new;
    as_link.mode = S_IFLNK | 0777;
    struct inode *inode;
    int err = tmpfs_inode_create(directory->fs, &as_link, &inode);
    if (err)
        return err;
    tmpfs_of(inode)->target = kstrdup(target, ALLOC_WAIT);
    if (!tmpfs_of(inode)->target) {
        inode_put(inode);
        return -ENOMEM;
    }
    inode->size = strlen(target);
    return publish(directory, name, len, inode, out);
}

static int create_unnamed(struct inode *directory, const struct vfs_new *new, struct inode **out)
{
    return tmpfs_inode_create(directory->fs, new, out);
}

static int link_name(struct inode *directory, const char *name, size_t len, struct inode *target)
{
    int err = memory_names_add(directory, &tmpfs_of(directory)->names, name, len, target, false);
    if (err)
        return err;
    add_relaxed(&target->link_count, 1u);
    inode_touch(target, false);
    return 0;
}

static int unlink_name(struct inode *directory, const char *name, size_t len, struct inode *target)
{
    struct memory_names *names = &tmpfs_of(directory)->names;
    struct memory_name *entry = memory_names_find(names, name, len);
    if (!entry || entry->inode != target)
        return -ENOENT;
    memory_names_unlink(directory, names, entry);
    return 0;
}

static int remove_directory(struct inode *directory, const char *name, size_t len, struct inode *target)
{
    if (tmpfs_of(target)->names.live)
        return -ENOTEMPTY;
    return unlink_name(directory, name, len, target);
}

static int rename_name(struct inode *from, const char *name, size_t len, struct inode *target, struct inode *to,
                       const char *new_name, size_t new_len, struct inode *victim, unsigned flags)
{
    struct memory_place source = {from, &tmpfs_of(from)->names}, place = {to, &tmpfs_of(to)->names};
    struct memory_name *entry = memory_names_find(source.names, name, len);
    struct memory_name *other = memory_names_find(place.names, new_name, new_len);
    if (!entry || entry->inode != target || (victim && !other))
        return -ENOENT;
    if (flags & MEMORY_EXCHANGE) {
        if (!other)
            return -ENOENT;
        memory_names_exchange(source, entry, place, other);
        return 0;
    }
    if (other && (flags & MEMORY_NO_REPLACE))
        return -EEXIST;
    if (other && inode_is(other->inode, S_IFDIR) && tmpfs_of(other->inode)->names.live)
        return -ENOTEMPTY;
    struct inode *old;
    int err = memory_names_move(source, entry, place, new_name, new_len, &old);
    if (!err)
        inode_put(old);
    return err;
}

static int iterate(struct inode *directory, uint64_t position, struct directory_sink *sink)
{
    memory_names_iterate(&tmpfs_of(directory)->names, 0, position, sink);
    return 0;
}

static ssize_t read_link(struct inode *inode, char *to, size_t size)
{
    size_t len = inode->size;
    if (len >= size)
        return -ENAMETOOLONG;
    memcpy(to, tmpfs_of(inode)->target, len + 1);
    return (ssize_t)len;
}

static void stat_blocks(struct inode *inode, struct vfs_stat *out)
{
    out->blocks = inode->mapping ? mapping_page_count(inode->mapping) * (PAGE_SIZE / 512) : 0;
}

static ssize_t get_xattr(struct inode *inode, const char *name, void *to, size_t size)
{
    return memory_xattrs_get(&tmpfs_of(inode)->xattrs, name, to, size);
}

static int set_xattr(struct inode *inode, const char *name, const void *value, size_t size, int flags)
{
    return memory_xattrs_set(&tmpfs_of(inode)->xattrs, name, value, size, flags);
}

static int remove_xattr(struct inode *inode, const char *name)
{
    return memory_xattrs_remove(&tmpfs_of(inode)->xattrs, name);
}

static ssize_t list_xattr(struct inode *inode, char *to, size_t size)
{
    return memory_xattrs_list(&tmpfs_of(inode)->xattrs, to, size);
}

const struct inode_ops tmpfs_ops = {
    .lookup = lookup,
    .create = create,
    .mkdir = make_directory,
    .symlink = make_symlink,
    .link = link_name,
    .unlink = unlink_name,
    .rmdir = remove_directory,
    .rename = rename_name,
    .create_unnamed = create_unnamed,
    .iterate = iterate,
    .readlink = read_link,
    .truncate = memory_file_truncate,
    .fallocate = memory_file_allocate,
    .seek_data = memory_file_seek,
    .stat = stat_blocks,
    .get_xattr = get_xattr,
    .set_xattr = set_xattr,
    .remove_xattr = remove_xattr,
    .list_xattr = list_xattr,
    .free = tmpfs_free,
};
