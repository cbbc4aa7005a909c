/*
 * Walking a path, one name at a time, without recursion: a symlink's target is walked next, and what was left of the
 * string it stood in waits on a stack. walk_to_last stops in front of the last name of all: `at` is then the directory
 * and `last` the name, which the caller looks up, makes or removes; if it turns out to be a symlink that is to be
 * followed, walk_enter_link and walk_to_last go on.
 *
 * The walk holds references on `at`, `root` and `start` only; of locks it takes a bucket's for each name, and a
 * directory's inode->lock only where a name is not cached.
 */
#pragma once
#include "inodes.h"

enum walk_last {
    WALK_NAME,    /* `last` in the directory `at` */
    WALK_HERE,    /* `at` itself: "/", ".", an empty path, where a magic link led */
    WALK_DOT,     /* as WALK_HERE, and it was written "." */
    WALK_DOT_DOT, /* likewise, "..": `at` is already the parent */
};

struct walk {
    const struct vfs_caller *caller;
    unsigned flags; /* LOOKUP_ */
    struct dentry *at, *root;
    struct dentry *start; /* where LOOKUP_BENEATH ends */
    const char *rest;     /* of the string that is being walked */
    char *target;         /* the memory of that string when it is a symlink's */
    struct {
        const char *rest;
        char *target;
    } pending[VFS_SYMLINK_MAX];
    unsigned depth, link_count;
    enum walk_last kind;
    const char *last;
    size_t last_len;
    bool must_be_directory; /* slashes behind the last name */
};

/* On success walk_end must be called. -ENOENT: the path is "" without LOOKUP_EMPTY. -ENAMETOOLONG. */
int walk_start(struct walk *walk, const struct vfs_caller *caller, struct dentry *base, const char *path,
               unsigned flags);
void walk_end(struct walk *walk);
int walk_to_last(struct walk *walk);
/* `link` (its reference is taken over) is a symlink named in `at`. */
int walk_enter_link(struct walk *walk, struct dentry *link);
/* Looks `last` up in `at`, crossing mounts: positive or negative. */
int walk_look_up_last(struct walk *walk, struct dentry **out);
/* From start to end: to the directory of the last name, which the caller is going to make or remove. */
int walk_parent(struct walk *walk, const struct vfs_caller *caller, struct dentry *base, const char *path);
