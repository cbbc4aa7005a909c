/* Extended attributes: those behind the inode, then those in the area that inodes share. Read through the metadata. */
#include <base/string.h>
#include "instance.h"

struct cursor {
    struct erofs *erofs;
    const struct erofs_node *node;
    uint64_t offset, end; /* of the inline ones that are left */
    unsigned shared, shared_count;
};
struct found {
    struct erofs_xattr xattr;
    uint64_t name_at, value_at;     /* bytes in the image */
    char name[EROFS_NAME_MAX + 32]; /* prefix and name, terminated */
    size_t name_len;
};

static int cursor_init(struct cursor *cursor, struct inode *inode)
{
    const struct erofs_node *node = &erofs_inode_of(inode)->node;
    *cursor = (struct cursor){.erofs = erofs_of(inode->fs), .node = node};
    if (!node->xattr_size)
        return 0;
    uint8_t header[EROFS_XATTR_HEADER];
    int err = erofs_read_bytes(cursor->erofs, node->xattr_offset, header, sizeof header);
    if (!err)
        err = erofs_parse_xattr_header(node, header, &cursor->shared_count);
    cursor->offset = node->xattr_offset + EROFS_XATTR_HEADER + 4 * (uint64_t)cursor->shared_count;
    cursor->end = node->xattr_offset + node->xattr_size;
    return err;
}

static int read_entry(struct cursor *cursor, uint64_t offset, struct found *found)
{
    uint8_t entry[EROFS_XATTR_ENTRY];
    int err = erofs_read_bytes(cursor->erofs, offset, entry, sizeof entry);
    if (err)
        return err;
    erofs_parse_xattr(entry, &found->xattr);
    found->name_at = offset + EROFS_XATTR_ENTRY;
    found->value_at = found->name_at + found->xattr.name_len;
    return 0;
}

/* Where the next entry stands: -ENODATA at the end. */
static int next_entry(struct cursor *cursor, struct found *found)
{
    if (cursor->offset < cursor->end) {
        uint64_t left = cursor->end - cursor->offset;
        int err = left < EROFS_XATTR_ENTRY ? -EUCLEAN : read_entry(cursor, cursor->offset, found);
        if (!err && found->xattr.total > left)
            err = -EUCLEAN;
        cursor->offset += err ? 0 : found->xattr.total;
        return err;
    }
    if (cursor->shared == cursor->shared_count)
        return -ENODATA;
    uint8_t id[4];
    uint64_t offset = 0, at = cursor->node->xattr_offset + EROFS_XATTR_HEADER + 4 * (uint64_t)cursor->shared++;
    int err = erofs_read_bytes(cursor->erofs, at, id, sizeof id);
    if (!err)
        err = erofs_shared_xattr_offset(&cursor->erofs->super, id[0] | id[1] << 8 | id[2] << 16 | (uint32_t)id[3] << 24,
                                        &offset);
    return err ? err : read_entry(cursor, offset, found);
}

/* The next attribute of a kind that has a name. */
static int next_named(struct cursor *cursor, struct found *found)
{
    int err;
    do
        err = next_entry(cursor, found);
    while (!err && !found->xattr.prefix);
    if (err)
        return err;
    size_t prefix_len = strlen(found->xattr.prefix);
    memcpy(found->name, found->xattr.prefix, prefix_len);
    err = erofs_read_bytes(cursor->erofs, found->name_at, found->name + prefix_len, found->xattr.name_len);
    found->name_len = prefix_len + found->xattr.name_len;
    found->name[found->name_len] = 0;
    return err;
}

ssize_t erofs_get_xattr(struct inode *inode, const char *name, void *to, size_t size)
{
    struct cursor cursor;
    struct found found;
    int err = cursor_init(&cursor, inode);
    while (!err) {
        err = next_named(&cursor, &found);
        if (!err && !strcmp(found.name, name))
            break;
    }
    if (err)
        return err;
    size_t len = found.xattr.value_size;
    if (size && size < len)
        return -ERANGE;
    if (size)
        err = erofs_read_bytes(cursor.erofs, found.value_at, to, len);
    return err ? err : (ssize_t)len;
}

ssize_t erofs_list_xattr(struct inode *inode, char *to, size_t size)
{
    struct cursor cursor;
    struct found found;
    size_t total = 0;
    int err = cursor_init(&cursor, inode);
    while (!err && !(err = next_named(&cursor, &found))) {
        size_t len = found.name_len + 1;
        if (size && len > size - total)
            return -ERANGE;
        if (size)
            memcpy(to + total, found.name, len);
        total += len;
    }
    return err == -ENODATA ? (ssize_t)total : err;
}
