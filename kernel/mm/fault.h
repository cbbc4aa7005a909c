/* Private to the fault files: one fault being resolved, under the read side of space->lock. */
#pragma once
#include "space.h"

struct fault {
    struct vma *vma;
    uintptr_t address; /* of the page */
    pte_t *entry;      /* level 0, or the huge one that stands there */
};
/* Beside enum fault_result: start over. */
enum { FAULT_RETRY = 100, FAULT_TOO_SMALL };

void fault_install(struct vma *vma, pte_t *entry, struct page *page, bool is_writable);
/* What to do when a page or a table could not be had without sleeping: FAULT_RETRY or FAULT_OUT_OF_MEMORY. */
int fault_after_reclaim(void);
/* What an object's error means to the program. */
static inline int fault_result_of(int err)
{
    return err == -ENOMEM ? FAULT_OUT_OF_MEMORY : FAULT_BEYOND_END;
}
/* fault_object.c: the entry is 0 and the vma maps an object. */
int fault_object(struct fault *fault, enum fault_access access);
/* fault_huge.c: a huge page for an anonymous vma where one is worth it, else FAULT_TOO_SMALL. */
int fault_huge(struct fault *fault);
/* A huge entry stands there. */
int fault_on_huge(struct fault *fault, enum fault_access access);
