/* The parsers on bytes made by hand and on random bytes (under ASan: nothing outside the input is touched). */
#include <common/bytes.h>
#include <erofs_format/format.h>
#include <stdlib.h>
#include <string.h>
#include <test/test.h>

static const struct erofs_super super = {.block_count = 100, .meta_offset = 4096, .xattr_offset = 8192};

static uint32_t crc32c_reference(const uint8_t *bytes, size_t n)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < n * 8; i++) {
        uint32_t bit = (crc ^ (bytes[i / 8] >> (i % 8))) & 1;
        crc = (crc >> 1) ^ (bit ? 0x82F63B78u : 0);
    }
    return crc;
}

static void make_super(uint8_t *block)
{
    memset(block, 0, EROFS_BLOCK_SIZE);
    store_le32(block + 1024, 0xE0F5E1E2u);
    store_le32(block + 1032, 1);
    block[1036] = 12;
    store_le16(block + 1038, 36);
    store_le32(block + 1060, 8);
    store_le32(block + 1028, crc32c_reference(block + 1024, 3072));
}

TEST(super_is_checked)
{
    uint8_t block[EROFS_BLOCK_SIZE];
    struct erofs_super out;
    make_super(block);
    EXPECT_EQ(erofs_parse_super(block, 8 * 4096, &out), 0);
    EXPECT_EQ(out.root_nid, 36);
    EXPECT_EQ(out.block_count, 8);
    EXPECT_EQ(erofs_parse_super(block, 8 * 4096 - 1, &out), -EUCLEAN);
    block[2000] = 1;
    EXPECT_EQ(erofs_parse_super(block, 8 * 4096, &out), -EUCLEAN);
    make_super(block);
    block[1036] = 9;
    EXPECT_EQ(erofs_parse_super(block, 8 * 4096, &out), -EOPNOTSUPP);
    block[1024] = 0;
    EXPECT_EQ(erofs_parse_super(block, 8 * 4096, &out), -EINVAL);
}

static void make_compact(uint8_t *bytes, unsigned layout, uint32_t size, uint32_t data)
{
    memset(bytes, 0, EROFS_INODE_MAX);
    store_le16(bytes, (uint16_t)(layout << 1));
    store_le16(bytes + 4, 0100644);
    store_le16(bytes + 6, 1);
    store_le32(bytes + 8, size);
    store_le32(bytes + 16, data);
}

TEST(inode_data_stays_within_the_image)
{
    uint8_t bytes[EROFS_INODE_MAX];
    struct erofs_node node;
    make_compact(bytes, EROFS_FLAT_PLAIN, 8193, 97);
    EXPECT_EQ(erofs_parse_node(&super, bytes, 4096, &node), 0);
    EXPECT_EQ(node.whole_blocks, 3);
    EXPECT_EQ(node.data_block, 97);
    make_compact(bytes, EROFS_FLAT_PLAIN, 8193, 98);
    EXPECT_EQ(erofs_parse_node(&super, bytes, 4096, &node), -EUCLEAN);
    make_compact(bytes, EROFS_FLAT_PLAIN, 0, UINT32_MAX); /* no data: the address says nothing */
    EXPECT_EQ(erofs_parse_node(&super, bytes, 4096, &node), 0);
    make_compact(bytes, EROFS_FLAT_INLINE, 4096 + 4064, 1);
    EXPECT_EQ(erofs_parse_node(&super, bytes, 4096, &node), 0);
    EXPECT_EQ(node.tail_offset, 4096 + 32);
    EXPECT_EQ(node.tail_size, 4064);
    make_compact(bytes, EROFS_FLAT_INLINE, 4096 + 4065, 1); /* the tail would cross its block */
    EXPECT_EQ(erofs_parse_node(&super, bytes, 4096, &node), -EUCLEAN);
    make_compact(bytes, 1, 100, 1);
    EXPECT_EQ(erofs_parse_node(&super, bytes, 4096, &node), -EOPNOTSUPP);
    make_compact(bytes, EROFS_CHUNKED, 4096 * 3, 31 | 0x20);
    EXPECT_EQ(erofs_parse_node(&super, bytes, 4096, &node), 0);
    EXPECT_EQ(node.table_offset, 4096 + 32);
    make_compact(bytes, EROFS_CHUNKED, 0xffffffff, 0); /* its table would be 4 MiB */
    EXPECT_EQ(erofs_parse_node(&super, bytes, 4096, &node), -EUCLEAN);
}

