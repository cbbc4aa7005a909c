/*
 * Pseudo file systems: names and inodes from tables. Inodes are made when a name is looked up and live as long as it is
 * cached or open; their numbers are hashes of row and key, so the same row always has the same number.
 */
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include "pseudo.h"

static const struct inode_ops directory_ops, link_ops, magic_ops, text_ops, open_ops, bare_ops;

static uint32_t mode_of(const struct pseudo_node *node)
{
    return node->mode & S_IFMT ? node->mode : node->mode | S_IFREG;
}

static uint64_t number_of(const struct pseudo_node *node, const struct pseudo_key *key)
{
    uint64_t h = (uintptr_t)node >> 3;
    for (unsigned i = 0; i < key->depth; i++)
        h = (h ^ (key->id[i] + 1)) * UINT64_C(0x9e3779b97f4a7c15);
    h *= UINT64_C(0xbf58476d1ce4e5b9);
    return (h >> 24) + 2; /* 40 bits are enough, and short to read */
}

static const struct inode_ops *ops_of(const struct pseudo_node *node)
{
    switch (mode_of(node) & S_IFMT) {
    case S_IFDIR:
        return &directory_ops;
    case S_IFLNK:
        return node->follow ? &magic_ops : &link_ops;
    default:
        if (node->open)
            return &open_ops;
        return node->show || node->store ? &text_ops : &bare_ops;
    }
}

static int make_inode(struct file_system *fs, const struct pseudo_node *node, const struct pseudo_key *key,
                      struct inode **out)
{
    struct pseudo_inode *p = kmalloc(sizeof *p, ALLOC_WAIT);
    if (!p)
        return -ENOMEM;
    p->node = node;
    p->key = *key;
    struct inode *inode = &p->inode;
    inode_init(inode, fs, ops_of(node), number_of(node, key), mode_of(node));
    inode->special_device = node->device;
    if (inode_is(inode, S_IFDIR))
        inode->link_count = 2;
    if (node->find || key->depth)
        inode->flags |= INODE_EPHEMERAL_NAMES;
    if (!key->depth)
        inode->flags |= INODE_STATIC_NAME;
    if (node->owner)
        node->owner(key, &inode->uid, &inode->gid);
    *out = inode;
    return 0;
}

static void pseudo_free(struct inode *inode)
{
    inode_destroy(inode);
    kfree(pseudo_of(inode));
}

static void pseudo_stat(struct inode *inode, struct vfs_stat *out)
{
    struct pseudo_inode *p = pseudo_of(inode);
    if (p->node->owner)
        p->node->owner(&p->key, &out->uid, &out->gid);
}

/* ---- directories ---- */

static int lookup_dynamic(const struct pseudo_inode *p, const char *name, size_t len, struct inode **out)
{
    struct pseudo_key key = p->key;
    uint64_t id;
    if (!p->node->find || key.depth >= ARRAY_SIZE(key.id))
        return -ENOENT;
    int err = p->node->find(&p->key, name, len, &id);
    if (err)
        return err;
    key.id[key.depth++] = id;
    return make_inode(p->inode.fs, p->node->each, &key, out);
}

static int pseudo_lookup(struct inode *inode, const char *name, size_t len, struct inode **out)
{
    struct pseudo_inode *p = pseudo_of(inode);
    for (const struct pseudo_node *child = p->node->children; child && child->name; child++)
        if (strlen(child->name) == len && !memcmp(child->name, name, len))
            return make_inode(inode->fs, child, &p->key, out);
    return lookup_dynamic(p, name, len, out);
}

/* Positions: the rows by index, then behind them the dynamic children by id. */
static int pseudo_iterate(struct inode *inode, uint64_t position, struct directory_sink *sink)
{
    struct pseudo_inode *p = pseudo_of(inode);
    uint64_t i = 0;
    for (const struct pseudo_node *child = p->node->children; child && child->name; child++, i++)
        if (i >= position &&
            !sink->entry(sink, child->name, strlen(child->name), number_of(child, &p->key), mode_of(child), i + 1))
            return 0;
    if (!p->node->next || p->key.depth >= ARRAY_SIZE(p->key.id))
        return 0;
    struct pseudo_key key = p->key;
    uint64_t *id = &key.id[key.depth++];
    char name[32];
    for (*id = position > i ? position - i : 0; !p->node->next(&p->key, id, name); ++*id)
        if (!sink->entry(sink, name, strlen(name), number_of(p->node->each, &key), mode_of(p->node->each), i + *id + 1))
            break;
    return 0;
}

/* ---- links, devices, files that open themselves ---- */

static ssize_t pseudo_readlink(struct inode *inode, char *to, size_t size)
{
    struct pseudo_inode *p = pseudo_of(inode);
    struct text text = {0};
    if (!p->node->target || !size)
        return -EINVAL;
    int err = p->node->target(&p->key, &text);
    if (!err)
        err = text.err;
    size_t len = MIN(text.len, size - 1);
    if (!err) {
        memcpy(to, text.bytes ? text.bytes : "", len);
        to[len] = '\0';
    }
    kfree(text.bytes);
    return err ? err : (ssize_t)len;
}

static int pseudo_follow(struct inode *inode, struct dentry **dentry, struct file **file)
{
    struct pseudo_inode *p = pseudo_of(inode);
    return p->node->follow(&p->key, dentry, file);
}

static int pseudo_open(struct inode *inode, struct file *file)
{
    struct pseudo_inode *p = pseudo_of(inode);
    return p->node->open(&p->key, file);
}

/* O_TRUNC on a setting or a device does nothing, and is no error. */
static int pseudo_truncate(struct inode *inode, uint64_t size)
{
    return 0;
}

static const struct inode_ops directory_ops = {
    .lookup = pseudo_lookup,
    .iterate = pseudo_iterate,
    .stat = pseudo_stat,
    .free = pseudo_free,
};
static const struct inode_ops link_ops = {.readlink = pseudo_readlink, .stat = pseudo_stat, .free = pseudo_free};
static const struct inode_ops magic_ops = {
    .readlink = pseudo_readlink,
    .follow = pseudo_follow,
    .stat = pseudo_stat,
    .free = pseudo_free,
};
static const struct inode_ops text_ops = {
    .open = pseudo_open_text,
    .truncate = pseudo_truncate,
    .stat = pseudo_stat,
    .free = pseudo_free,
};
static const struct inode_ops open_ops = {
    .open = pseudo_open,
    .truncate = pseudo_truncate,
    .stat = pseudo_stat,
    .free = pseudo_free,
};
static const struct inode_ops bare_ops = {.truncate = pseudo_truncate, .stat = pseudo_stat, .free = pseudo_free};

/* ---- instances ---- */

static void pseudo_fs_free(struct file_system *fs)
{
    kfree(fs);
}

static const struct file_system_ops fs_ops = {.free = pseudo_fs_free};

int pseudo_fs_create(const char *type, uint64_t magic, const struct pseudo_node *root, struct file_system **out)
{
    const struct pseudo_key key = {.depth = 0};
    struct file_system *fs = kzalloc(sizeof *fs, ALLOC_WAIT);
    if (!fs)
        return -ENOMEM;
    fs->ops = &fs_ops;
    fs->type = type;
    fs->magic = magic;
    int err = make_inode(fs, root, &key, &fs->root);
    if (err) {
        kfree(fs);
        return err;
    }
    fs->root->number = 1;
    *out = fs;
    return 0;
}
