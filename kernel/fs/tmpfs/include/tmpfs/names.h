/*
 * The names of one directory in memory: found by name, listed in order of cookies that only grow, so that a position
 * stays good whatever else is added or removed. A name without inode is a whiteout: it hides the same name of a lower
 * file system. Guarded by the directory's inode->lock. No entry is ever "." or "..".
 */
#pragma once
#include <common/rbtree.h>
#include <tmpfs/store.h>

struct memory_name {
    struct rb_node by_name, by_cookie; /* the latter only while there is an inode */
    uint64_t cookie;
    struct inode *inode; /* referenced; NULL: whiteout */
    uint32_t hash;
    uint8_t len;
    bool hides_lower; /* the lower directory has this name: becomes a whiteout when it is removed */
    char text[];      /* not terminated */
};
struct memory_names {
    struct rb_tree by_name, by_cookie;
    uint64_t next_cookie;
    uint32_t live; /* names with an inode */
};
void memory_names_init(struct memory_names *names);
/* Frees all; the inodes are put over the store's list, so that a tree of any depth needs no recursion. */
void memory_names_drop(struct memory_names *names, struct memory_store *store);
struct memory_name *memory_names_find(const struct memory_names *names, const char *name, size_t len);
/* Adds `child` (takes its own reference) under the name, which must not be live; counts the ".." of a directory. */
int memory_names_add(struct inode *directory, struct memory_names *names, const char *name, size_t len,
                     struct inode *child, bool hides_lower);
/* Takes in a name that the lower directory has and the table has not, as it is: no count and no time changes. -ENOMEM.
 */
int memory_names_adopt(struct memory_names *names, const char *name, size_t len, struct inode *child);
/* unlink and rmdir: takes the name away, lowers the inode's link count (0 for a directory) and puts it. */
void memory_names_unlink(struct inode *directory, struct memory_names *names, struct memory_name *entry);
/* Each live name with cookie + base >= position; false: the sink is full. */
bool memory_names_iterate(const struct memory_names *names, uint64_t base, uint64_t position,
                          struct directory_sink *sink);

enum memory_rename_flags { MEMORY_NO_REPLACE = 1, MEMORY_EXCHANGE = 2 }; /* renameat2's numbers */
struct memory_place {                                                    /* a directory and its names */
    struct inode *directory;
    struct memory_names *names;
};
/*
 * Moves a live entry to another name, replacing what is live there: types must agree (-ENOTDIR, -EISDIR), a replaced
 * directory must have been found empty. *victim: what was replaced, referenced, its link count lowered, or NULL.
 * -ENOMEM.
 */
int memory_names_move(struct memory_place from, struct memory_name *entry, struct memory_place to, const char *name,
                      size_t len, struct inode **victim);
void memory_names_exchange(struct memory_place a, struct memory_name *a_entry, struct memory_place b,
                           struct memory_name *b_entry);
