/*
 * Queues of pending signals: a set, and an entry with its siginfo for most of them. A standard signal is queued at most
 * once; a real-time signal as often as it is sent, in order. Entries count against RLIMIT_SIGPENDING machine-wide, as
 * all of a user's processes share it on Linux. The owner's process->lock guards a queue.
 */
#include <base/errno.h>
#include "private.h"

static uint32_t entries_in_use;
/* Signals that a fault of the thread itself raised go first, as on Linux: ILL TRAP BUS FPE SEGV SYS. */
#define SYNCHRONOUS                                                                                                    \
    (UINT64_C(1) << 3 | UINT64_C(1) << 4 | UINT64_C(1) << 6 | UINT64_C(1) << 7 | UINT64_C(1) << 10 | UINT64_C(1) << 30)

void signal_info_init(struct signal_info *info, int number, int code, uint32_t pid, uint32_t uid)
{
    memset(info, 0, sizeof *info);
    info->number = number;
    info->code = code;
    info->fields[0] = (uint64_t)uid << 32 | pid;
}

void signal_queue_init(struct signal_queue *queue)
{
    queue->set = 0;
    list_init(&queue->entries);
}

static void free_entry(struct queued_signal *entry)
{
    list_remove(&entry->link);
    if (entry->timer)
        return;
    atomic_fetch_sub(&entries_in_use, 1u);
    kfree(entry);
}

static struct queued_signal *make_entry(const struct signal_info *info, struct process *process)
{
    if (load_relaxed(&entries_in_use) >= process->limits[LIMIT_SIGPENDING].soft)
        return NULL;
    struct queued_signal *entry = kmalloc(sizeof *entry, ALLOC_ATOMIC);
    if (!entry)
        return NULL;
    atomic_fetch_add(&entries_in_use, 1u);
    entry->info = *info;
    entry->timer = NULL;
    return entry;
}

int signal_queue_add(struct signal_queue *queue, const struct signal_info *info, struct process *process)
{
    bool is_realtime = info->number >= SIGNAL_FIRST_REALTIME;
    if (!is_realtime && (queue->set & signal_bit(info->number)))
        return 0;
    struct queued_signal *entry = info->number == SIGNAL_KILL ? NULL : make_entry(info, process);
    if (entry)
        list_add_last(&queue->entries, &entry->link);
    else if (is_realtime && info->code != SIGNAL_CODE_USER && info->code != SIGNAL_CODE_KERNEL)
        return -EAGAIN; /* its sender counts on the value */
    queue->set |= signal_bit(info->number);
    return 0;
}

static struct queued_signal *first_entry(struct signal_queue *queue, int number)
{
    struct queued_signal *entry;
    list_for_each(entry, &queue->entries, link)
    {
        if (entry->info.number == number)
            return entry;
    }
    return NULL;
}

int signal_queue_take(struct signal_queue *queue, signal_set blocked, struct signal_info *info)
{
    signal_set ready = queue->set & ~blocked;
    if (!ready)
        return 0;
    signal_set first = ready & SYNCHRONOUS ? ready & SYNCHRONOUS : ready;
    int number = __builtin_ctzll(first) + 1;
    struct queued_signal *entry = first_entry(queue, number);
    if (entry) {
        if (entry->timer)
            posix_timer_taken(entry);
        *info = entry->info;
        free_entry(entry);
    } else {
        signal_info_init(info, number, SIGNAL_CODE_USER, 0, 0); /* its siginfo was lost for want of memory */
    }
    if (number < SIGNAL_FIRST_REALTIME || !first_entry(queue, number))
        queue->set &= ~signal_bit(number);
    return number;
}

void signal_queue_remove(struct signal_queue *queue, signal_set set)
{
    struct queued_signal *entry, *after;
    if (!(queue->set & set))
        return;
    list_for_each_safe(entry, after, &queue->entries, link)
    {
        if (set & signal_bit(entry->info.number))
            free_entry(entry);
    }
    queue->set &= ~set;
}

void signal_queue_clear(struct signal_queue *queue)
{
    signal_queue_remove(queue, UINT64_MAX);
}

void signal_queue_drop(struct signal_queue *queue, struct queued_signal *entry)
{
    int number = entry->info.number;
    list_remove(&entry->link);
    if (!first_entry(queue, number))
        queue->set &= ~signal_bit(number);
}
