/* Random operations, each on the file system and, when it worked, on the model. */
#include <fakes/memory.h>
#include <stdio.h>
#include <string.h>
#include "model.h"

struct step { /* a random directory and a random name in it, which may be there */
    struct tree *tree;
    struct node *directory;
    struct inode *inode; /* the directory's */
    char name[256];
    size_t len;
    struct model_entry *entry; /* NULL: not there */
    struct inode *target;      /* the entry's, referenced */
    bool may_fail;
};

static uint64_t below(struct tree *tree, uint64_t n)
{
    return tree->random() % n;
}

static struct node *random_node(struct tree *tree, bool is_directory)
{
    for (unsigned i = 0; i < 50; i++) {
        struct node *node = tree->nodes[below(tree, tree->count)];
        if (is_directory ? !!node->entries : !!node->bytes)
            return node;
    }
    return tree->nodes[0];
}

static bool step_begin(struct step *step, struct tree *tree, bool may_fail)
{
    *step = (struct step){.tree = tree, .directory = random_node(tree, true), .may_fail = may_fail};
    step->inode = model_open(tree, step->directory);
    if (!step->inode)
        return false;
    if (step->directory->count && below(tree, 2))
        memcpy(step->name, step->directory->entries[below(tree, step->directory->count)].name, 256);
    else
        snprintf(step->name, sizeof step->name, "n%u", (unsigned)below(tree, 40));
    step->len = strlen(step->name);
    step->entry = model_find(step->directory, step->name);
    int err = step->inode->ops->lookup(step->inode, step->name, step->len, &step->target);
    if (err != (step->entry ? 0 : -ENOENT))
        tree->complain("look-up disagrees", step->directory->number);
    if (err)
        step->target = NULL;
    return true;
}

static void step_end(struct step *step)
{
    inode_put(step->inode);
    if (step->target)
        inode_put(step->target);
}

static void arm(const struct step *step)
{
    fake_memory_fail_nth(step->may_fail && !below(step->tree, 3) ? 1 + (unsigned)below(step->tree, 5) : 0);
}

/* True: it worked. What failed must have failed for lack of memory or as wanted. */
static bool settle(struct step *step, const char *what, int err, int wanted)
{
    bool has_failed = fake_memory_failed();
    fake_memory_fail_nth(0);
    if (err != wanted && !(has_failed && err == -ENOMEM)) {
        fprintf(stderr, "%s: %d, expected %d\n", what, err, wanted);
        step->tree->complain(what, step->directory->number);
    }
    return !err;
}

static bool has_room(const struct step *step)
{
    return step->tree->count < NODES_MAX - 1 && step->directory->count < ENTRIES_MAX - 1;
}

static void make(struct step *step, uint32_t type)
{
    const struct inode_ops *ops = step->inode->ops;
    if (step->entry || !has_room(step) || (type == S_IFDIR && model_depth(step->directory) >= DEPTH_MAX))
        return;
    const struct vfs_new new = {.mode = type | 0644};
    struct inode *inode;
    arm(step);
    int err = type == S_IFDIR   ? ops->mkdir(step->inode, step->name, step->len, &new, &inode)
              : type == S_IFLNK ? ops->symlink(step->inode, step->name, step->len, &new, "where", &inode)
                                : ops->create(step->inode, step->name, step->len, &new, &inode);
    if (!settle(step, "create", err, 0))
        return;
    struct node *node = model_add(step->tree, type);
    node->number = inode->number;
    model_link(step->directory, step->name, node);
    inode_put(inode);
}

static void remove_name(struct step *step)
{
    if (!step->entry)
        return;
    struct node *node = step->entry->node;
    arm(step);
    int err = node->entries ? step->inode->ops->rmdir(step->inode, step->name, step->len, step->target)
                            : step->inode->ops->unlink(step->inode, step->name, step->len, step->target);
    if (settle(step, "remove", err, node->entries && node->count ? -ENOTEMPTY : 0))
        model_unlink(step->tree, step->directory, step->name);
}

static void add_link(struct step *step, struct step *other)
{
    if (step->entry || !other->entry || other->entry->node->entries || !has_room(step))
        return;
    arm(step);
    int err = step->inode->ops->link(step->inode, step->name, step->len, other->target);
    if (settle(step, "link", err, 0))
        model_link(step->directory, step->name, other->entry->node);
}

static bool would_loop(const struct step *from, const struct step *to)
{
    struct node *a = from->entry->node, *b = to->entry ? to->entry->node : NULL;
    if (a->entries && model_is_below(to->directory, a))
        return true;
    return b && b->entries && model_is_below(from->directory, b);
}

static void exchange(struct step *from, struct step *to)
{
    if (!to->entry || from->entry == to->entry || would_loop(from, to))
        return;
    struct node *a = from->entry->node, *b = to->entry->node;
    arm(from);
    int err = from->inode->ops->rename(from->inode, from->name, from->len, from->target, to->inode, to->name, to->len,
                                       to->target, 2);
    if (!settle(from, "exchange", err, 0))
        return;
    from->entry->node = b;
    to->entry->node = a;
    from->directory->links += !!b->entries - !!a->entries;
    to->directory->links += !!a->entries - !!b->entries;
    if (a->entries)
        a->parent = to->directory;
    if (b->entries)
        b->parent = from->directory;
}

static int wanted_of_rename(const struct node *a, const struct node *b)
{
    if (!b)
        return 0;
    if (a->entries && !b->entries)
        return -ENOTDIR;
    if (b->entries && b->count)
        return -ENOTEMPTY;
    return b->entries && !a->entries ? -EISDIR : 0;
}

