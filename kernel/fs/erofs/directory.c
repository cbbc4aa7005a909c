/* Directories: binary search over the blocks, then within one; listing in the order on disk. */
#include "instance.h"

static uint64_t block_count(const struct erofs_node *node)
{
    return node->size / EROFS_BLOCK_SIZE + !!(node->size % EROFS_BLOCK_SIZE);
}

static int find_in_block(struct erofs_inode *self, uint64_t index, const char *name, size_t len, uint64_t *nid,
                         int *side)
{
    struct erofs_view view;
    int err = erofs_view_block(self, index, &view);
    if (err)
        return err;
    struct erofs_entry entry;
    err = erofs_find_entry(view.bytes, view.len, name, len, &entry, side);
    if (!err)
        *nid = entry.nid;
    erofs_view_put(&view);
    return err;
}

int erofs_lookup(struct inode *directory, const char *name, size_t len, struct inode **out)
{
    struct erofs_inode *self = erofs_inode_of(directory);
    uint64_t low = 0, high = block_count(&self->node), nid;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        int side, err = find_in_block(self, middle, name, len, &nid, &side);
        if (!err)
            return erofs_inode_get(erofs_of(directory->fs), nid, out);
        if (err != -ENOENT || !side)
            return err;
        if (side < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -ENOENT;
}

static bool is_dot(const struct erofs_entry *entry)
{
    return entry->name[0] == '.' && (entry->name_len == 1 || (entry->name_len == 2 && entry->name[1] == '.'));
}

/* 1: the sink is full. */
static int list_block(const struct erofs_view *view, uint64_t index, unsigned first, struct directory_sink *sink)
{
    unsigned count;
    int err = erofs_entry_count(view->bytes, view->len, &count);
    for (unsigned i = first; !err && i < count; i++) {
        struct erofs_entry entry;
        err = erofs_parse_entry(view->bytes, view->len, count, i, &entry);
        if (err || is_dot(&entry))
            continue;
        if (!sink->entry(sink, entry.name, entry.name_len, entry.nid, entry.type_mode,
                         index * EROFS_BLOCK_SIZE + i + 1))
            return 1;
    }
    return err;
}

/* A position is the block's offset plus the number of the entry in it; a block has fewer entries than bytes. */
int erofs_iterate(struct inode *directory, uint64_t position, struct directory_sink *sink)
{
    struct erofs_inode *self = erofs_inode_of(directory);
    uint64_t count = block_count(&self->node);
    for (uint64_t index = position / EROFS_BLOCK_SIZE; index < count; index++) {
        struct erofs_view view;
        int err = erofs_view_block(self, index, &view);
        if (err)
            return err;
        unsigned first = index == position / EROFS_BLOCK_SIZE ? (unsigned)(position % EROFS_BLOCK_SIZE) : 0;
        err = list_block(&view, index, first, sink);
        erofs_view_put(&view);
        if (err)
            return err < 0 ? err : 0;
    }
    return 0;
}
