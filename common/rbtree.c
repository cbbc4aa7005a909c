/*
 * Red-black trees; see common/rbtree.h. Invariants: the root is black, a red node has no red child, and every way from a
 * node down to a missing child passes the same number of black nodes. A missing child counts as black. The colour is
 * bit 0 of parent_and_colour: set for black.
 *
 * Augmented values: a rotation recomputes the two nodes it turns, lower one first; whatever else changed lies on the way
 * from the lowest changed node to the root, which rb_update walks once before the rebalancing starts.
 */
#include <common/rbtree.h>

enum { RED = 0, BLACK = 1 };

static bool is_black(const struct rb_node *node)
{
    return !node || (node->parent_and_colour & BLACK);
}

static void set_colour(struct rb_node *node, uintptr_t colour)
{
    node->parent_and_colour = (node->parent_and_colour & ~(uintptr_t)BLACK) | colour;
}

static void set_parent(struct rb_node *node, struct rb_node *parent)
{
    node->parent_and_colour = (uintptr_t)parent | (node->parent_and_colour & BLACK);
}

/* Makes whatever pointed at `old` (its parent or the tree) point at `new`. */
static void replace_child(struct rb_tree *tree, struct rb_node *parent, struct rb_node *old, struct rb_node *new)
{
    if (!parent)
        tree->root = new;
    else if (parent->left == old)
        parent->left = new;
    else
        parent->right = new;
}

static void rotate_left(struct rb_tree *tree, struct rb_node *node, rb_augment *augment)
{
    struct rb_node *up = node->right, *parent = rb_parent(node);
    node->right = up->left;
    if (up->left)
        set_parent(up->left, node);
    up->left = node;
    set_parent(up, parent);
    replace_child(tree, parent, node, up);
    set_parent(node, up);
    if (augment) {
        augment(node);
        augment(up);
    }
}

static void rotate_right(struct rb_tree *tree, struct rb_node *node, rb_augment *augment)
{
    struct rb_node *up = node->left, *parent = rb_parent(node);
    node->left = up->right;
    if (up->right)
        set_parent(up->right, node);
    up->right = node;
    set_parent(up, parent);
    replace_child(tree, parent, node, up);
    set_parent(node, up);
    if (augment) {
        augment(node);
        augment(up);
    }
}

void rb_update(struct rb_node *node, rb_augment *augment)
{
    for (; node && augment; node = rb_parent(node))
        augment(node);
}

void rb_insert(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent, struct rb_node **link,
               rb_augment *augment)
{
    node->parent_and_colour = (uintptr_t)parent | RED;
    node->left = node->right = NULL;
    *link = node;
    rb_update(node, augment);
    /* `node` is red; only its parent may be red too. A red parent is not the root, so there is a grandparent. */
    while ((parent = rb_parent(node)) && !is_black(parent)) {
        struct rb_node *grandparent = rb_parent(parent);
        bool is_left = parent == grandparent->left;
        struct rb_node *uncle = is_left ? grandparent->right : grandparent->left;
        if (!is_black(uncle)) {
            set_colour(parent, BLACK);
            set_colour(uncle, BLACK);
            set_colour(grandparent, RED);
            node = grandparent;
            continue;
        }
        if (is_left) {
            if (node == parent->right) {
                rotate_left(tree, parent, augment);
                parent = node;
            }
            rotate_right(tree, grandparent, augment);
        } else {
            if (node == parent->left) {
                rotate_right(tree, parent, augment);
                parent = node;
            }
            rotate_left(tree, grandparent, augment);
        }
        set_colour(parent, BLACK);
        set_colour(grandparent, RED);
        break;
    }
    set_colour(tree->root, BLACK);
}

/* The ways through `node` (may be missing), child of `parent`, lack one black node: gives it back or moves the lack up. */
static void restore_black(struct rb_tree *tree, struct rb_node *node, struct rb_node *parent, rb_augment *augment)
{
    while (parent && is_black(node)) {
        bool is_left = node == parent->left;
        struct rb_node *sibling = is_left ? parent->right : parent->left;
        if (!is_black(sibling)) {
            set_colour(sibling, BLACK);
            set_colour(parent, RED);
            if (is_left)
                rotate_left(tree, parent, augment);
            else
                rotate_right(tree, parent, augment);
            sibling = is_left ? parent->right : parent->left;
        }
        struct rb_node *outer = is_left ? sibling->right : sibling->left;
        struct rb_node *inner = is_left ? sibling->left : sibling->right;
        if (is_black(outer) && is_black(inner)) {
            set_colour(sibling, RED);
            node = parent;
            parent = rb_parent(node);
            continue;
        }
        if (is_black(outer)) {
            set_colour(inner, BLACK);
            set_colour(sibling, RED);
            if (is_left)
                rotate_right(tree, sibling, augment);
            else
                rotate_left(tree, sibling, augment);
            outer = sibling;
            sibling = inner;
        }
        set_colour(sibling, parent->parent_and_colour & BLACK);
        set_colour(parent, BLACK);
        set_colour(outer, BLACK);
        if (is_left)
            rotate_left(tree, parent, augment);
        else
            rotate_right(tree, parent, augment);
        return;
    }
    if (node)
        set_colour(node, BLACK);
}

static struct rb_node *leftmost(struct rb_node *node)
{
    while (node && node->left)
        node = node->left;
    return node;
}

static struct rb_node *rightmost(struct rb_node *node)
{
    while (node && node->right)
        node = node->right;
    return node;
}

/* Puts `heir`, which has left its place, where `node` stands: same parent, children and colour. */
static void take_place(struct rb_tree *tree, struct rb_node *node, struct rb_node *heir)
{
    *heir = *node;
    replace_child(tree, rb_parent(node), node, heir);
    if (heir->left)
        set_parent(heir->left, heir);
    if (heir->right)
        set_parent(heir->right, heir);
}

void rb_remove(struct rb_tree *tree, struct rb_node *node, rb_augment *augment)
{
    /* `gone` leaves its place in the tree: the node, or the next one, which then takes the node's place. */
    struct rb_node *gone = node->left && node->right ? leftmost(node->right) : node;
    struct rb_node *child = gone->left ? gone->left : gone->right;
    struct rb_node *parent = rb_parent(gone);
    bool was_black = is_black(gone);
    replace_child(tree, parent, gone, child);
    if (child)
        set_parent(child, parent);
    if (gone != node) {
        take_place(tree, node, gone);
        if (parent == node)
            parent = gone;
    }
    rb_update(parent, augment);
    if (was_black)
        restore_black(tree, child, parent, augment);
}

struct rb_node *rb_first(const struct rb_tree *tree)
{
    return leftmost(tree->root);
}

struct rb_node *rb_last(const struct rb_tree *tree)
{
    return rightmost(tree->root);
}

struct rb_node *rb_next(const struct rb_node *node)
{
    if (node->right)
        return leftmost(node->right);
    struct rb_node *parent;
    while ((parent = rb_parent(node)) && node == parent->right)
        node = parent;
    return parent;
}

struct rb_node *rb_previous(const struct rb_node *node)
{
    if (node->left)
        return rightmost(node->left);
    struct rb_node *parent;
    while ((parent = rb_parent(node)) && node == parent->left)
        node = parent;
    return parent;
}
