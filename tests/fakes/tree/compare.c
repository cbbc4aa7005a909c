/* Comparing: each directory's listing with the model's names, each name's inode with the model's node. */
#include <string.h>
#include "model.h"

struct seen_sink {
    struct directory_sink sink;
    struct tree *tree;
    struct node *directory;
    unsigned seen[ENTRIES_MAX], total, room;
    uint64_t next;
};

static bool see_entry(struct directory_sink *sink, const char *name, size_t len, uint64_t number, uint32_t type,
                      uint64_t next)
{
    struct seen_sink *see = container_of(sink, struct seen_sink, sink);
    if (!see->room)
        return false;
    see->room--;
    see->total++;
    see->next = next;
    char text[256] = {0};
    memcpy(text, name, len);
    struct model_entry *entry = model_find(see->directory, text);
    if (!entry || entry->node->number != number || (entry->node->mode & S_IFMT) != type)
        see->tree->complain("lists what is not there", number);
    else
        see->seen[entry - see->directory->entries]++;
    return true;
}

static void compare_contents(struct tree *tree, struct node *node, struct inode *inode)
{
    static uint8_t bytes[CONTENTS_MAX];
    struct io_segment segment;
    struct io_vector io;
    io_vector_kernel(&io, &segment, bytes, sizeof bytes);
    if (inode->size != node->size || mapping_read(inode->mapping, &io, 0) != (ssize_t)node->size)
        tree->complain("has another size", node->number);
    else if (memcmp(bytes, node->bytes, node->size))
        tree->complain("has other bytes", node->number);
}

static void compare_entry(struct tree *tree, struct inode *parent, struct model_entry *entry)
{
    struct inode *inode;
    struct node *node = entry->node;
    if (parent->ops->lookup(parent, entry->name, strlen(entry->name), &inode)) {
        tree->complain("is lost", node->number);
        return;
    }
    if (inode->number != node->number)
        tree->complain("has another number", node->number);
    if (inode->link_count != node->links)
        tree->complain("has another link count", node->number);
    if (node->bytes)
        compare_contents(tree, node, inode);
    inode_put(inode);
}

static void compare_directory(struct tree *tree, struct node *directory)
{
    struct inode *inode = model_open(tree, directory);
    if (!inode)
        return;
    struct seen_sink see = {.sink.entry = see_entry, .tree = tree, .directory = directory};
    unsigned before;
    do {
        before = see.total;
        see.room = 3;
        if (inode->ops->iterate(inode, see.next, &see.sink))
            tree->complain("cannot be listed", directory->number);
    } while (see.total > before);
    for (unsigned i = 0; i < directory->count; i++) {
        if (see.seen[i] != 1)
            tree->complain("is not listed once", directory->entries[i].node->number);
        compare_entry(tree, inode, &directory->entries[i]);
    }
    struct inode *none;
    if (inode->ops->lookup(inode, "never there", 11, &none) != -ENOENT)
        tree->complain("finds what is not there", directory->number);
    inode_put(inode);
}

void tree_compare(struct tree *tree)
{
    for (unsigned i = 0; i < tree->count; i++)
        if (tree->nodes[i]->entries)
            compare_directory(tree, tree->nodes[i]);
}
