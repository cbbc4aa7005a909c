/*
 * The table of ids: threads, processes, groups and sessions take theirs from one range, as Linux's do, and an id stays
 * taken while any of the four uses it. Chunks of rows are made when first needed and stay.
 */
#include <base/errno.h>
#include "private.h"

enum { ID_MAX = 32768, CHUNK = 256, RESERVED = 300 };
struct row {
    struct task *task;       /* alive thread of this id */
    struct process *process; /* not reaped */
    uint32_t uses;
};

struct spinlock process_tree_lock = SPINLOCK_INIT;
static struct row *chunks[ID_MAX / CHUNK]; /* all GUARDED_BY(&process_tree_lock) */
static uint32_t last_id;
static unsigned task_total;

static struct row *row_of(uint32_t id)
{
    struct row *chunk = id < ID_MAX ? chunks[id / CHUNK] : NULL;
    return chunk ? &chunk[id % CHUNK] : NULL;
}

/* The row, its chunk made if need be; NULL: no memory. */
static struct row *row_make_locked(uint32_t id)
{
    if (!chunks[id / CHUNK])
        chunks[id / CHUNK] = kzalloc(CHUNK * sizeof(struct row), ALLOC_ATOMIC);
    return row_of(id);
}

/* Ascending and round again, so that a number does not come back at once; low ones are not reused. */
uint32_t id_allocate(void)
{
    uint32_t found = 0;
    spin_lock(&process_tree_lock);
    uint32_t id = last_id;
    for (uint32_t i = 0; i < ID_MAX && !found; i++) {
        if (++id >= ID_MAX)
            id = RESERVED;
        struct row *row = row_make_locked(id);
        if (!row)
            break;
        if (!row->uses) {
            row->uses = 1;
            last_id = found = id;
        }
    }
    spin_unlock(&process_tree_lock);
    return found;
}

void id_use_locked(uint32_t id)
{
    row_of(id)->uses++;
}

void id_release_locked(uint32_t id)
{
    struct row *row = row_of(id);
    assert(row && row->uses);
    row->uses--;
}

void id_set_task_locked(uint32_t id, struct task *task)
{
    struct row *row = row_of(id);
    task_total += (task != NULL) - (row->task != NULL);
    row->task = task;
}

void id_set_process_locked(uint32_t id, struct process *process)
{
    row_of(id)->process = process;
}

struct task *id_task_locked(uint32_t id)
{
    struct row *row = row_of(id);
    return row ? row->task : NULL;
}

struct process *id_process_locked(uint32_t id)
{
    struct row *row = row_of(id);
    return row ? row->process : NULL;
}

static struct process *next_locked(uint32_t id)
{
    while (id < ID_MAX) {
        struct row *chunk = chunks[id / CHUNK];
        if (!chunk) {
            id = (id / CHUNK + 1) * CHUNK;
            continue;
        }
        if (chunk[id % CHUNK].process)
            return chunk[id % CHUNK].process;
        id++;
    }
    return NULL;
}

bool id_is_group_locked(uint32_t group, uint32_t session)
{
    for (struct process *p = next_locked(0); p; p = next_locked(p->id + 1))
        if (p->group_id == group && (!session || p->session_id == session))
            return true;
    return false;
}

struct process *process_find(uint32_t pid)
{
    spin_lock(&process_tree_lock);
    struct process *process = id_process_locked(pid);
    if (process)
        process_get(process);
    spin_unlock(&process_tree_lock);
    return process;
}

struct process *process_next(uint32_t pid)
{
    spin_lock(&process_tree_lock);
    struct process *process = next_locked(pid);
    if (process)
        process_get(process);
    spin_unlock(&process_tree_lock);
    return process;
}

struct task *task_find(uint32_t tid)
{
    spin_lock(&process_tree_lock);
    struct task *task = id_task_locked(tid);
    if (task)
        task_get(task);
    spin_unlock(&process_tree_lock);
    return task;
}

unsigned process_thread_total(void)
{
    return load_relaxed(&task_total);
}

unsigned process_for_each(uint32_t group, bool all, void (*each)(struct process *process, void *context), void *context)
{
    unsigned count = 0;
    struct process *self = process_current(), *process;
    if (!group)
        group = self->group_id;
    for (uint32_t id = 0; (process = process_next(id)); process_put(process)) {
        id = process->id + 1;
        if (all ? process == self || process->id == 1 : load_relaxed(&process->group_id) != group)
            continue;
        each(process, context);
        count++;
    }
    return count;
}
