/* Directories: the table first, then the lower directory; a change takes the name that it concerns into the table. */
#include <base/string.h>
#include <mm/alloc.h>
#include "overlay.h"

/* Positions: the lower directory's own below this, the table's cookies from here on. */
#define TABLE_BASE (UINT64_C(1) << 62)

static struct memory_names *names_of(struct inode *directory)
{
    return &overlay_inode_of(directory)->names;
}

int overlay_lookup(struct inode *directory, const char *name, size_t len, struct inode **out)
{
    struct overlay_inode *self = overlay_inode_of(directory);
    struct memory_name *entry = memory_names_find(&self->names, name, len);
    if (entry && entry->inode) {
        inode_get(entry->inode);
        *out = entry->inode;
        return 0;
    }
    if (entry || !self->lower)
        return -ENOENT;
    struct inode *lower;
    int err = self->lower->ops->lookup(self->lower, name, len, &lower);
    return err ? err : overlay_inode_from_lower(overlay_of(directory->fs), lower, out);
}

/* ---- making names ---- */

/* Gives a new inode its first name. Takes the reference over in every case. */
static int publish(struct inode *directory, const char *name, size_t len, struct inode *inode, struct inode **out)
{
    int err = memory_names_add(directory, names_of(directory), name, len, inode, false);
    if (err) {
        inode_put(inode);
        return err;
    }
    overlay_pin(directory);
    store_relaxed(&inode->link_count, inode_is(inode, S_IFDIR) ? 2u : 1u);
    *out = inode;
    return 0;
}

int overlay_create_name(struct inode *directory, const char *name, size_t len, const struct vfs_new *new,
                        struct inode **out)
{
    struct inode *inode;
    int err = overlay_inode_create(overlay_of(directory->fs), new, &inode);
    return err ? err : publish(directory, name, len, inode, out);
}

int overlay_mkdir(struct inode *directory, const char *name, size_t len, const struct vfs_new *new, struct inode **out)
{
    struct vfs_new as_directory = *new;
    as_directory.mode = (new->mode & ~S_IFMT) | S_IFDIR;
    return overlay_create_name(directory, name, len, &as_directory, out);
}

int overlay_symlink(struct inode *directory, const char *name, size_t len, const struct vfs_new *new,
                    const char *target, struct inode **out)
{
    struct vfs_new as_link = *new;
    as_link.mode = S_IFLNK | 0777;
    struct inode *inode;
    int err = overlay_inode_create(overlay_of(directory->fs), &as_link, &inode);
    if (err)
        return err;
    overlay_inode_of(inode)->target = kstrdup(target, ALLOC_WAIT);
    if (!overlay_inode_of(inode)->target) {
        inode_put(inode);
        return -ENOMEM;
    }
    inode->size = strlen(target);
    return publish(directory, name, len, inode, out);
}

int overlay_create_unnamed(struct inode *directory, const struct vfs_new *new, struct inode **out)
{
    return overlay_inode_create(overlay_of(directory->fs), new, out);
}

int overlay_link(struct inode *directory, const char *name, size_t len, struct inode *target)
{
    int err = memory_names_add(directory, names_of(directory), name, len, target, false);
    if (err)
        return err;
    overlay_pin(directory);
    add_relaxed(&target->link_count, 1u);
    overlay_pin(target);
    inode_touch(target, false);
    return 0;
}

/* ---- removing and moving names ---- */

/* The table's entry for a name that leads to `target`, taken in from below if it is not there yet. */
static int take_in(struct inode *directory, const char *name, size_t len, struct inode *target,
                   struct memory_name **out)
{
    struct memory_names *names = names_of(directory);
    struct memory_name *entry = memory_names_find(names, name, len);
    if (!entry && overlay_inode_of(directory)->lower) {
        int err = memory_names_adopt(names, name, len, target);
        if (err)
            return err;
        overlay_pin(directory);
        entry = memory_names_find(names, name, len);
    }
    if (!entry || entry->inode != target)
        return -ENOENT;
    *out = entry;
    return 0;
}

