/* Inodes: compact (32 bytes) and extended (64 bytes), and where their data stands. */
#include <common/bytes.h>
#include <common/checked.h>
#include <erofs_format/format.h>

enum node_field { /* both forms */
                  NODE_AT_FORMAT = 0,
                  NODE_AT_XATTR_COUNT = 2,
                  NODE_AT_MODE = 4,
                  NODE_AT_SIZE = 8,
                  NODE_AT_DATA = 16, /* block, device number or chunk format */
};
enum compact_field { COMPACT_AT_LINKS = 6, COMPACT_AT_UID = 24, COMPACT_AT_GID = 26 };
enum extended_field {
    EXTENDED_AT_UID = 24,
    EXTENDED_AT_GID = 28,
    EXTENDED_AT_TIME = 32,
    EXTENDED_AT_NSEC = 40,
    EXTENDED_AT_LINKS = 44
};

#define FORMAT_EXTENDED     0x1u
#define FORMAT_LAYOUT(f)    (((f) >> 1) & 7u)
#define FORMAT_KNOWN        0xfu
#define CHUNK_SHIFT_MASK    0x1fu
#define CHUNK_INDEXES       0x20u
#define CHUNK_KNOWN         (CHUNK_SHIFT_MASK | CHUNK_INDEXES)
#define LAYOUT_COMPRESSED_1 1u
#define LAYOUT_COMPRESSED_3 3u

#define TYPE_MASK    0170000u
#define TYPE_REGULAR 0100000u
#define TYPE_FOLDER  0040000u
#define TYPE_LINK    0120000u
#define TYPE_CHAR    0020000u
#define TYPE_BLOCK   0060000u
#define TYPE_FIFO    0010000u
#define TYPE_SOCKET  0140000u

static uint64_t image_size(const struct erofs_super *super)
{
    return super->block_count * EROFS_BLOCK_SIZE;
}

/* Is [offset, offset + len) within the image? */
static bool is_inside(const struct erofs_super *super, uint64_t offset, uint64_t len)
{
    uint64_t size = image_size(super);
    return offset <= size && len <= size - offset;
}

int erofs_node_offset(const struct erofs_super *super, uint64_t nid, uint64_t *out)
{
    uint64_t offset;
    if (multiply_overflows(nid, (uint64_t)EROFS_INODE_MIN, &offset) ||
        add_overflows(offset, super->meta_offset, &offset) || !is_inside(super, offset, EROFS_INODE_MIN))
        return -EUCLEAN;
    *out = offset;
    return 0;
}

/* Linux's "new" encoding of 32 bits: minor bits 0-7 and 20-31, major bits 8-19; that is also st_rdev's low half. */
static bool parse_type(struct erofs_node *node, uint32_t device)
{
    switch (node->mode & TYPE_MASK) {
    case TYPE_CHAR:
    case TYPE_BLOCK:
        node->special_device = device;
        return true;
    case TYPE_REGULAR:
    case TYPE_FOLDER:
    case TYPE_LINK:
    case TYPE_FIFO:
    case TYPE_SOCKET:
        return true;
    default:
        return false;
    }
}

static bool has_data(const struct erofs_node *node)
{
    uint32_t type = node->mode & TYPE_MASK;
    return type == TYPE_REGULAR || type == TYPE_FOLDER || type == TYPE_LINK;
}

static void parse_compact(const struct erofs_super *super, const uint8_t *bytes, struct erofs_node *node)
{
    node->size = load_le32(bytes + NODE_AT_SIZE);
    node->link_count = load_le16(bytes + COMPACT_AT_LINKS);
    node->uid = load_le16(bytes + COMPACT_AT_UID);
    node->gid = load_le16(bytes + COMPACT_AT_GID);
    node->modify_ns = super->build_ns;
}

static int parse_extended(const uint8_t *bytes, struct erofs_node *node)
{
    node->size = load_le64(bytes + NODE_AT_SIZE);
    node->link_count = load_le32(bytes + EXTENDED_AT_LINKS);
    node->uid = load_le32(bytes + EXTENDED_AT_UID);
    node->gid = load_le32(bytes + EXTENDED_AT_GID);
    uint64_t seconds = load_le64(bytes + EXTENDED_AT_TIME);
    uint32_t nanoseconds = load_le32(bytes + EXTENDED_AT_NSEC);
    if (nanoseconds >= NS_PER_SECOND || multiply_overflows((int64_t)seconds, NS_PER_SECOND, &node->modify_ns) ||
        add_overflows(node->modify_ns, (int64_t)nanoseconds, &node->modify_ns))
        return -EUCLEAN;
    return node->size > INT64_MAX ? -EUCLEAN : 0;
}

static uint64_t blocks_of(uint64_t size)
{
    return size / EROFS_BLOCK_SIZE + !!(size % EROFS_BLOCK_SIZE);
}

