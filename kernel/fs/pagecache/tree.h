/* Radix tree of pages by index. The owner's lock guards it; no function here sleeps or allocates. */
#pragma once
#include <pagecache/mapping.h>

#define TREE_BITS  4u
#define TREE_SLOTS (1u << TREE_BITS)
struct tree_node { /* two cache lines: a small file costs little, a run of 16 pages one node */
    void *slots[TREE_SLOTS];
};

struct page *page_tree_find(const struct page_tree *tree, uint64_t index);
/* Pages from `index` on without a gap, at most `max` and no farther than one node reaches; how many. */
unsigned page_tree_find_run(const struct page_tree *tree, uint64_t index, struct page **pages, unsigned max);
/* 0; -EEXIST; -EAGAIN: needs a node and *spare is NULL (give it a zeroed one and call again). Uses up *spare. */
int page_tree_insert(struct page_tree *tree, uint64_t index, struct page *page, struct tree_node **spare);
/* Takes the page out, NULL: none. */
struct page *page_tree_remove(struct page_tree *tree, uint64_t index);
/* The first page at or after *index, which becomes its index; NULL: none. */
struct page *page_tree_next(const struct page_tree *tree, uint64_t *index);
