/* Extended attributes: entries of 4 bytes (name length 1, prefix 1, value size 2), name, value; rounded up to 4. */
#include <common/bytes.h>
#include <common/checked.h>
#include <erofs_format/format.h>

#define HEADER_AT_SHARED 4u
#define SHARED_MAX       128u

int erofs_parse_xattr_header(const struct erofs_node *node, const uint8_t *header, unsigned *shared_count)
{
    unsigned count = header[HEADER_AT_SHARED];
    if (count > SHARED_MAX || EROFS_XATTR_HEADER + 4u * count > node->xattr_size)
        return -EUCLEAN;
    *shared_count = count;
    return 0;
}

void erofs_parse_xattr(const uint8_t *entry, struct erofs_xattr *out)
{
    static const char *const prefixes[] = {
        [1] = "user.",     [2] = "system.posix_acl_access", [3] = "system.posix_acl_default", [4] = "trusted.",
        [6] = "security.",
    };
    *out = (struct erofs_xattr){
        .prefix = entry[1] < ARRAY_SIZE(prefixes) ? prefixes[entry[1]] : NULL,
        .name_len = entry[0],
        .value_size = load_le16(entry + 2),
    };
    out->total = align_up(EROFS_XATTR_ENTRY + out->name_len + out->value_size, 4u);
}

int erofs_shared_xattr_offset(const struct erofs_super *super, uint32_t id, uint64_t *out)
{
    uint64_t offset = super->xattr_offset + 4 * (uint64_t)id;
    if (offset + EROFS_XATTR_ENTRY > super->block_count * EROFS_BLOCK_SIZE)
        return -EUCLEAN;
    *out = offset;
    return 0;
}
