/* Segments of shared memory: what shm.c and shm_object.c share. */
#pragma once
#include <ipc/shm.h>
#include <mm/vm_object.h>
#include "table.h"

struct file;

struct shm_segment {
    struct ipc_object base;
    struct vm_object object;  /* what mappings refer to */
    struct file *file;        /* the memory; const */
    struct vm_object *memory; /* of file; const */
    uint64_t size;            /* bytes as asked for; const */
    uint64_t attaches;        /* references to object: mappings, and calls that are making one */
    int64_t attach_time, detach_time, change_time;
    uint32_t creator, last;
};
extern struct ipc_table shm_table;
/* After creation with one reference, the caller's. -ENOMEM, -ENOSPC. */
int shm_object_create(struct shm_segment *segment, int32_t key);
void shm_object_destroy(struct shm_segment *segment);
bool shm_object_is(const struct vm_object *object);
/* The last mapping went, or the id: what a removed segment waits for. Lock held; true: out of the table, to be dropped.
 */
bool shm_remove_if_unused_locked(struct shm_segment *segment);
/* Ends a call's own reference, without a trace in times and pids. */
void shm_object_release(struct shm_segment *segment);
