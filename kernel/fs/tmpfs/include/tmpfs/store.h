/*
 * What the inodes of one file system in memory share: its limits and counters, and the list over which whole trees are
 * freed without recursion. tmpfs and overlay are built of this, tmpfs/names.h, tmpfs/contents.h and tmpfs/xattrs.h.
 */
#pragma once
#include <base/types.h>
#include <vfs/inode.h>

struct memory_name;
struct memory_store {
    uint64_t limit_pages, limit_inodes;                  /* const; UINT64_MAX: none */
    uint64_t used_pages, used_inodes;                    /* atomic */
    uint64_t next_number;                                /* of the next inode; atomic */
    struct spinlock doomed_lock;                         /* a leaf */
    struct memory_name *doomed GUARDED_BY(&doomed_lock); /* names of directories that are being freed */
    bool is_dropping GUARDED_BY(&doomed_lock);           /* somebody is at it, up the stack or on another CPU */
};
/* size_limit in bytes, 0: half of the memory, UINT64_MAX: none. */
void memory_store_init(struct memory_store *store, uint64_t size_limit, uint64_t first_number);
/* n > 0: 0 or -ENOSPC; n < 0 gives back. */
int memory_store_charge(struct memory_store *store, int64_t n);
int memory_store_add_inode(struct memory_store *store); /* 0 or -ENOSPC */
void memory_store_remove_inode(struct memory_store *store);
uint64_t memory_store_next_number(struct memory_store *store);
void memory_store_statfs(const struct memory_store *store, uint64_t magic, struct vfs_statfs *out);