int overlay_unlink(struct inode *directory, const char *name, size_t len, struct inode *target)
{
    struct memory_name *entry;
    int err = take_in(directory, name, len, target, &entry);
    if (err)
        return err;
    overlay_pin(target); /* other links must see the new count */
    memory_names_unlink(directory, names_of(directory), entry);
    overlay_unpin_unlinked(target);
    return 0;
}

struct visible_sink {
    struct directory_sink sink;
    struct directory_sink *to; /* NULL: only tells whether there is any */
    const struct memory_names *names;
    bool is_full;
};

/* Passes on what the table neither hides nor replaces. */
static bool visible_entry(struct directory_sink *sink, const char *name, size_t len, uint64_t number,
                          uint32_t type_mode, uint64_t next)
{
    struct visible_sink *visible = container_of(sink, struct visible_sink, sink);
    if (memory_names_find(visible->names, name, len))
        return true;
    visible->is_full = !visible->to || !visible->to->entry(visible->to, name, len, number, type_mode, next);
    return !visible->is_full;
}

static int iterate_lower(struct overlay_inode *self, uint64_t position, struct directory_sink *to, bool *is_full)
{
    struct visible_sink visible = {.sink.entry = visible_entry, .to = to, .names = &self->names};
    int err = self->lower ? self->lower->ops->iterate(self->lower, position, &visible.sink) : 0;
    *is_full = visible.is_full;
    return err;
}

static int check_empty(struct inode *directory)
{
    struct overlay_inode *self = overlay_inode_of(directory);
    bool has_any;
    if (self->names.live)
        return -ENOTEMPTY;
    int err = iterate_lower(self, 0, NULL, &has_any);
    return err ? err : has_any ? -ENOTEMPTY : 0;
}

int overlay_rmdir(struct inode *directory, const char *name, size_t len, struct inode *target)
{
    int err = check_empty(target);
    return err ? err : overlay_unlink(directory, name, len, target);
}

static int replace(struct memory_place source, struct memory_name *entry, struct memory_place place, const char *name,
                   size_t len)
{
    struct inode *old;
    int err = memory_names_move(source, entry, place, name, len, &old);
    if (err || !old)
        return err;
    overlay_unpin_unlinked(old);
    inode_put(old);
    return 0;
}

int overlay_rename(struct inode *from, const char *name, size_t len, struct inode *target, struct inode *to,
                   const char *new_name, size_t new_len, struct inode *victim, unsigned flags)
{
    struct memory_place source = {from, names_of(from)}, place = {to, names_of(to)};
    struct memory_name *entry, *other = NULL;
    if (victim && (flags & MEMORY_NO_REPLACE))
        return -EEXIST;
    if (!victim && (flags & MEMORY_EXCHANGE))
        return -ENOENT;
    int err = victim && !(flags & MEMORY_EXCHANGE) && inode_is(victim, S_IFDIR) ? check_empty(victim) : 0;
    if (!err)
        err = take_in(from, name, len, target, &entry);
    if (!err && victim)
        err = take_in(to, new_name, new_len, victim, &other);
    if (err)
        return err;
    overlay_pin(from);
    overlay_pin(to);
    if (victim)
        overlay_pin(victim);
    if (!(flags & MEMORY_EXCHANGE))
        return replace(source, entry, place, new_name, new_len);
    memory_names_exchange(source, entry, place, other);
    return 0;
}

int overlay_iterate(struct inode *directory, uint64_t position, struct directory_sink *sink)
{
    struct overlay_inode *self = overlay_inode_of(directory);
    bool is_full = false;
    int err = position < TABLE_BASE ? iterate_lower(self, position, sink, &is_full) : 0;
    if (!err && !is_full)
        memory_names_iterate(&self->names, TABLE_BASE, position, sink);
    return err;
}
