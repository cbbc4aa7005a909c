/*
 * Pseudo file systems (proc, sys, dev) from static tables. A node is a row; a directory lists its rows or, when it is
 * dynamic (/proc/PID, /proc/PID/fd), finds and counts its children by functions, all of which look like its row `each`.
 * A dynamic child adds its id to the key that every function below it gets: the first dynamic level sets key.id[0] (the
 * pid), the second key.id[1] (tid or descriptor). Names below a dynamic directory are never cached.
 */
#pragma once
#include <vfs/inode.h>

/* Growing text: a show function prints, and does not look at errors (no memory shows up as -ENOMEM at the read). */
struct text {
    char *bytes;
    size_t len, capacity;
    int err;
};
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_append(struct text *text, const void *bytes, size_t n);

struct pseudo_key {
    uint64_t id[2];
    unsigned depth;
};

struct pseudo_node {
    const char *name;      /* NULL ends a table; unused in `each` */
    uint32_t mode;         /* type and permissions; S_IFREG when no type is given */
    const struct pseudo_node *children; /* static rows of a directory (a dynamic one may have both) */
    /* Dynamic directory: child of that name; the id it adds. -ENOENT. */
    int (*find)(const struct pseudo_key *key, const char *name, size_t len, uint64_t *id);
    /* The first child with id >= *id: sets *id and its name (at most 31 bytes); -ENOENT past the last. */
    int (*next)(const struct pseudo_key *key, uint64_t *id, char name[32]);
    const struct pseudo_node *each;
    /* Regular file: its whole text, made when it is first read from offset 0. -errno fails that read. */
    int (*show)(const struct pseudo_key *key, struct text *out);
    ssize_t (*store)(const struct pseudo_key *key, const char *bytes, size_t len); /* one write(2), at most 4096 bytes */
    /* Symlink: its target printed; or a magic link: the dentry or file it stands for (referenced). */
    int (*target)(const struct pseudo_key *key, struct text *out);
    int (*follow)(const struct pseudo_key *key, struct dentry **dentry, struct file **file);
    /* Device or any other file: sets file->ops and file->data. */
    int (*open)(const struct pseudo_key *key, struct file *file);
    uint64_t device; /* S_IFCHR, S_IFBLK: makedev(major, minor) */
    void (*owner)(const struct pseudo_key *key, uint32_t *uid, uint32_t *gid); /* NULL: 0, 0 */
};
#define VFS_MAKEDEV(major, minor) ((((uint64_t)(major)&0xfff) << 8) | ((minor)&0xff) | (((uint64_t)(minor)&~0xffull) << 12))

/* A mountable instance of a table (its root's row). */
int pseudo_fs_create(const char *type, uint64_t magic, const struct pseudo_node *root, struct file_system **out);
