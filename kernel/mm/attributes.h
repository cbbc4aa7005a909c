/* Private to mm: changing an attribute of all vmas of a range, cut at its ends and joined where they become alike. */
#pragma once
#include "space.h"

struct attribute_change {
    /* Whether the part [start, end) of the vma may be changed; NULL: always. */
    int (*check)(struct vma *vma, uintptr_t start, uintptr_t end, const struct attribute_change *change);
    bool (*is_needed)(const struct vma *vma, const struct attribute_change *change);
    int (*apply)(struct vma *vma, const struct attribute_change *change);
    unsigned value; /* protection, or flags to set */
    unsigned clear; /* flags to clear */
    struct gather *gather;
};
int change_attributes(struct address_space *space, uintptr_t start, uintptr_t end, bool go_on_at_holes,
                      const struct attribute_change *change, struct list *doomed);
/* Sets and clears VMA_ flags. */
int change_flags(struct address_space *space, uintptr_t start, uintptr_t end, bool go_on_at_holes, unsigned set,
                 unsigned clear);