/* Flat data: whole blocks in one run, then perhaps a tail right behind the inode, which does not cross a block. */
static int parse_flat(const struct erofs_super *super, const uint8_t *bytes, uint64_t behind, struct erofs_node *node)
{
    node->whole_blocks = blocks_of(node->size);
    if (node->layout == EROFS_FLAT_INLINE && node->size) {
        node->whole_blocks--;
        node->tail_offset = behind;
        node->tail_size = (uint32_t)(node->size - node->whole_blocks * EROFS_BLOCK_SIZE);
        if (behind % EROFS_BLOCK_SIZE + node->tail_size > EROFS_BLOCK_SIZE ||
            !is_inside(super, behind, node->tail_size))
            return -EUCLEAN;
    }
    node->data_block = node->whole_blocks ? load_le32(bytes + NODE_AT_DATA) : 0;
    if (node->whole_blocks > super->block_count || node->data_block > super->block_count - node->whole_blocks)
        return -EUCLEAN;
    return 0;
}

static int parse_chunked(const struct erofs_super *super, const uint8_t *bytes, uint64_t behind,
                         struct erofs_node *node)
{
    uint32_t format = load_le16(bytes + NODE_AT_DATA);
    if (format & ~CHUNK_KNOWN)
        return -EOPNOTSUPP;
    node->chunk_blocks_shift = format & CHUNK_SHIFT_MASK;
    node->entry_size = format & CHUNK_INDEXES ? 8 : 4;
    node->table_offset = align_up(behind, node->entry_size);
    node->whole_blocks = blocks_of(node->size);
    uint64_t chunks = (node->whole_blocks >> node->chunk_blocks_shift) +
                      !!(node->whole_blocks & ((UINT64_C(1) << node->chunk_blocks_shift) - 1));
    uint64_t table_size;
    if (multiply_overflows(chunks, (uint64_t)node->entry_size, &table_size) ||
        !is_inside(super, node->table_offset, table_size))
        return -EUCLEAN;
    return 0;
}

static int parse_data(const struct erofs_super *super, const uint8_t *bytes, uint64_t behind, struct erofs_node *node)
{
    if (!has_data(node)) {
        node->size = 0;
        return 0;
    }
    switch ((uint32_t)node->layout) {
    case EROFS_FLAT_PLAIN:
    case EROFS_FLAT_INLINE:
        return parse_flat(super, bytes, behind, node);
    case EROFS_CHUNKED:
        return parse_chunked(super, bytes, behind, node);
    case LAYOUT_COMPRESSED_1:
    case LAYOUT_COMPRESSED_3:
        return -EOPNOTSUPP;
    default:
        return -EUCLEAN;
    }
}

int erofs_parse_node(const struct erofs_super *super, const uint8_t *bytes, uint64_t offset, struct erofs_node *out)
{
    uint32_t format = load_le16(bytes + NODE_AT_FORMAT), xattr_count = load_le16(bytes + NODE_AT_XATTR_COUNT);
    if (format & ~FORMAT_KNOWN)
        return -EOPNOTSUPP;
    bool is_extended = format & FORMAT_EXTENDED;
    struct erofs_node node = {
        .offset = offset,
        .layout = (enum erofs_layout)FORMAT_LAYOUT(format),
        .mode = load_le16(bytes + NODE_AT_MODE),
        .xattr_offset = offset + (is_extended ? EROFS_INODE_MAX : EROFS_INODE_MIN),
        .xattr_size = xattr_count ? EROFS_XATTR_HEADER + 4u * (xattr_count - 1) : 0,
    };
    if (!is_inside(super, offset, node.xattr_offset - offset + node.xattr_size))
        return -EUCLEAN;
    if (!is_extended)
        parse_compact(super, bytes, &node);
    int err = is_extended ? parse_extended(bytes, &node) : 0;
    if (!err && !parse_type(&node, load_le32(bytes + NODE_AT_DATA)))
        err = -EUCLEAN;
    if (!err)
        err = parse_data(super, bytes, node.xattr_offset + node.xattr_size, &node);
    if (!err)
        *out = node;
    return err;
}

int erofs_parse_chunk(const struct erofs_super *super, const struct erofs_node *node, const uint8_t *entry,
                      uint64_t blocks, uint64_t *out)
{
    bool is_index = node->entry_size == 8;
    uint32_t block = load_le32(is_index ? entry + 4 : entry);
    if (block == UINT32_MAX) {
        *out = EROFS_NO_BLOCK;
        return 0;
    }
    if (is_index && load_le16(entry + 2)) /* on another device */
        return -EOPNOTSUPP;
    if (blocks > super->block_count || block > super->block_count - blocks)
        return -EUCLEAN;
    *out = block;
    return 0;
}
