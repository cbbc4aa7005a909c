/*
 * The tree of vmas, sorted by address. Each knows the gap below it and the largest gap in its subtree, so that a free
 * area is found in logarithmic time. Below a stack the guard distance does not count as gap.
 */
#include "space.h"

static struct object_cache *vma_cache;

static struct vma *vma_of(const struct rb_node *node)
{
    return node ? container_of(node, struct vma, node) : NULL;
}

static void augment(struct rb_node *node)
{
    struct vma *vma = vma_of(node), *left = vma_of(node->left), *right = vma_of(node->right);
    uintptr_t largest = vma->gap;
    if (left)
        largest = MAX(largest, left->largest_gap);
    if (right)
        largest = MAX(largest, right->largest_gap);
    vma->largest_gap = largest;
}

struct vma *vma_next(struct vma *vma)
{
    return vma_of(rb_next(&vma->node));
}

struct vma *vma_previous(struct vma *vma)
{
    return vma_of(rb_previous(&vma->node));
}

struct vma *vma_find(struct address_space *space, uintptr_t address)
{
    struct vma *found = NULL;
    for (struct rb_node *node = space->vmas.root; node;) {
        struct vma *vma = vma_of(node);
        if (vma->end > address) {
            found = vma;
            if (vma->start <= address)
                break;
            node = node->left;
        } else {
            node = node->right;
        }
    }
    return found;
}

/* The end of the free area below the vma. */
static uintptr_t gap_end(const struct vma *vma)
{
    if (!(vma->flags & VMA_GROWS_DOWN))
        return vma->start;
    return vma->start > STACK_GUARD ? vma->start - STACK_GUARD : 0;
}

static uintptr_t gap_start(struct vma *vma)
{
    struct vma *previous = vma_previous(vma);
    return previous ? previous->end : 0;
}

static void update_gap(struct vma *vma)
{
    if (!vma)
        return;
    uintptr_t start = gap_start(vma), end = gap_end(vma);
    vma->gap = end > start ? end - start : 0;
    rb_update(&vma->node, augment);
}

struct vma *vma_create(struct address_space *space)
{
    /* Created by whoever is first; a second one that raced is lost, which harms nothing. */
    if (!load_acquire(&vma_cache))
        store_release(&vma_cache, object_cache_create("vma", sizeof(struct vma), 64));
    struct vma *vma = vma_cache ? object_cache_alloc(vma_cache, ALLOC_ZERO) : NULL;
    if (vma) {
        vma->space = space;
        list_init(&vma->link);
    }
    return vma;
}

void vma_free(struct vma *vma)
{
    if (vma->object)
        vma->object->ops->put(vma->object);
    object_cache_free(vma_cache, vma);
}

static void object_list_add(struct vma *vma)
{
    if (!vma->object)
        return;
    spin_lock(&vma->object->vma_lock);
    list_add_last(&vma->object->vmas, &vma->link);
    spin_unlock(&vma->object->vma_lock);
}

static void object_list_remove(struct vma *vma)
{
    if (!vma->object)
        return;
    spin_lock(&vma->object->vma_lock);
    list_remove(&vma->link);
    spin_unlock(&vma->object->vma_lock);
}

static void tree_insert(struct vma *vma)
{
    struct address_space *space = vma->space;
    struct rb_node *parent = NULL, **link = &space->vmas.root;
    while (*link) {
        parent = *link;
        link = vma->start < vma_of(parent)->start ? &parent->left : &parent->right;
    }
    vma->gap = vma->largest_gap = 0;
    rb_insert(&space->vmas, &vma->node, parent, link, augment);
    update_gap(vma);
    update_gap(vma_next(vma));
    space->vma_count++;
}

void vma_insert(struct vma *vma)
{
    tree_insert(vma);
    object_list_add(vma);
}

void vma_forget(struct vma *vma)
{
    object_list_remove(vma);
}

void vma_remove(struct vma *vma)
{
    struct vma *next = vma_next(vma);
    object_list_remove(vma);
    rb_remove(&vma->space->vmas, &vma->node, augment);
    update_gap(next);
    vma->space->vma_count--;
}

