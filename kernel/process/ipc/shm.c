/*
 * System V shared memory. A segment stays in the table while it has its id or is attached: IPC_RMID takes the key and
 * marks it, the last detach removes it.
 */
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include <vfs/vfs.h>
#include "shm.h"

/* mmap's numbers. */
enum { PROT_READ = 1, PROT_WRITE = 2, PROT_EXEC = 4, MAP_SHARED = 1, MAP_FIXED = 0x10 };
#define MAP_FIXED_NOREPLACE 0x100000u
enum { MODE_DESTROYED = 01000, MODE_LOCKED = 02000, MODE_READ = 0400, MODE_WRITE = 0200, MODE_EXECUTE = 0100 };

/* Linux's defaults: as good as none; whole words, read relaxed. */
struct shm_limits shm_limits = {UINT64_MAX - (1 << 24), UINT64_MAX - (1 << 24), 4096};

static void free_segment(struct ipc_object *object);
struct ipc_table shm_table = IPC_TABLE_INIT(shm_table, free_segment);
static uint64_t total_pages; /* of all segments; shm_table.lock */

static struct shm_segment *segment_of(struct ipc_object *object)
{
    return container_of(object, struct shm_segment, base);
}

static uint64_t pages_of(uint64_t size)
{
    return (size >> PAGE_SHIFT) + (size & (PAGE_SIZE - 1) ? 1 : 0);
}

static void free_segment(struct ipc_object *object)
{
    struct shm_segment *segment = segment_of(object);
    spin_lock(&shm_table.lock);
    total_pages -= pages_of(segment->size);
    spin_unlock(&shm_table.lock);
    shm_object_destroy(segment);
    kfree(segment);
}

/* ---- shmget ---- */

static int reserve(const struct ipc_get *get)
{
    uint64_t pages = pages_of(get->size), sum;
    struct memory_counters memory;
    memory_count(&memory);
    if (!(get->flags & SHM_NO_RESERVE) && pages > memory.total_pages)
        return -ENOMEM;
    spin_lock(&shm_table.lock);
    bool fits = !add_overflows(total_pages, pages, &sum) && sum <= load_relaxed(&shm_limits.all_pages);
    if (fits)
        total_pages = sum;
    spin_unlock(&shm_table.lock);
    return fits ? 0 : -ENOSPC;
}

static int make_segment(const struct ipc_get *get, struct ipc_object **out)
{
    if (!get->size || get->size > load_relaxed(&shm_limits.max_bytes))
        return -EINVAL;
    if (get->flags & SHM_HUGE_PAGES)
        return -ENOMEM; /* as a Linux that has set none aside */
    int err = reserve(get);
    if (err)
        return err;
    struct shm_segment *segment = kzalloc(sizeof *segment, ALLOC_WAIT);
    if (!segment) {
        err = -ENOMEM;
        goto unreserve;
    }
    segment->size = get->size;
    segment->creator = process_current()->id;
    segment->change_time = ipc_now();
    err = shm_object_create(segment, get->key);
    if (err)
        goto free_segment;
    *out = &segment->base;
    return 0;

free_segment:
    kfree(segment);
unreserve:
    spin_lock(&shm_table.lock);
    total_pages -= pages_of(get->size);
    spin_unlock(&shm_table.lock);
    return err;
}

static int check_segment(const struct ipc_get *get, const struct ipc_object *object)
{
    return container_of(object, struct shm_segment, base)->size < get->size ? -EINVAL : 0;
}

long shm_get(int32_t key, size_t size, int flags)
{
    struct ipc_get get = {
        .key = key,
        .flags = flags,
        .limit = (unsigned)MIN(load_relaxed(&shm_limits.count), UINT64_C(32768)),
        .make = make_segment,
        .check = check_segment,
        .size = size,
    };
    return ipc_get(&shm_table, &get);
}

/* ---- shmat, shmdt ---- */

static int fill_request(uintptr_t address, int flags, struct map_request *request, unsigned *rights)
{
    bool is_aligned_there = is_aligned(address, PAGE_SIZE);
    if (!is_aligned_there && !(flags & SHM_ROUND))
        return -EINVAL;
    address = align_down(address, PAGE_SIZE);
    if (!address && flags & SHM_REMAP)
        return -EINVAL;
    *rights = flags & SHM_READ_ONLY ? MODE_READ : MODE_READ | MODE_WRITE;
    request->protection = flags & SHM_READ_ONLY ? PROT_READ : PROT_READ | PROT_WRITE;
    if (flags & SHM_EXECUTE) {
        *rights |= MODE_EXECUTE;
        request->protection |= PROT_EXEC;
    }
    request->may_write = !(flags & SHM_READ_ONLY);
    request->address = address;
    request->flags = MAP_SHARED;
    if (address)
        request->flags |= flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
    return 0;
}

