/* Private: the model's nodes. */
#pragma once
#include <fakes/tree.h>
#include <pagecache/mapping.h>

enum { NODES_MAX = 400, ENTRIES_MAX = 64, CONTENTS_MAX = 24 * 1024, DEPTH_MAX = 6 };
struct node {
    uint32_t mode;
    uint64_t number, links, size;
    uint8_t *bytes;      /* files */
    struct node *parent; /* directories */
    struct model_entry {
        char name[256];
        struct node *node;
    } * entries; /* directories: ENTRIES_MAX */
    unsigned count;
};
struct tree {
    struct file_system *fs;
    uint64_t (*random)(void);
    void (*complain)(const char *what, uint64_t number);
    struct node *nodes[NODES_MAX]; /* all that have a link */
    unsigned count;
};
struct node *model_add(struct tree *tree, uint32_t mode);
void model_free(struct tree *tree, struct node *node);
struct model_entry *model_find(struct node *directory, const char *name);
void model_link(struct node *directory, const char *name, struct node *node);
void model_unlink(struct tree *tree, struct node *directory, const char *name);
bool model_is_below(const struct node *node, const struct node *ancestor);
unsigned model_depth(const struct node *directory);
/* The inode of a directory node, by its names from the root; referenced. NULL after a complaint. */
struct inode *model_open(struct tree *tree, struct node *directory);
