/* Private to erofs: the mounted instance, its inodes, and how they get bytes. */
#pragma once
#include <device/block.h>
#include <erofs/erofs.h>
#include <erofs_format/format.h>
#include <pagecache/mapping.h>

#define EROFS_MAGIC 0xE0F5E1E2u

struct erofs {
    struct file_system fs;
    struct block_device *device;
    struct erofs_super super;
    struct mapping meta; /* the image itself, by bytes: all metadata is read through it */
};
struct erofs_inode {
    struct inode inode;
    struct erofs_node node; /* const after creation */
    struct mapping mapping; /* contents of regular files, directories, symlinks */
};
static inline struct erofs *erofs_of(const struct file_system *fs)
{
    return container_of(fs, struct erofs, fs);
}
static inline struct erofs_inode *erofs_inode_of(struct inode *inode)
{
    return container_of(inode, struct erofs_inode, inode);
}

/* Fills the pages from consecutive blocks of the device. 0 or -EIO. */
int erofs_read_blocks(struct erofs *erofs, uint64_t block, struct page **pages, unsigned count);
/* Bytes of the image, through the cache of metadata. -EUCLEAN beyond its end; -EIO, -ENOMEM. */
int erofs_read_bytes(struct erofs *erofs, uint64_t offset, void *to, size_t n);

/* A view of bytes in a cached page; put it when done. */
struct erofs_view {
    struct page *page;
    const uint8_t *bytes;
    size_t len;
};
/* A block of an inode's contents: the last one may be short. */
int erofs_view_block(struct erofs_inode *self, uint64_t index, struct erofs_view *out);
void erofs_view_put(struct erofs_view *view);
extern const struct mapping_ops erofs_data_ops, erofs_meta_ops;

int erofs_inode_get(struct erofs *erofs, uint64_t nid, struct inode **out);
int erofs_lookup(struct inode *directory, const char *name, size_t len, struct inode **out);
int erofs_iterate(struct inode *directory, uint64_t position, struct directory_sink *sink);
ssize_t erofs_get_xattr(struct inode *inode, const char *name, void *to, size_t size);
ssize_t erofs_list_xattr(struct inode *inode, char *to, size_t size);