/* The start may only move together with the offset: the pages stay where they are. */
void vma_set_range(struct vma *vma, uintptr_t start, uintptr_t end)
{
    struct vm_object *object = vma->object;
    if (object)
        spin_lock(&object->vma_lock);
    vma->offset += start - vma->start;
    vma->start = start;
    vma->end = end;
    if (object)
        spin_unlock(&object->vma_lock);
    update_gap(vma);
    update_gap(vma_next(vma));
}

int vma_split(struct vma *vma, uintptr_t at, struct vma **upper)
{
    debug_assert(vma->start < at && at < vma->end);
    struct address_space *space = vma->space;
    if (space->vma_count >= VMA_COUNT_MAX)
        return -ENOMEM;
    /* Huge entries never reach across vmas: what takes whole vmas out then has nothing to split, and cannot fail. */
    int err = vma->object ? 0 : tables_split(space, at);
    if (err)
        return err;
    struct vma *top = vma_create(space);
    if (!top)
        return -ENOMEM;
    top->start = at;
    top->end = vma->end;
    top->protection = vma->protection;
    top->flags = vma->flags & ~VMA_GROWS_DOWN; /* only the lowest part goes on growing */
    if (!(vma->flags & VMA_GROWS_DOWN))
        top->flags = vma->flags;
    top->object = vma->object;
    top->offset = vma->offset + (at - vma->start);
    top->name = vma->name;
    if (top->object)
        top->object->ops->get(top->object);
    /* For a moment both are in the object's list with overlapping ranges, which does no harm: entries are cleared once.
     */
    object_list_add(top);
    vma_set_range(vma, vma->start, at);
    tree_insert(top);
    if (upper)
        *upper = top;
    return 0;
}

/* Whether `high` continues `low` so that one vma can be both. */
static bool can_merge(const struct vma *low, const struct vma *high)
{
    return low && high && low->end == high->start && low->protection == high->protection && low->flags == high->flags &&
           low->object == high->object && low->name == high->name && !(low->flags & VMA_GROWS_DOWN) &&
           (!low->object || low->offset + (low->end - low->start) == high->offset);
}

static void join(struct vma *low, struct vma *high, struct list *doomed)
{
    vma_set_range(low, low->start, high->end); /* first, so that the object's list covers the range all the time */
    vma_remove(high);
    list_add_last(doomed, &high->link);
}

struct vma *vma_merge(struct vma *vma, struct list *doomed)
{
    struct vma *previous = vma_previous(vma), *next = vma_next(vma);
    if (can_merge(vma, next))
        join(vma, next, doomed);
    if (!can_merge(previous, vma))
        return vma;
    join(previous, vma, doomed);
    return previous;
}

/* The highest aligned place for len bytes in [start, end) cut to [low, high). */
static bool fits(uintptr_t start, uintptr_t end, uintptr_t low, uintptr_t high, size_t len, uintptr_t align,
                 uintptr_t *out)
{
    start = MAX(start, low);
    end = MIN(end, high);
    if (end < start || end - start < len)
        return false;
    *out = align_down(end - len, align);
    return *out >= start;
}

/*
 * Looks at gaps from the highest downward. Subtrees whose largest gap is too small, and those wholly above `high`, are
 * not entered.
 */
int vma_search(struct address_space *space, size_t len, uintptr_t low, uintptr_t high, uintptr_t align, uintptr_t *out)
{
    struct vma *last = vma_of(rb_last(&space->vmas));
    if (fits(last ? last->end : 0, USER_ADDRESS_MAX, low, high, len, align, out))
        return 0;
    struct rb_node *node = space->vmas.root;
    bool may_go_right = true, may_go_left = true;
    while (node) {
        struct vma *vma = vma_of(node), *right = vma_of(node->right), *left = vma_of(node->left);
        if (may_go_right && right && right->largest_gap >= len && vma->end < high) {
            node = node->right;
            continue;
        }
        if (may_go_left) {
            if (vma->gap >= len && fits(gap_start(vma), gap_end(vma), low, high, len, align, out))
                return 0;
            if (left && left->largest_gap >= len && vma->start > low) {
                node = node->left;
                may_go_right = true;
                continue;
            }
        }
        /* Done with this subtree: up. From a right child its parent itself comes next, from a left one the parent is
         * done. */
        struct rb_node *parent = rb_parent(node);
        may_go_right = false;
        may_go_left = parent && parent->right == node;
        node = parent;
    }
    return -ENOMEM;
}