TEST(numbers_beyond_the_image_are_refused)
{
    uint64_t offset;
    EXPECT_EQ(erofs_node_offset(&super, 0, &offset), 0);
    EXPECT_EQ(offset, 4096);
    EXPECT_EQ(erofs_node_offset(&super, 99 * 128 - 1, &offset), 0);
    EXPECT_EQ(erofs_node_offset(&super, 99 * 128, &offset), -EUCLEAN);
    EXPECT_EQ(erofs_node_offset(&super, UINT64_MAX / 32 + 1, &offset), -EUCLEAN);
    EXPECT_EQ(erofs_node_offset(&super, UINT64_MAX, &offset), -EUCLEAN);
    EXPECT_EQ(erofs_shared_xattr_offset(&super, UINT32_MAX, &offset), -EUCLEAN);
}

TEST(names_are_found_by_bytewise_order)
{
    static const char *const names[] = {"-", ".", "..", "A", "a", "a.b", "aa", "b"};
    uint8_t block[256] = {0};
    size_t at = 8 * 12;
    for (unsigned i = 0; i < 8; i++) {
        store_le64(block + 12 * i, 100 + i);
        store_le16(block + 12 * i + 8, (uint16_t)at);
        block[12 * i + 10] = 1;
        memcpy(block + at, names[i], strlen(names[i]));
        at += strlen(names[i]);
    }
    struct erofs_entry entry;
    int side = 5;
    for (unsigned i = 0; i < 8; i++) {
        EXPECT_EQ(erofs_find_entry(block, sizeof block, names[i], strlen(names[i]), &entry, &side), 0);
        EXPECT_EQ(entry.nid, 100 + i);
        EXPECT_EQ(entry.type_mode, 0100000);
    }
    EXPECT_EQ(erofs_find_entry(block, sizeof block, "+", 1, &entry, &side), -ENOENT);
    EXPECT_EQ(side, -1);
    EXPECT_EQ(erofs_find_entry(block, sizeof block, "ab", 2, &entry, &side), -ENOENT);
    EXPECT_EQ(side, 0);
    EXPECT_EQ(erofs_find_entry(block, sizeof block, "bb", 2, &entry, &side), -ENOENT);
    EXPECT_EQ(side, 1);
    store_le16(block + 8, 11);
    EXPECT_EQ(erofs_find_entry(block, sizeof block, "b", 1, &entry, &side), -EUCLEAN);
}

/* A copy of exactly n bytes, so that ASan sees one byte too far. */
static uint8_t *random_bytes(size_t n)
{
    uint8_t *bytes = malloc(n);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(test_random() % 3 ? test_random() : 0);
    return bytes;
}

static void try_directory(void)
{
    size_t size = 1 + test_random() % EROFS_BLOCK_SIZE;
    uint8_t *block = random_bytes(size);
    unsigned count = 1 + (unsigned)(test_random() % 20);
    for (unsigned i = 0; i < count && 12 * (i + 1) <= size; i++)
        store_le16(block + 12 * i + 8, (uint16_t)(12 * count + i * (test_random() % 8)));
    struct erofs_entry entry;
    int side;
    erofs_find_entry(block, size, "name", 4, &entry, &side);
    if (!erofs_entry_count(block, size, &count))
        for (unsigned i = 0; i < count; i++)
            if (!erofs_parse_entry(block, size, count, i, &entry))
                EXPECT(entry.name + entry.name_len <= (char *)block + size);
    free(block);
}

static void try_node(void)
{
    uint8_t *bytes = random_bytes(EROFS_INODE_MAX);
    struct erofs_node node;
    uint64_t block;
    bytes[0] &= 0xf;
    bytes[1] = 0;
    store_le16(bytes + 4, 0100644);
    if (test_random() % 2)
        memset(bytes + 10, 0, 8);
    if (!erofs_parse_node(&super, bytes, (test_random() % 400000) & ~31u, &node)) {
        EXPECT(node.layout == EROFS_CHUNKED || node.data_block + node.whole_blocks <= super.block_count);
        EXPECT(node.tail_offset + node.tail_size <= super.block_count * 4096);
        if (!erofs_parse_chunk(&super, &node, bytes, 3, &block))
            EXPECT(block == EROFS_NO_BLOCK || block + 3 <= super.block_count);
    }
    free(bytes);
}

TEST(random_bytes_stay_inside)
{
    for (unsigned i = 0; i < 20000; i++) {
        try_directory();
        try_node();
    }
}
