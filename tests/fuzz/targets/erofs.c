/* The EROFS parsers over an image in memory: the superblock, then the inodes and directory blocks it leads to. */
#include <assert.h>
#include <erofs_format/format.h>
#include <string.h>

enum { ENTRIES_MAX = 4096, NODES_MAX = 64 };

static void copy_from(const uint8_t *bytes, size_t len, uint64_t offset, uint8_t *to, size_t n)
{
    memset(to, 0, n);
    if (offset < len)
        memcpy(to, bytes + offset, n < len - offset ? n : len - offset);
}

static void look_at_block(const uint8_t *block, size_t size)
{
    unsigned count;
    int side;
    struct erofs_entry entry;
    if (erofs_entry_count(block, size, &count))
        return;
    for (unsigned i = 0; i < count && i < ENTRIES_MAX; i++) {
        if (erofs_parse_entry(block, size, count, i, &entry))
            continue;
        assert((const uint8_t *)entry.name >= block && (const uint8_t *)entry.name + entry.name_len <= block + size);
    }
    erofs_find_entry(block, size, "name", 4, &entry, &side);
}

static void look_at_node(const struct erofs_super *super, const uint8_t *bytes, size_t len, uint64_t nid)
{
    uint64_t offset, block;
    uint8_t inode[EROFS_INODE_MAX], data[EROFS_BLOCK_SIZE];
    struct erofs_node node;
    struct erofs_xattr xattr;
    unsigned shared;
    if (erofs_node_offset(super, nid, &offset))
        return;
    copy_from(bytes, len, offset, inode, sizeof inode);
    if (erofs_parse_node(super, inode, offset, &node))
        return;
    if (node.layout == EROFS_CHUNKED) {
        copy_from(bytes, len, node.table_offset, data, 8);
        erofs_parse_chunk(super, &node, data, 1, &block);
    } else if (node.tail_size) {
        assert(node.tail_size <= EROFS_BLOCK_SIZE);
        copy_from(bytes, len, node.tail_offset, data, sizeof data);
        look_at_block(data, node.tail_size);
    } else {
        copy_from(bytes, len, node.data_block * EROFS_BLOCK_SIZE, data, sizeof data);
        look_at_block(data, node.size < sizeof data ? node.size : sizeof data);
    }
    copy_from(bytes, len, node.xattr_offset, data, sizeof data);
    if (node.xattr_size && !erofs_parse_xattr_header(&node, data, &shared))
        erofs_parse_xattr(data + EROFS_XATTR_HEADER, &xattr);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct erofs_super super;
    uint8_t block[EROFS_BLOCK_SIZE];
    copy_from(bytes, len, 0, block, sizeof block);
    if (!erofs_parse_super(block, len, &super)) {
        look_at_node(&super, bytes, len, super.root_nid);
        for (uint64_t nid = 0; nid < NODES_MAX; nid++)
            look_at_node(&super, bytes, len, nid);
    }
    look_at_block(bytes, len < EROFS_BLOCK_SIZE ? len : EROFS_BLOCK_SIZE);
    return 0;
}