long shm_attach(int id, uintptr_t address, int flags)
{
    struct map_request request = {0};
    struct ipc_object *object;
    unsigned rights;
    int err = fill_request(address, flags, &request, &rights);
    if (err)
        return err;
    spin_lock(&shm_table.lock);
    err = ipc_find_locked(&shm_table, id, IPC_BY_ID, rights, &object);
    if (!err)
        segment_of(object)->attaches++;
    spin_unlock(&shm_table.lock);
    if (err)
        return err;
    struct shm_segment *segment = segment_of(object);
    request.object = &segment->object;
    request.len = segment->size;
    uintptr_t at = 0;
    err = address_space_map(process_current()->space, &request, &at);
    shm_object_release(segment);
    if (err == -EEXIST)
        err = -EINVAL;
    return err ? err : (long)at;
}

long shm_detach(uintptr_t address)
{
    if (!is_aligned(address, PAGE_SIZE))
        return -EINVAL;
    return address_space_unmap_object(process_current()->space, address, shm_object_is);
}

/* ---- shmctl ---- */

bool shm_remove_if_unused_locked(struct shm_segment *segment)
{
    bool is_due = segment->base.permissions.mode & MODE_DESTROYED && !segment->attaches && !segment->base.is_removed;
    if (is_due) {
        ipc_hold_locked(&segment->base); /* the caller's, for its drop */
        ipc_remove_locked(&shm_table, &segment->base);
    }
    return is_due;
}

long shm_remove(int id)
{
    struct ipc_object *object;
    bool is_gone = false;
    spin_lock(&shm_table.lock);
    int err = ipc_find_owned_locked(&shm_table, id, &object);
    if (!err) {
        object->permissions.mode |= MODE_DESTROYED;
        object->permissions.key = IPC_PRIVATE;
        is_gone = shm_remove_if_unused_locked(segment_of(object));
    }
    spin_unlock(&shm_table.lock);
    if (is_gone)
        ipc_drop(&shm_table, object);
    return err;
}

/* Pages that the segment has. The caller holds it. */
static uint64_t resident_pages(struct shm_segment *segment)
{
    struct vfs_stat stat;
    struct inode *inode = file_inode(segment->file);
    return inode && !vfs_stat_inode(inode, &stat) ? stat.blocks / (PAGE_SIZE / 512) : 0;
}

long shm_stat(int id, enum ipc_by by, struct shm_status *out)
{
    struct ipc_object *object;
    spin_lock(&shm_table.lock);
    int err = ipc_find_locked(&shm_table, id, by, MODE_READ, &object);
    if (err) {
        spin_unlock(&shm_table.lock);
        return err;
    }
    struct shm_segment *segment = segment_of(object);
    *out = (struct shm_status){
        .permissions = object->permissions,
        .id = object->id,
        .size = segment->size,
        .attaches = segment->attaches,
        .attach_time = segment->attach_time,
        .detach_time = segment->detach_time,
        .change_time = segment->change_time,
        .creator = segment->creator,
        .last = segment->last,
    };
    ipc_hold_locked(object);
    spin_unlock(&shm_table.lock);
    out->resident = resident_pages(segment) << PAGE_SHIFT;
    ipc_drop(&shm_table, object);
    return by == IPC_BY_ID ? 0 : out->id;
}

long shm_set(int id, const struct ipc_change *change)
{
    struct ipc_object *object;
    spin_lock(&shm_table.lock);
    int err = ipc_find_owned_locked(&shm_table, id, &object);
    if (!err) {
        ipc_change_locked(object, change);
        segment_of(object)->change_time = ipc_now();
    }
    spin_unlock(&shm_table.lock);
    return err;
}

/* Nothing is ever swapped out: the mark is all there is to do. */
long shm_lock(int id, bool lock)
{
    const struct process *caller = process_current();
    struct ipc_object *object;
    spin_lock(&shm_table.lock);
    int err = ipc_find_locked(&shm_table, id, IPC_BY_ID, 0, &object);
    if (!err && !process_is_capable(CAPABILITY_IPC_LOCK)) {
        uint32_t euid = caller->credentials.euid;
        bool is_owner = euid == object->permissions.uid || euid == object->permissions.cuid;
        err = !is_owner || (lock && !caller->limits[LIMIT_MEMLOCK].soft) ? -EPERM : 0;
    }
    if (!err)
        object->permissions.mode = (object->permissions.mode & ~(unsigned)MODE_LOCKED) | (lock ? MODE_LOCKED : 0);
    spin_unlock(&shm_table.lock);
    return err;
}

/* Resident pages: each held in turn, so that the lock is not kept over a look at its file. */
static uint64_t all_resident_pages(void)
{
    uint64_t pages = 0;
    for (unsigned i = 0; i < load_acquire(&shm_table.capacity); i++) {
        spin_lock(&shm_table.lock);
        struct ipc_object *object = i < shm_table.capacity ? shm_table.slots[i] : NULL;
        if (object)
            ipc_hold_locked(object);
        spin_unlock(&shm_table.lock);
        if (!object)
            continue;
        pages += resident_pages(segment_of(object));
        ipc_drop(&shm_table, object);
    }
    return pages;
}

void shm_usage(struct ipc_usage *out)
{
    out->resident = all_resident_pages();
    spin_lock(&shm_table.lock);
    out->count = shm_table.count;
    out->highest = ipc_highest_locked(&shm_table);
    out->total = total_pages;
    spin_unlock(&shm_table.lock);
}
