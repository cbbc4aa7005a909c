/* Unmapping by object: shmdt(2). */
#include "space.h"

/* Whether the vma shows the object at the offset that a mapping of the whole from `start` on would. */
static bool is_part(const struct vma *vma, uintptr_t start, bool (*is_wanted)(const struct vm_object *object))
{
    return vma->object && vma->start - start == vma->offset && is_wanted(vma->object);
}

int address_space_unmap_object(struct address_space *space, uintptr_t start,
                               bool (*is_wanted)(const struct vm_object *object))
{
    struct list doomed = LIST_INIT(doomed);
    struct vm_object *object = NULL; /* the first part's; lives while the vma waits in `doomed` */
    int err = -EINVAL;
    rwlock_write_lock(&space->lock);
    struct vma *vma = vma_find(space, start);
    while (vma) {
        uintptr_t end = vma->end;
        if (vma->start >= start && is_part(vma, start, is_wanted) && (!object || vma->object == object)) {
            object = vma->object;
            err = unmap_locked(space, vma->start, end, &doomed);
            if (err)
                break;
        }
        vma = vma_find(space, end);
    }
    rwlock_write_unlock(&space->lock);
    vmas_free(&doomed);
    return err;
}
