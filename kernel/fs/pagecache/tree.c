/*
 * Radix tree of pages: 16-way nodes, as high as the largest index needs. Height 0 is one page or nothing, so that a
 * file of one page has no node. Nodes that become empty are freed at once; the height shrinks only when the tree is
 * empty.
 */
#include "tree.h"
#include <mm/alloc.h>

#define HEIGHT_MAX (64u / TREE_BITS)

static bool covers(const struct page_tree *tree, uint64_t index)
{
    return tree->height >= HEIGHT_MAX || !(index >> (tree->height * TREE_BITS));
}

/* The slot of `index` in a node of the given level (1: its slots are pages). */
static unsigned slot_of(uint64_t index, unsigned level)
{
    return (unsigned)(index >> ((level - 1) * TREE_BITS)) & (TREE_SLOTS - 1);
}

struct page *page_tree_find(const struct page_tree *tree, uint64_t index)
{
    if (!covers(tree, index))
        return NULL;
    void *at = tree->root;
    for (unsigned level = tree->height; level && at; level--)
        at = ((struct tree_node *)at)->slots[slot_of(index, level)];
    return at;
}

unsigned page_tree_find_run(const struct page_tree *tree, uint64_t index, struct page **pages, unsigned max)
{
    if (!max || !covers(tree, index))
        return 0;
    void *const *at = &tree->root;
    unsigned room = 1;
    for (unsigned level = tree->height; level && *at; level--) {
        unsigned slot = slot_of(index, level);
        at = &((struct tree_node *)*at)->slots[slot];
        room = level == 1 ? TREE_SLOTS - slot : 1;
    }
    unsigned count = 0;
    while (count < room && count < max && at[count]) {
        pages[count] = at[count];
        count++;
    }
    return count;
}

/* Puts the spare node into *slot, with what was there (if any) as its first child. */
static int add_node(void **slot, struct tree_node **spare)
{
    struct tree_node *node = *spare;
    if (!node)
        return -EAGAIN;
    *spare = NULL;
    node->slots[0] = *slot;
    *slot = node;
    return 0;
}

int page_tree_insert(struct page_tree *tree, uint64_t index, struct page *page, struct tree_node **spare)
{
    while (!covers(tree, index)) {
        if (tree->root && add_node(&tree->root, spare))
            return -EAGAIN;
        tree->height++;
    }
    void **slot = &tree->root;
    for (unsigned level = tree->height; level; level--) {
        if (!*slot && add_node(slot, spare))
            return -EAGAIN;
        slot = &((struct tree_node *)*slot)->slots[slot_of(index, level)];
    }
    if (*slot)
        return -EEXIST;
    *slot = page;
    store_relaxed(&tree->count, tree->count + 1); /* read without the lock as a hint */
    return 0;
}

static bool node_is_empty(const struct tree_node *node)
{
    for (unsigned i = 0; i < TREE_SLOTS; i++)
        if (node->slots[i])
            return false;
    return true;
}

struct page *page_tree_remove(struct page_tree *tree, uint64_t index)
{
    if (!covers(tree, index))
        return NULL;
    void **path[HEIGHT_MAX + 1]; /* path[level]: the slot that holds the node of that level; path[0]: the page's */
    path[tree->height] = &tree->root;
    for (unsigned level = tree->height; level; level--) {
        if (!*path[level])
            return NULL;
        path[level - 1] = &((struct tree_node *)*path[level])->slots[slot_of(index, level)];
    }
    struct page *page = *path[0];
    if (!page)
        return NULL;
    *path[0] = NULL;
    store_relaxed(&tree->count, tree->count - 1);
    for (unsigned level = 1; level <= tree->height && node_is_empty(*path[level]); level++) {
        kfree(*path[level]);
        *path[level] = NULL;
    }
    if (!tree->root)
        tree->height = 0;
    return page;
}

/* Descends towards *index: the page, or NULL with *index moved to where to look next (0: nothing follows). */
static struct page *descend(const struct page_tree *tree, uint64_t *index)
{
    void *at = tree->root;
    for (unsigned level = tree->height; level; level--) {
        const struct tree_node *node = at;
        unsigned shift = (level - 1) * TREE_BITS, first = slot_of(*index, level), slot = first;
        while (slot < TREE_SLOTS && !node->slots[slot])
            slot++;
        if (slot == TREE_SLOTS) {
            uint64_t below = shift + TREE_BITS >= 64 ? UINT64_MAX : (UINT64_C(1) << (shift + TREE_BITS)) - 1;
            *index = (*index | below) + 1;
            return NULL;
        }
        if (slot != first)
            *index = ((*index >> shift) + (slot - first)) << shift;
        at = node->slots[slot];
    }
    return at;
}

struct page *page_tree_next(const struct page_tree *tree, uint64_t *index)
{
    if (!tree->root)
        return NULL;
    while (covers(tree, *index)) {
        struct page *page = descend(tree, index);
        if (page || !*index || !tree->height)
            return page;
    }
    return NULL;
}