static void rename_name(struct step *from, struct step *to)
{
    if (!from->entry || from->target == to->target || !has_room(to) || would_loop(from, to))
        return;
    if (below(from->tree, 3) == 0) {
        exchange(from, to);
        return;
    }
    struct node *a = from->entry->node, *b = to->entry ? to->entry->node : NULL;
    arm(from);
    int err = from->inode->ops->rename(from->inode, from->name, from->len, from->target, to->inode, to->name, to->len,
                                       to->target, 0);
    if (!settle(from, "rename", err, wanted_of_rename(a, b)))
        return;
    if (b)
        model_unlink(from->tree, to->directory, to->name);
    model_link(to->directory, to->name, a); /* before it goes from the other: it has a link at all times */
    struct node *parent = a->parent;
    if (a->entries) {
        struct model_entry *old = model_find(from->directory, from->name);
        *old = from->directory->entries[--from->directory->count];
        from->directory->links--;
        a->parent = parent;
    } else {
        model_unlink(from->tree, from->directory, from->name);
    }
}

/* What the vfs does in write(2). */
static ssize_t write_file(struct inode *inode, const uint8_t *bytes, size_t n, uint64_t offset)
{
    struct io_segment segment;
    struct io_vector io;
    int err = inode->ops->prepare_change ? inode->ops->prepare_change(inode, true) : 0;
    if (err)
        return err;
    io_vector_kernel(&io, &segment, bytes, n);
    ssize_t done = mapping_write(inode->mapping, &io, offset);
    if (done > 0 && offset + (uint64_t)done > inode->size)
        inode->size = offset + (uint64_t)done;
    return done;
}

static void write_some(struct step *step)
{
    static uint8_t bytes[CONTENTS_MAX];
    if (!step->entry || !step->entry->node->bytes)
        return;
    struct node *node = step->entry->node;
    uint64_t offset = below(step->tree, CONTENTS_MAX), n = below(step->tree, CONTENTS_MAX - offset) + 1;
    memset(bytes, (int)step->tree->random(), n);
    arm(step);
    ssize_t done = write_file(step->target, bytes, n, offset);
    settle(step, "write", done > 0 && fake_memory_failed() ? 0 : done == (ssize_t)n ? 0 : (int)done, 0);
    if (done <= 0)
        return;
    memcpy(node->bytes + offset, bytes, (size_t)done);
    if (offset + (uint64_t)done > node->size)
        node->size = offset + (uint64_t)done;
}

static void truncate_some(struct step *step)
{
    if (!step->entry || !step->entry->node->bytes)
        return;
    struct node *node = step->entry->node;
    uint64_t size = below(step->tree, CONTENTS_MAX);
    arm(step);
    if (!settle(step, "truncate", step->target->ops->truncate(step->target, size), 0))
        return;
    if (size < node->size)
        memset(node->bytes + size, 0, CONTENTS_MAX - size);
    node->size = size;
}

static void punch_some(struct step *step)
{
    if (!step->entry || !step->entry->node->bytes)
        return;
    struct node *node = step->entry->node;
    uint64_t offset = below(step->tree, CONTENTS_MAX), n = below(step->tree, CONTENTS_MAX - offset) + 1;
    bool extends = below(step->tree, 2);
    arm(step);
    int err = step->target->ops->fallocate(step->target, extends ? 0x10 : 3, offset, n);
    bool has_failed = err == -ENOMEM && extends && step->target->mapping->is_memory;
    if (!settle(step, "punch", err, 0) && !has_failed)
        return;
    if (has_failed) { /* may be zeroed without being allocated */
        struct io_segment segment;
        struct io_vector io;
        io_vector_kernel(&io, &segment, node->bytes, CONTENTS_MAX);
        mapping_read(step->target->mapping, &io, 0);
        return;
    }
    memset(node->bytes + offset, 0, n);
    if (extends && offset + n > node->size)
        node->size = offset + n;
}

static void attribute_some(struct step *step)
{
    if (!step->target)
        return;
    char value[8] = {0};
    bool was_there = step->target->ops->get_xattr(step->target, "user.t", value, 8) >= 0;
    arm(step);
    int err = was_there ? step->target->ops->remove_xattr(step->target, "user.t")
                        : step->target->ops->set_xattr(step->target, "user.t", "v", 1, 0);
    if (!settle(step, "xattr", err, 0))
        return;
    if ((step->target->ops->get_xattr(step->target, "user.t", value, 8) >= 0) == was_there)
        step->tree->complain("xattr did not change", step->target->number);
}

void tree_step(struct tree *tree, bool may_fail)
{
    struct step a, b;
    if (!step_begin(&a, tree, may_fail))
        return;
    if (!step_begin(&b, tree, may_fail)) {
        step_end(&a);
        return;
    }
    switch (below(tree, 14)) {
    case 0:
    case 1:
        make(&a, S_IFREG);
        break;
    case 2:
        make(&a, S_IFDIR);
        break;
    case 3:
        make(&a, S_IFLNK);
        break;
    case 4:
    case 5:
        remove_name(&a);
        break;
    case 6:
        add_link(&a, &b);
        break;
    case 7:
    case 8:
    case 9:
        rename_name(&a, &b);
        break;
    case 10:
    case 11:
        write_some(&a);
        break;
    case 12:
        if (below(tree, 2))
            truncate_some(&a);
        else
            punch_some(&a);
        break;
    default:
        attribute_some(&a);
    }
    step_end(&a);
    step_end(&b);
}
