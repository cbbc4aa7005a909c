/* Tables of IPC objects; see table.h. */
#include <arch/cpu.h>
#include <base/errno.h>
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include "table.h"

enum { INDEX_BITS = 15, INDEX_MASK = (1 << INDEX_BITS) - 1, SEQUENCE_MASK = 0xffff, PLACES_MIN = 64 };

int64_t ipc_now(void)
{
    return ((int64_t)clock_monotonic_ns() + clock_realtime_offset_ns()) / NS_PER_SECOND;
}

/* ---- rights ---- */

static bool is_member(const struct credentials *who, uint32_t gid)
{
    bool is_in = who->egid == gid;
    for (uint32_t i = 0; i < who->group_count; i++)
        is_in |= who->groups[i] == gid;
    return is_in;
}

static bool is_owner(const struct ipc_permissions *of)
{
    uint32_t euid = process_current()->credentials.euid;
    return euid == of->uid || euid == of->cuid;
}

int ipc_check_rights(const struct ipc_permissions *of, unsigned wanted, unsigned capability)
{
    const struct credentials *who = &process_current()->credentials;
    unsigned asked = wanted >> 6 | wanted >> 3 | wanted, granted = of->mode;
    if (is_owner(of))
        granted >>= 6;
    else if (is_member(who, of->gid) || is_member(who, of->cgid))
        granted >>= 3;
    return asked & ~granted & 7 && !process_is_capable(capability) ? -EACCES : 0;
}

/* ---- finding ---- */

static struct ipc_object *at_locked(struct ipc_table *table, unsigned index)
{
    return index < table->capacity ? table->slots[index] : NULL;
}

int ipc_find_locked(struct ipc_table *table, int id, enum ipc_by by, unsigned rights, struct ipc_object **out)
{
    if (id < 0)
        return -EINVAL;
    bool is_index = by != IPC_BY_ID;
    struct ipc_object *object = at_locked(table, is_index ? (unsigned)id : (unsigned)id & INDEX_MASK);
    if (!object || (!is_index && object->id != id))
        return -EINVAL;
    int err = by == IPC_BY_INDEX_ANY ? 0 : ipc_check_rights(&object->permissions, rights, CAPABILITY_IPC_OWNER);
    if (!err)
        *out = object;
    return err;
}

int ipc_find_owned_locked(struct ipc_table *table, int id, struct ipc_object **out)
{
    int err = ipc_find_locked(table, id, IPC_BY_ID, 0, out);
    if (err)
        return err;
    return is_owner(&(*out)->permissions) || process_is_capable(CAPABILITY_SYS_ADMIN_BIT) ? 0 : -EPERM;
}

static struct ipc_object *find_key_locked(struct ipc_table *table, int32_t key)
{
    for (unsigned i = 0; i < table->capacity; i++)
        if (table->slots[i] && table->slots[i]->permissions.key == key)
            return table->slots[i];
    return NULL;
}

int ipc_highest_locked(const struct ipc_table *table)
{
    unsigned i = table->capacity;
    while (i && !table->slots[i - 1])
        i--;
    return i ? (int)i - 1 : 0;
}

/* ---- making ---- */

/* Room for one more; create_lock held. */
static int grow(struct ipc_table *table, unsigned limit)
{
    unsigned capacity = table->capacity ? table->capacity * 2 : PLACES_MIN;
    if (table->count < table->capacity)
        return 0;
    if (table->count >= limit || capacity > INDEX_MASK + 1)
        return -ENOSPC;
    struct ipc_object **slots = kmalloc_array(capacity, sizeof(struct ipc_object *), ALLOC_WAIT | ALLOC_ZERO);
    if (!slots)
        return -ENOMEM;
    if (table->capacity)
        memcpy(slots, table->slots, table->capacity * sizeof(struct ipc_object *));
    spin_lock(&table->lock);
    struct ipc_object **old = table->slots;
    table->slots = slots;
    table->capacity = capacity;
    spin_unlock(&table->lock);
    kfree(old);
    return 0;
}

/* The next free place after the last one given out; coming round begins a new sequence. grow() has made room. */
static unsigned take_place_locked(struct ipc_table *table)
{
    unsigned index = table->last + 1;
    while (index < table->capacity && table->slots[index])
        index++;
    if (index >= table->capacity) {
        index = 0;
        table->sequence++;
        while (table->slots[index])
            index++;
    }
    table->last = index;
    return index;
}

static long insert(struct ipc_table *table, const struct ipc_get *get, struct ipc_object *object)
{
    const struct credentials *who = &process_current()->credentials;
    spin_lock(&table->lock);
    unsigned index = take_place_locked(table);
    object->permissions = (struct ipc_permissions){
        .key = get->key,
        .uid = who->euid,
        .gid = who->egid,
        .cuid = who->euid,
        .cgid = who->egid,
        .mode = object->permissions.mode | ((unsigned)get->flags & 0777),
        .sequence = table->sequence & SEQUENCE_MASK,
    };
    object->id = (int)((unsigned)(table->sequence & SEQUENCE_MASK) << INDEX_BITS | index);
    object->holds = 1; /* the table's */
    table->slots[index] = object;
    table->count++;
    int id = object->id;
    spin_unlock(&table->lock);
    return id;
}

static long make(struct ipc_table *table, const struct ipc_get *get)
{
    struct ipc_object *object;
    int err = get->make(get, &object);
    if (err)
        return err;
    err = table->count >= get->limit ? -ENOSPC : grow(table, get->limit);
    if (!err)
        return insert(table, get, object);
    table->free(object);
    return err;
}

static long check_found_locked(const struct ipc_get *get, const struct ipc_object *object)
{
    if ((get->flags & (IPC_CREATE | IPC_EXCLUSIVE)) == (IPC_CREATE | IPC_EXCLUSIVE))
        return -EEXIST;
    int err = get->check(get, object);
    if (!err)
        err = ipc_check_rights(&object->permissions, (unsigned)get->flags & 0777, CAPABILITY_IPC_OWNER);
    return err ? err : object->id;
}

long ipc_get(struct ipc_table *table, const struct ipc_get *get)
{
    long result = -ENOENT;
    mutex_lock(&table->create_lock);
    spin_lock(&table->lock);
    struct ipc_object *found = get->key == IPC_PRIVATE ? NULL : find_key_locked(table, get->key);
    if (found)
        result = check_found_locked(get, found);
    spin_unlock(&table->lock);
    if (!found && (get->key == IPC_PRIVATE || get->flags & IPC_CREATE))
        result = make(table, get);
    mutex_unlock(&table->create_lock);
    return result;
}

/* ---- lives ---- */

void ipc_hold_locked(struct ipc_object *object)
{
    object->holds++;
}

void ipc_drop(struct ipc_table *table, struct ipc_object *object)
{
    spin_lock(&table->lock);
    bool is_last = --object->holds == 0;
    spin_unlock(&table->lock);
    if (is_last)
        table->free(object);
}

void ipc_remove_locked(struct ipc_table *table, struct ipc_object *object)
{
    assert(!object->is_removed && object->holds > 1);
    table->slots[(unsigned)object->id & INDEX_MASK] = NULL;
    table->count--;
    object->is_removed = true;
    object->holds--;
}

void ipc_change_locked(struct ipc_object *object, const struct ipc_change *change)
{
    object->permissions.uid = change->uid;
    object->permissions.gid = change->gid;
    object->permissions.mode = (object->permissions.mode & ~0777u) | (change->mode & 0777);
}
