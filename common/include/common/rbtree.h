/*
 * Intrusive red-black trees. The owner compares: it walks from root to the place of insertion itself and links there.
 * `augment` (may be NULL) recomputes what a node caches of its subtree from the node itself and its two children; it is
 * called bottom-up wherever a subtree changes.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rb_node {
    uintptr_t parent_and_colour;
    struct rb_node *left, *right;
};

struct rb_tree {
    struct rb_node *root;
};

typedef void rb_augment(struct rb_node *node);

/* Links `node` below `parent` at `*link` (&tree->root, &parent->left or &parent->right) and rebalances. */
void rb_insert(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent, struct rb_node **link,
               rb_augment *augment);
void rb_remove(struct rb_tree *tree, struct rb_node *node, rb_augment *augment);
/* Recomputes from `node` up to the root, after a field of `node` that the augmentation reads has changed. */
void rb_update(struct rb_node *node, rb_augment *augment);
/* In-order neighbours; NULL at the ends. */
struct rb_node *rb_first(const struct rb_tree *tree);
struct rb_node *rb_last(const struct rb_tree *tree);
struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_previous(const struct rb_node *node);
static inline struct rb_node *rb_parent(const struct rb_node *node)
{
    return (struct rb_node *)(node->parent_and_colour & ~(uintptr_t)1);
}
