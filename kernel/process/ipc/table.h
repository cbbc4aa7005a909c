/*
 * Objects of one kind by number and by key. A number is the place in the table and a sequence that changes each time
 * places are used anew, so that a stale number does not find another's object.
 *
 * Lock order: create_lock (sleeping), then lock. What `hold` returned stays allocated until `drop`; whoever slept must
 * look at is_removed. All fields of objects are guarded by the table's lock.
 */
#pragma once
#include <ipc/object.h>
#include <process/process.h>
#include <sched/mutex.h>

struct ipc_object {
    struct ipc_permissions permissions;
    int id;
    bool is_removed;
    unsigned holds;
};
struct ipc_table {
    struct mutex create_lock;
    struct spinlock lock;
    struct ipc_object **slots; /* NULL: free */
    unsigned capacity, count, last;
    uint16_t sequence;
    void (*free)(struct ipc_object *object); /* the last hold of a removed object went; called without locks */
};
#define IPC_TABLE_INIT(table, free_function)                                                                           \
    {                                                                                                                  \
        .create_lock = MUTEX_INIT((table).create_lock), .lock = SPINLOCK_INIT, .free = (free_function)                 \
    }

/*
 * The get calls: finds by key or makes. `make` is called under create_lock and returns the object with its own fields
 * set or an error; `check` says whether an existing object will do, under lock. limit: objects at most (-ENOSPC).
 */
struct ipc_get {
    int32_t key;
    int flags;
    unsigned limit;
    int (*make)(const struct ipc_get *get, struct ipc_object **out);
    int (*check)(const struct ipc_get *get, const struct ipc_object *object);
    size_t size;
};
long ipc_get(struct ipc_table *table, const struct ipc_get *get);

/* -EINVAL, or -EACCES unless the caller has the rights (0400 read, 0200 alter, as in a mode). Lock held. */
int ipc_find_locked(struct ipc_table *table, int id, enum ipc_by by, unsigned rights, struct ipc_object **out);
/* The same, for the owner's calls: -EPERM for others. */
int ipc_find_owned_locked(struct ipc_table *table, int id, struct ipc_object **out);
void ipc_hold_locked(struct ipc_object *object);
/* Takes and releases the lock. */
void ipc_drop(struct ipc_table *table, struct ipc_object *object);
/* Out of the table; the caller holds it. */
void ipc_remove_locked(struct ipc_table *table, struct ipc_object *object);
void ipc_change_locked(struct ipc_object *object, const struct ipc_change *change);
int ipc_highest_locked(const struct ipc_table *table);
/* -EACCES unless the caller has the rights, or the capability. wanted: a mode whose three digits say the same or are
 * meant together, as the get calls have it. */
int ipc_check_rights(const struct ipc_permissions *of, unsigned wanted, unsigned capability);
int64_t ipc_now(void); /* wall clock, s */
