/* The contents of a regular file in memory: a mapping whose missing pages are holes. Callers hold the inode's lock. */
#pragma once
#include <pagecache/mapping.h>
#include <tmpfs/store.h>

struct memory_file {
    struct mapping mapping; /* owner: the inode, which it references for those who map it */
    struct memory_store *store;
};
void memory_file_init(struct memory_file *file, struct inode *owner, struct memory_store *store);
void memory_file_destroy(struct memory_file *file);
/* On an inode whose mapping is a memory_file: the operations of struct inode_ops. */
int memory_file_truncate(struct inode *inode, uint64_t size);
/* FALLOC_FL_KEEP_SIZE 1, PUNCH_HOLE 2 (with KEEP_SIZE), ZERO_RANGE 0x10; others -EOPNOTSUPP. */
int memory_file_allocate(struct inode *inode, unsigned mode, uint64_t offset, uint64_t len);
int64_t memory_file_seek(struct inode *inode, uint64_t offset, bool want_hole);
