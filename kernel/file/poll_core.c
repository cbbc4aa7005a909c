/*
 * Waiting for files. The first look at each file queues a waiter on every queue the file names; the later looks only
 * ask. A waiter that is notified marks the whole wait: then all files are asked again.
 */
#include <file/poll_core.h>
#include <mm/alloc.h>

enum { WAITERS_INLINE = 12, WAITERS_A_BLOCK = 80 };

struct poll_wait;
struct poll_waiter {
    struct waiter waiter;
    struct wait_queue *queue;
    struct poll_wait *wait;
    uint32_t wanted;
};
struct waiter_block {
    struct waiter_block *next;
    unsigned used;
    struct poll_waiter waiters[WAITERS_A_BLOCK];
};
struct poll_wait {
    struct poll_table table;
    struct thread *thread;
    uint32_t is_notified; /* atomic */
    uint32_t wanted;      /* of the file being asked */
    bool is_out_of_memory;
    unsigned used;
    struct poll_waiter waiters[WAITERS_INLINE];
    struct waiter_block *blocks;
};

static bool notify(struct waiter *waiter, uint32_t key)
{
    struct poll_waiter *entry = container_of(waiter, struct poll_waiter, waiter);
    if (key && !(key & entry->wanted))
        return false;
    store_release(&entry->wait->is_notified, 1u);
    thread_wake(entry->wait->thread);
    return true;
}

static struct poll_waiter *new_waiter(struct poll_wait *wait)
{
    if (wait->used < WAITERS_INLINE)
        return &wait->waiters[wait->used++];
    if (!wait->blocks || wait->blocks->used == WAITERS_A_BLOCK) {
        struct waiter_block *block = kmalloc(sizeof *block, ALLOC_WAIT);
        if (!block)
            return NULL;
        block->used = 0;
        block->next = wait->blocks;
        wait->blocks = block;
    }
    return &wait->blocks->waiters[wait->blocks->used++];
}

static void listen(struct poll_table *table, struct wait_queue *queue)
{
    struct poll_wait *wait = container_of(table, struct poll_wait, table);
    struct poll_waiter *entry = new_waiter(wait);
    if (!entry) {
        wait->is_out_of_memory = true;
        return;
    }
    *entry = (struct poll_waiter){.waiter = {.notify = notify}, .queue = queue, .wait = wait, .wanted = wait->wanted};
    wait_queue_add(queue, &entry->waiter);
}

static void stop_listening(struct poll_wait *wait)
{
    for (unsigned i = 0; i < wait->used; i++)
        wait_queue_remove(wait->waiters[i].queue, &wait->waiters[i].waiter);
    while (wait->blocks) {
        struct waiter_block *block = wait->blocks;
        for (unsigned i = 0; i < block->used; i++)
            wait_queue_remove(block->waiters[i].queue, &block->waiters[i].waiter);
        wait->blocks = block->next;
        kfree(block);
    }
}

/* Once something is found, nobody will wait: no more queueing. */
static int ask_all(struct poll_wait *wait, struct poll_entry *entries, size_t count, bool may_listen)
{
    int found = 0;
    for (size_t i = 0; i < count; i++) {
        struct poll_entry *entry = &entries[i];
        entry->found = 0;
        if (!entry->file)
            continue;
        wait->wanted = entry->wanted | POLL_ERR | POLL_HUP;
        entry->found = file_poll(entry->file, may_listen && !found ? &wait->table : NULL) & wait->wanted;
        found += entry->found != 0;
    }
    return found;
}

/* False: the deadline passed. */
static bool sleep_until_notified(struct poll_wait *wait, uint64_t deadline_ns, int *err)
{
    bool is_in_time = true;
    thread_prepare_sleep();
    bool is_interrupted = load_acquire(&wait->thread->is_interrupted);
    if (!is_interrupted && !load_acquire(&wait->is_notified))
        is_in_time = thread_sleep(deadline_ns);
    else
        thread_cancel_sleep();
    *err = is_interrupted ? -ERESTARTSYS : 0;
    return is_in_time;
}

/* The waiters are made when they are used. */
static void poll_wait_init(struct poll_wait *wait)
{
    wait->table = (struct poll_table){listen};
    wait->thread = thread_current();
    wait->is_notified = 0;
    wait->is_out_of_memory = false;
    wait->used = 0;
    wait->blocks = NULL;
}

int poll_files(struct poll_entry *entries, size_t count, uint64_t deadline_ns)
{
    struct poll_wait wait;
    poll_wait_init(&wait);
    int err = 0, found = ask_all(&wait, entries, count, deadline_ns != 0);
    bool is_in_time = deadline_ns != 0;
    if (wait.is_out_of_memory && !found)
        err = -ENOMEM;
    while (!found && !err && is_in_time) {
        is_in_time = sleep_until_notified(&wait, deadline_ns, &err);
        /* Cleared before the files are asked: what happens from here on wakes us again. */
        atomic_exchange(&wait.is_notified, 0u);
        found = ask_all(&wait, entries, count, false);
    }
    stop_listening(&wait);
    return found ? found : err;
}
