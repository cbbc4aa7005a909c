/* The superblock: 128 bytes at offset 1024 of the image, under a CRC-32C of the rest of the first block. */
#include <base/string.h>
#include <common/bytes.h>
#include <common/checked.h>
#include <erofs_format/format.h>

#define SUPER_MAGIC          0xE0F5E1E2u
#define SUPER_SIZE           128u
#define COMPAT_CHECKSUM      0x1u
#define INCOMPAT_ZEROPADDING 0x1u /* of compressed data, which we do not read: harmless */
#define INCOMPAT_CHUNKED     0x4u
#define INCOMPAT_KNOWN       (INCOMPAT_ZEROPADDING | INCOMPAT_CHUNKED)

enum super_field {
    SUPER_AT_MAGIC = 0,
    SUPER_AT_CHECKSUM = 4,
    SUPER_AT_COMPAT = 8,
    SUPER_AT_BLOCK_BITS = 12,
    SUPER_AT_EXTRA_SLOTS = 13,
    SUPER_AT_ROOT_NID = 14,
    SUPER_AT_INODES = 16,
    SUPER_AT_BUILD_TIME = 24,
    SUPER_AT_BUILD_NSEC = 32,
    SUPER_AT_BLOCKS = 36,
    SUPER_AT_META_BLOCK = 40,
    SUPER_AT_XATTR_BLOCK = 44,
    SUPER_AT_UUID = 48,
    SUPER_AT_INCOMPAT = 80,
};

/* Reflected CRC-32C (polynomial 0x1EDC6F41) by half bytes; the caller inverts. */
static uint32_t crc32c(uint32_t crc, const uint8_t *bytes, size_t n)
{
    static const uint32_t table[16] = {
        0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
        0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75,
    };
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return crc;
}

/* Over the block from the superblock on, its own field taken as zero. Not inverted at the end, as Linux has it. */
static bool checksum_is_right(const uint8_t *block)
{
    static const uint8_t zero[4];
    const uint8_t *super = block + EROFS_SUPER_OFFSET;
    uint32_t crc = crc32c(UINT32_MAX, super, SUPER_AT_CHECKSUM);
    crc = crc32c(crc, zero, sizeof zero);
    crc = crc32c(crc, super + SUPER_AT_COMPAT, EROFS_BLOCK_SIZE - EROFS_SUPER_OFFSET - SUPER_AT_COMPAT);
    return crc == load_le32(super + SUPER_AT_CHECKSUM);
}

static int check_super(const uint8_t *block)
{
    const uint8_t *super = block + EROFS_SUPER_OFFSET;
    if (load_le32(super + SUPER_AT_MAGIC) != SUPER_MAGIC)
        return -EINVAL;
    if (super[SUPER_AT_BLOCK_BITS] != 12)
        return -EOPNOTSUPP;
    if ((load_le32(super + SUPER_AT_COMPAT) & COMPAT_CHECKSUM) && !checksum_is_right(block))
        return -EUCLEAN;
    if (load_le32(super + SUPER_AT_INCOMPAT) & ~INCOMPAT_KNOWN)
        return -EOPNOTSUPP;
    return SUPER_SIZE + super[SUPER_AT_EXTRA_SLOTS] * 16u > EROFS_BLOCK_SIZE - EROFS_SUPER_OFFSET ? -EUCLEAN : 0;
}

/* Seconds and nanoseconds to nanoseconds; false when it does not fit. */
static bool to_ns(uint64_t seconds, uint32_t nanoseconds, int64_t *out)
{
    int64_t ns;
    if (nanoseconds >= NS_PER_SECOND || multiply_overflows((int64_t)seconds, NS_PER_SECOND, &ns) ||
        add_overflows(ns, (int64_t)nanoseconds, &ns))
        return false;
    *out = ns;
    return true;
}

int erofs_parse_super(const uint8_t *block, uint64_t device_size, struct erofs_super *out)
{
    int err = check_super(block);
    if (err)
        return err;
    const uint8_t *super = block + EROFS_SUPER_OFFSET;
    struct erofs_super s = {
        .block_count = load_le32(super + SUPER_AT_BLOCKS),
        .meta_offset = (uint64_t)load_le32(super + SUPER_AT_META_BLOCK) * EROFS_BLOCK_SIZE,
        .xattr_offset = (uint64_t)load_le32(super + SUPER_AT_XATTR_BLOCK) * EROFS_BLOCK_SIZE,
        .root_nid = load_le16(super + SUPER_AT_ROOT_NID),
        .inode_count = load_le64(super + SUPER_AT_INODES),
    };
    if (!to_ns(load_le64(super + SUPER_AT_BUILD_TIME), load_le32(super + SUPER_AT_BUILD_NSEC), &s.build_ns))
        return -EUCLEAN;
    if (!s.block_count || s.block_count > device_size / EROFS_BLOCK_SIZE)
        return -EUCLEAN;
    if (s.meta_offset / EROFS_BLOCK_SIZE >= s.block_count)
        return -EUCLEAN;
    memcpy(s.uuid, super + SUPER_AT_UUID, sizeof s.uuid);
    *out = s;
    return 0;
}
