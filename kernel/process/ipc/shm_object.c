/*
 * The object behind the mappings of a segment. Its pages are those of an unnamed file, which no reclaim takes and no
 * truncation shortens; its references are counted, because they are the attaches that shmctl(2) tells.
 */
#include <base/string.h>
#include <common/checked.h>
#include <vfs/vfs.h>
#include "shm.h"

static struct shm_segment *segment_of(struct vm_object *object)
{
    return container_of(object, struct shm_segment, object);
}

static int object_get_page(struct vm_object *object, uint64_t index, bool for_write, struct page **out)
{
    struct vm_object *memory = segment_of(object)->memory;
    return memory->ops->get_page(memory, index, for_write, out);
}

static struct page *object_find_page(struct vm_object *object, uint64_t index)
{
    struct vm_object *memory = segment_of(object)->memory;
    return memory->ops->find_page(memory, index);
}

static void object_mark_dirty(struct vm_object *object, struct page *page)
{
    struct vm_object *memory = segment_of(object)->memory;
    memory->ops->mark_dirty(memory, page);
}

/* Whoever changes an address space is the last one to have attached or detached. */
static uint32_t caller_id(void)
{
    struct process *process = process_current();
    return process ? process->id : 0;
}

static void object_get(struct vm_object *object)
{
    struct shm_segment *segment = segment_of(object);
    spin_lock(&shm_table.lock);
    segment->attaches++;
    segment->attach_time = ipc_now();
    segment->last = caller_id();
    spin_unlock(&shm_table.lock);
}

static void put(struct shm_segment *segment, bool is_detach)
{
    spin_lock(&shm_table.lock);
    segment->attaches--;
    if (is_detach) {
        segment->detach_time = ipc_now();
        segment->last = caller_id();
    }
    bool is_gone = shm_remove_if_unused_locked(segment);
    spin_unlock(&shm_table.lock);
    if (is_gone)
        ipc_drop(&shm_table, &segment->base);
}

static void object_put(struct vm_object *object)
{
    put(segment_of(object), true);
}

void shm_object_release(struct shm_segment *segment)
{
    put(segment, false);
}

static void object_describe(struct vm_object *object, char *path, size_t size, uint64_t *device, uint64_t *inode)
{
    struct shm_segment *segment = segment_of(object);
    segment->memory->ops->describe(segment->memory, path, size, device, inode);
    *inode = (uint64_t)segment->base.id; /* as Linux shows it */
}

static const struct vm_object_ops object_ops = {
    .get_page = object_get_page,
    .find_page = object_find_page,
    .mark_dirty = object_mark_dirty,
    .get = object_get,
    .put = object_put,
    .describe = object_describe,
};

bool shm_object_is(const struct vm_object *object)
{
    return object->ops == &object_ops;
}

int shm_object_create(struct shm_segment *segment, int32_t key)
{
    char name[16];
    snprintf(name, sizeof name, "SYSV%08x", (unsigned)key);
    int err = vfs_open_anonymous(name, align_up(segment->size, PAGE_SIZE), false, &segment->file);
    if (err)
        return err;
    err = segment->file->ops->get_vm_object(segment->file, true, &segment->memory);
    if (err) {
        file_put(segment->file);
        return err;
    }
    vm_object_init(&segment->object, &object_ops);
    return 0;
}

void shm_object_destroy(struct shm_segment *segment)
{
    segment->memory->ops->put(segment->memory);
    file_put(segment->file);
}
