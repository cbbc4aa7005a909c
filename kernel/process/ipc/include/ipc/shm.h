/* System V shared memory: shmget(2), shmop(2), shmctl(2). */
#pragma once
#include <ipc/object.h>

enum shm_flags {
    SHM_HUGE_PAGES = 04000,
    SHM_NO_RESERVE = 010000,
    SHM_READ_ONLY = 010000,
    SHM_ROUND = 020000,
    SHM_REMAP = 040000,
    SHM_EXECUTE = 0100000,
};
struct shm_status {
    struct ipc_permissions permissions;
    int id;
    uint64_t size, resident, attaches;
    int64_t attach_time, detach_time, change_time; /* s, wall clock */
    uint32_t creator, last;                        /* pids */
};
/* /proc/sys/kernel/shm*; read and written whole words at a time. */
struct shm_limits {
    uint64_t max_bytes, all_pages, count;
};
extern struct shm_limits shm_limits;

long shm_get(int32_t key, size_t size, int flags);
long shm_attach(int id, uintptr_t address, int flags); /* the address */
long shm_detach(uintptr_t address);
long shm_stat(int id, enum ipc_by by, struct shm_status *out); /* 0; by place: the id */
long shm_set(int id, const struct ipc_change *change);
long shm_remove(int id);
long shm_lock(int id, bool lock);
void shm_usage(struct ipc_usage *out); /* total and resident in pages */
