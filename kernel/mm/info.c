/* What /proc shows of an address space: its vmas one by one, and sums. */
#include "space.h"

static unsigned map_flags_of(const struct vma *vma)
{
    unsigned flags = vma_is_private(vma) ? MAP_PRIVATE : MAP_SHARED;
    if (!vma->object)
        flags |= MAP_ANONYMOUS;
    if (vma->flags & VMA_GROWS_DOWN)
        flags |= MAP_GROWSDOWN;
    if (vma->flags & VMA_STACK)
        flags |= MAP_STACK;
    if (vma->flags & VMA_NO_RESERVE)
        flags |= MAP_NORESERVE;
    if (vma->flags & VMA_LOCKED)
        flags |= MAP_LOCKED;
    return flags;
}

/* Under the read side of space->lock tables stay, so entries are read without their locks. */
static void count_usage(struct vma *vma, struct vma_info *info)
{
    uintptr_t at = vma->start;
    unsigned level;
    pte_t *entry;
    while (at < vma->end && (entry = arch_pte_next(&vma->space->table, &at, vma->end, &level))) {
        pte_t now = load_relaxed(entry);
        size_t size = level ? HUGE_SIZE : PAGE_SIZE;
        if (now && page_of_entry(now)->flags & PAGE_FLAG_ZERO)
            now = 0;
        info->resident_bytes += now ? size : 0;
        info->huge_bytes += now && level ? size : 0;
        info->dirty_bytes += arch_pte_is_dirty(now) ? size : 0;
        at += size;
    }
}

static void fill(struct vma *vma, bool with_usage, struct vma_info *info)
{
    *info = (struct vma_info){
        .start = vma->start,
        .end = vma->end,
        .protection = vma->protection,
        .flags = map_flags_of(vma),
        .offset = vma->object ? vma->offset : 0,
    };
    if (vma->name)
        snprintf(info->path, sizeof info->path, "%s", vma->name);
    if (with_usage)
        count_usage(vma, info);
}

int address_space_next_vma(struct address_space *space, uintptr_t address, bool with_usage, struct vma_info *out)
{
    struct vm_object *object = NULL;
    rwlock_read_lock(&space->lock);
    struct vma *vma = vma_find(space, address);
    if (vma) {
        fill(vma, with_usage, out);
        object = vma->object;
    }
    if (object)
        object->ops->get(object);
    rwlock_read_unlock(&space->lock);
    if (!object)
        return vma ? 0 : -ENOENT;
    /* Without the lock: describing takes locks of the file system, under which others copy to programs and fault. */
    char path[sizeof out->path] = "";
    if (object->ops->describe)
        object->ops->describe(object, path, sizeof path, &out->device, &out->inode);
    if (!out->path[0])
        memcpy(out->path, path, sizeof path);
    object->ops->put(object);
    return 0;
}

static uint64_t bytes_of(const int64_t *pages)
{
    int64_t n = load_relaxed(pages);
    return n > 0 ? (uint64_t)n << PAGE_SHIFT : 0;
}

/* Which of VmStk, VmData and VmExe a vma counts to, as Linux sorts them. */
static uint64_t *kind_of(const struct vma *vma, struct address_space_counters *out)
{
    if (vma->flags & VMA_GROWS_DOWN)
        return &out->stack_bytes;
    if (vma->protection & PROT_EXEC && !(vma->protection & PROT_WRITE))
        return &out->text_bytes;
    return vma_is_private(vma) && vma->protection & PROT_WRITE ? &out->data_bytes : NULL;
}

void address_space_count(struct address_space *space, struct address_space_counters *out)
{
    *out = (struct address_space_counters){0};
    rwlock_read_lock(&space->lock);
    out->size_bytes = space->mapped_pages << PAGE_SHIFT;
    out->peak_size_bytes = space->peak_mapped_pages << PAGE_SHIFT;
    out->vma_count = space->vma_count;
    for (struct vma *vma = vma_find(space, 0); vma; vma = vma_next(vma)) {
        uint64_t *kind = kind_of(vma, out);
        if (kind)
            *kind += vma->end - vma->start;
    }
    rwlock_read_unlock(&space->lock);
    out->anonymous_bytes = bytes_of(&space->anonymous_pages);
    out->file_bytes = bytes_of(&space->file_pages);
    out->resident_bytes = out->anonymous_bytes + out->file_bytes;
    out->peak_resident_bytes = MAX(bytes_of(&space->peak_resident_pages), out->resident_bytes);
    uint64_t all = load_relaxed(&space->minor_faults), major = load_relaxed(&space->major_faults);
    out->minor_faults = all > major ? all - major : 0;
    out->major_faults = major;
}
