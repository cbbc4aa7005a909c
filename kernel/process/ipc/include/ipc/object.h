/* What the three kinds of System V IPC have in common. Errors and numbers are Linux's. */
#pragma once
#include <base/types.h>

enum { IPC_PRIVATE = 0 };
enum ipc_flags { IPC_CREATE = 01000, IPC_EXCLUSIVE = 02000, IPC_NO_WAIT = 04000 };
enum { CAPABILITY_IPC_LOCK = 14, CAPABILITY_IPC_OWNER = 15 };

struct ipc_permissions {
    int32_t key;
    uint32_t uid, gid, cuid, cgid, mode;
    uint16_t sequence;
};
/* IPC_SET */
struct ipc_change {
    uint32_t uid, gid, mode;
};
/* How an object is named: by id; by its place in the table (the _STAT commands), with or without the permission to
 * read it. */
enum ipc_by { IPC_BY_ID, IPC_BY_INDEX, IPC_BY_INDEX_ANY };

struct ipc_usage {
    unsigned count; /* objects in the table */
    int highest;    /* the highest place in use; 0: none */
    uint64_t total, resident;
};
