/*
 * The on-disk format of EROFS as mkfs.erofs writes it without compression (Linux Documentation/filesystems/erofs.rst,
 * erofs-utils 1.5): little-endian, 4096-byte blocks. Pure parsers: bytes in, struct out; every field is checked here,
 * so what comes out may be used for arithmetic without overflow. -EUCLEAN: the bytes contradict themselves.
 *
 * All metadata is addressed by bytes from the start of the image. An inode's number (nid) is its place in units of 32
 * bytes from the metadata area on; behind the inode stand its inline xattrs, then the chunk table or the tail of the
 * data.
 */
#pragma once
#include <base/errno.h>
#include <base/types.h>

#define EROFS_BLOCK_SIZE   4096u
#define EROFS_SUPER_OFFSET 1024u
#define EROFS_NAME_MAX     255u
#define EROFS_NO_BLOCK     UINT64_MAX /* a hole */

struct erofs_super {
    uint64_t block_count;  /* of the image; all addresses are below block_count * 4096 */
    uint64_t meta_offset;  /* bytes */
    uint64_t xattr_offset; /* bytes: shared xattrs */
    uint64_t root_nid;
    uint64_t inode_count;
    int64_t build_ns; /* time of compact inodes */
    uint8_t uuid[16];
};
/* The first block of the image (4096 bytes) and the device's size in bytes. -EINVAL: not EROFS; -EUCLEAN; -EOPNOTSUPP:
 * features or a block size that this driver lacks. */
int erofs_parse_super(const uint8_t *block, uint64_t device_size, struct erofs_super *out);

#define EROFS_INODE_MIN 32u /* bytes of a compact inode; the first 2 tell which it is */
#define EROFS_INODE_MAX 64u
enum erofs_layout { EROFS_FLAT_PLAIN = 0, EROFS_FLAT_INLINE = 2, EROFS_CHUNKED = 4 };
struct erofs_node {
    uint64_t offset; /* of the inode in the image, bytes */
    enum erofs_layout layout;
    uint32_t mode, uid, gid, link_count;
    uint64_t size;
    uint64_t special_device; /* as stat's st_rdev */
    int64_t modify_ns;
    uint64_t xattr_offset, xattr_size; /* inline xattrs, bytes in the image; size 0: none */
    uint64_t data_block;               /* flat: the first block of the data */
    uint64_t whole_blocks;             /* flat inline: blocks before the tail; else all blocks */
    uint64_t tail_offset;              /* flat inline: where the tail stands in the image, in one block */
    uint32_t tail_size;                /* 0: no tail */
    uint64_t table_offset;             /* chunked: where its entries stand */
    uint32_t chunk_blocks_shift;
    uint32_t entry_size; /* chunked: 4 or 8 bytes */
};
/* Where the inode stands; -EUCLEAN when outside the image. */
int erofs_node_offset(const struct erofs_super *super, uint64_t nid, uint64_t *out);
/* `bytes`: EROFS_INODE_MAX bytes from `offset` on (zeroes beyond the image). -EUCLEAN; -EOPNOTSUPP: compressed. */
int erofs_parse_node(const struct erofs_super *super, const uint8_t *bytes, uint64_t offset, struct erofs_node *out);
/* A chunk's entry (entry_size bytes): its first block or EROFS_NO_BLOCK. `blocks`: how many of it the file uses. */
int erofs_parse_chunk(const struct erofs_super *super, const struct erofs_node *node, const uint8_t *entry,
                      uint64_t blocks, uint64_t *out);

/* ---- directories: blocks of fixed-size records, then the names; sorted bytewise within and across blocks ---- */
struct erofs_entry {
    uint64_t nid;
    uint32_t type_mode; /* S_IF bits, 0: unknown */
    const char *name;   /* name_len bytes, within the block */
    size_t name_len;
};
/* The number of entries of a block of `size` bytes (at most 4096), at least 1. -EUCLEAN. */
int erofs_entry_count(const uint8_t *block, size_t size, unsigned *count);
/* Entry i < count. -EUCLEAN. */
int erofs_parse_entry(const uint8_t *block, size_t size, unsigned count, unsigned i, struct erofs_entry *out);
/* memcmp's order with shorter names first. */
int erofs_compare_names(const char *a, size_t a_len, const char *b, size_t b_len);
/* Binary search: 0 and *out; -ENOENT; -EUCLEAN. *side: where the name would be: before (-1) or behind (1) the block's
 * entries, 0: among them. */
int erofs_find_entry(const uint8_t *block, size_t size, const char *name, size_t len, struct erofs_entry *out,
                     int *side);

/* ---- extended attributes ---- */
#define EROFS_XATTR_HEADER 12u /* before the inline ones: how many shared ones, then their ids, 4 bytes each */
#define EROFS_XATTR_ENTRY  4u
struct erofs_xattr {
    const char *prefix;  /* "user." …; NULL: of a kind we do not know */
    uint32_t name_len;   /* behind the entry's 4 bytes */
    uint32_t value_size; /* behind the name */
    uint32_t total;      /* to the next entry: all of it, rounded up to 4 */
};
/* The number of shared ids, which all stand within xattr_size. -EUCLEAN. */
int erofs_parse_xattr_header(const struct erofs_node *node, const uint8_t *header, unsigned *shared_count);
void erofs_parse_xattr(const uint8_t *entry, struct erofs_xattr *out);
/* Where shared attribute `id` stands. -EUCLEAN when outside the image. */
int erofs_shared_xattr_offset(const struct erofs_super *super, uint32_t id, uint64_t *out);
