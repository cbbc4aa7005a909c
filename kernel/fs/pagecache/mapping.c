/* Life of a mapping, its face towards mm (struct vm_object), and the name that /proc/PID/maps shows. */
#include "cache.h"
#include <base/string.h>
#include <mm/alloc.h>

struct mapping_name {
    uint64_t device, inode;
    char path[]; /* terminated */
};

static struct mapping *mapping_of(struct vm_object *object)
{
    return container_of(object, struct mapping, object);
}

static int object_get_page(struct vm_object *object, uint64_t index, bool for_write, struct page **out)
{
    return cache_get(mapping_of(object), index, 1, true, true, out);
}

static struct page *object_find_page(struct vm_object *object, uint64_t index)
{
    struct page *page = cache_find(mapping_of(object), index);
    if (!page || page_is_ready(page))
        return page;
    page_put(page);
    return NULL;
}

static void object_find_pages(struct vm_object *object, uint64_t index, struct page **pages, unsigned count)
{
    struct mapping *mapping = mapping_of(object);
    unsigned i = 0;
    spin_lock(&mapping->lock);
    while (i < count) {
        unsigned run = page_tree_find_run(&mapping->pages, index + i, pages + i, count - i);
        if (!run)
            pages[i++] = NULL;
        for (; run; run--, i++) {
            if (page_is_ready(pages[i]))
                page_get(pages[i]);
            else
                pages[i] = NULL;
        }
    }
    spin_unlock(&mapping->lock);
}

/* Pages of memory files are never written back, and those of read-only files never change. */
static void object_mark_dirty(struct vm_object *object, struct page *page)
{
    page_mark_used(page);
}

static void object_get(struct vm_object *object)
{
    struct mapping *mapping = mapping_of(object);
    mapping->ops->get(mapping);
}

static void object_put(struct vm_object *object)
{
    struct mapping *mapping = mapping_of(object);
    mapping->ops->put(mapping);
}

static void copy_text(char *to, size_t size, const char *from)
{
    size_t len = strnlen(from, size - 1);
    memcpy(to, from, len);
    to[len] = 0;
}

static void object_describe(struct vm_object *object, char *path, size_t size, uint64_t *device, uint64_t *inode)
{
    struct mapping *mapping = mapping_of(object);
    spin_lock(&mapping->lock);
    const struct mapping_name *name = mapping->name;
    if (name) {
        copy_text(path, size, name->path);
        *device = name->device;
        *inode = name->inode;
    }
    spin_unlock(&mapping->lock);
    if (name)
        return;
    path[0] = 0;
    *device = *inode = 0;
    if (mapping->ops->describe)
        mapping->ops->describe(mapping, path, size, device, inode);
}

static const struct vm_object_ops object_ops = {
    .get_page = object_get_page,
    .find_page = object_find_page,
    .find_pages = object_find_pages,
    .mark_dirty = object_mark_dirty,
    .get = object_get,
    .put = object_put,
    .describe = object_describe,
};

void mapping_init(struct mapping *mapping, const struct mapping_ops *ops, void *owner, uint64_t size, bool is_memory)
{
    *mapping = (struct mapping){.ops = ops, .owner = owner, .size = size, .is_memory = is_memory};
    vm_object_init(&mapping->object, &object_ops);
    spin_init(&mapping->lock);
}

void mapping_destroy(struct mapping *mapping)
{
    cache_drop(mapping, 0, UINT64_MAX, false);
    lru_wait_reclaimers(mapping);
    kfree(mapping->name);
}

bool mapping_has_name(struct mapping *mapping)
{
    spin_lock(&mapping->lock);
    bool has_name = mapping->name;
    spin_unlock(&mapping->lock);
    return has_name;
}

int mapping_set_name(struct mapping *mapping, const char *path, uint64_t device, uint64_t inode)
{
    size_t len = strlen(path);
    struct mapping_name *name = kmalloc(sizeof *name + len + 1, ALLOC_WAIT);
    if (!name)
        return -ENOMEM;
    name->device = device;
    name->inode = inode;
    memcpy(name->path, path, len + 1);
    spin_lock(&mapping->lock);
    struct mapping_name *old = mapping->name;
    mapping->name = name;
    spin_unlock(&mapping->lock);
    kfree(old);
    return 0;
}

uint64_t mapping_page_count(const struct mapping *mapping)
{
    return load_relaxed(&mapping->pages.count);
}
