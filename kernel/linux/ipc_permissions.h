/* struct ipc64_perm, which begins shmid64_ds, semid64_ds and msqid64_ds (asm-generic/ipcbuf.h). */
#pragma once
#include <ipc/object.h>

enum ipc_command { IPC_REMOVE, IPC_SET, IPC_STAT, IPC_INFO };

struct linux_ipc_permissions {
    int32_t key;
    uint32_t uid, gid, cuid, cgid, mode;
    uint16_t sequence, padding;
    uint64_t unused[2];
};
static_assert(sizeof(struct linux_ipc_permissions) == 48, "struct ipc64_perm");

static inline struct linux_ipc_permissions ipc_permissions_to_linux(const struct ipc_permissions *in)
{
    return (struct linux_ipc_permissions){
        .key = in->key,
        .uid = in->uid,
        .gid = in->gid,
        .cuid = in->cuid,
        .cgid = in->cgid,
        .mode = in->mode,
        .sequence = in->sequence,
    };
}
static inline struct ipc_change ipc_change_of_linux(const struct linux_ipc_permissions *in)
{
    return (struct ipc_change){.uid = in->uid, .gid = in->gid, .mode = in->mode};
}
