/* The model's own operations, and loading it from the file system. */
#include <stdlib.h>
#include <string.h>
#include "model.h"

struct node *model_add(struct tree *tree, uint32_t mode)
{
    struct node *node = calloc(1, sizeof *node);
    node->mode = mode;
    if ((mode & S_IFMT) == S_IFDIR)
        node->entries = calloc(ENTRIES_MAX, sizeof *node->entries);
    if ((mode & S_IFMT) == S_IFREG)
        node->bytes = calloc(1, CONTENTS_MAX);
    tree->nodes[tree->count++] = node;
    return node;
}

void model_free(struct tree *tree, struct node *node)
{
    unsigned i = 0;
    while (tree->nodes[i] != node)
        i++;
    tree->nodes[i] = tree->nodes[--tree->count];
    free(node->entries);
    free(node->bytes);
    free(node);
}

struct model_entry *model_find(struct node *directory, const char *name)
{
    for (unsigned i = 0; i < directory->count; i++)
        if (!strcmp(directory->entries[i].name, name))
            return &directory->entries[i];
    return NULL;
}

void model_link(struct node *directory, const char *name, struct node *node)
{
    struct model_entry *entry = &directory->entries[directory->count++];
    memset(entry, 0, sizeof *entry);
    memcpy(entry->name, name, strlen(name));
    entry->node = node;
    if ((node->mode & S_IFMT) != S_IFDIR) {
        node->links++;
        return;
    }
    directory->links++;
    node->links = node->links ? node->links : 2;
    node->parent = directory;
}

void model_unlink(struct tree *tree, struct node *directory, const char *name)
{
    struct model_entry *entry = model_find(directory, name);
    struct node *node = entry->node;
    *entry = directory->entries[--directory->count];
    if ((node->mode & S_IFMT) == S_IFDIR)
        directory->links--;
    else
        node->links--;
    if ((node->mode & S_IFMT) == S_IFDIR || !node->links)
        model_free(tree, node);
}

bool model_is_below(const struct node *node, const struct node *ancestor)
{
    while (node && node != ancestor)
        node = node->parent;
    return node;
}

unsigned model_depth(const struct node *directory)
{
    unsigned depth = 0;
    while ((directory = directory->parent))
        depth++;
    return depth;
}

static const char *name_in_parent(const struct node *node)
{
    for (unsigned i = 0; i < node->parent->count; i++)
        if (node->parent->entries[i].node == node)
            return node->parent->entries[i].name;
    abort();
}

struct inode *model_open(struct tree *tree, struct node *directory)
{
    const struct node *path[DEPTH_MAX * 8];
    unsigned depth = 0;
    for (; directory->parent; directory = directory->parent)
        path[depth++] = directory;
    struct inode *at = tree->fs->root;
    inode_get(at);
    while (depth--) {
        const char *name = name_in_parent(path[depth]);
        struct inode *next = NULL;
        int err = at->ops->lookup(at, name, strlen(name), &next);
        inode_put(at);
        if (err || next->number != path[depth]->number) {
            tree->complain("directory is not where it was", path[depth]->number);
            if (!err)
                inode_put(next);
            return NULL;
        }
        at = next;
    }
    return at;
}

/* ---- loading ---- */

struct load_sink {
    struct directory_sink sink;
    struct tree *tree;
    struct node *directory;
};

static bool load_entry(struct directory_sink *sink, const char *name, size_t len, uint64_t number, uint32_t type,
                       uint64_t next)
{
    struct load_sink *load = container_of(sink, struct load_sink, sink);
    char text[256] = {0};
    memcpy(text, name, len);
    struct node *node = NULL;
    for (unsigned i = 0; i < load->tree->count; i++)
        if (load->tree->nodes[i]->number == number)
            node = load->tree->nodes[i];
    if (!node) {
        node = model_add(load->tree, type);
        node->number = number;
    }
    uint64_t links = load->directory->links;
    model_link(load->directory, text, node);
    load->directory->links = links; /* as the file system counts, not as we do */
    return true;
}

static void load_node(struct tree *tree, struct node *directory, const struct model_entry *entry, struct inode *parent)
{
    struct inode *inode;
    if (parent->ops->lookup(parent, entry->name, strlen(entry->name), &inode)) {
        tree->complain("cannot be looked up", entry->node->number);
        return;
    }
    entry->node->links = inode->link_count;
    if (entry->node->bytes) {
        struct io_segment segment;
        struct io_vector io;
        io_vector_kernel(&io, &segment, entry->node->bytes, CONTENTS_MAX);
        entry->node->size = (uint64_t)mapping_read(inode->mapping, &io, 0);
    }
    inode_put(inode);
}

static void load_directory(struct tree *tree, struct node *directory)
{
    struct load_sink load = {.sink.entry = load_entry, .tree = tree, .directory = directory};
    struct inode *inode = model_open(tree, directory);
    inode->ops->iterate(inode, 0, &load.sink);
    for (unsigned i = 0; i < directory->count; i++)
        load_node(tree, directory, &directory->entries[i], inode);
    inode_put(inode);
}

struct tree *tree_create(struct file_system *fs, uint64_t (*random)(void), void (*complain)(const char *, uint64_t))
{
    struct tree *tree = calloc(1, sizeof *tree);
    *tree = (struct tree){.fs = fs, .random = random, .complain = complain};
    struct node *root = model_add(tree, S_IFDIR);
    root->number = fs->root->number;
    root->links = fs->root->link_count;
    for (unsigned i = 0; i < tree->count; i++) /* grows as directories are found */
        if (tree->nodes[i]->entries)
            load_directory(tree, tree->nodes[i]);
    return tree;
}

void tree_destroy(struct tree *tree)
{
    while (tree->count)
        model_free(tree, tree->nodes[0]);
    free(tree);
}
