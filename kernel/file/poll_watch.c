/*
 * Watches. A wake-up of one of the file's queues puts the watch on a list; a thread of the kernel asks the file,
 * because poll functions may sleep and wake-ups come where nothing may.
 *
 * Lock order: a file's wait queue, then watch_lock, then the worker's wait queue. A watch is left alone by everybody
 * but the worker while it is CHECKED, and by everybody once it is DONE.
 */
#include <file/poll_watch.h>
#include <mm/alloc.h>

enum { LISTENING, RAISED, CHECKED, DONE };

static struct spinlock watch_lock = SPINLOCK_INIT;
static struct list raised = LIST_INIT(raised); /* watch_lock */
static struct wait_queue work_queue = WAIT_QUEUE_INIT(work_queue), checked_queue = WAIT_QUEUE_INIT(checked_queue);
static struct mutex start_lock = MUTEX_INIT(start_lock);
static bool has_worker; /* start_lock */

static void raise_locked(struct poll_watch *watch)
{
    if (watch->state != LISTENING)
        return;
    watch->state = RAISED;
    list_add_last(&raised, &watch->link);
}

static bool notify(struct waiter *waiter, uint32_t key)
{
    struct poll_watch *watch = container_of(waiter, struct poll_watch_listener, waiter)->watch;
    if (key && !(key & watch->wanted))
        return false;
    spin_lock(&watch_lock);
    if (watch->state == CHECKED)
        watch->state = RAISED; /* the worker looks again */
    else
        raise_locked(watch);
    spin_unlock(&watch_lock);
    wake_up_all(&work_queue, 0);
    return true;
}

/* ---- listening ---- */

struct watch_table {
    struct poll_table table;
    struct poll_watch *watch;
};

static void listen(struct poll_table *table, struct wait_queue *queue)
{
    struct poll_watch *watch = container_of(table, struct watch_table, table)->watch;
    struct poll_watch_listener *listener = watch->listeners ? kmalloc(sizeof *listener, ALLOC_WAIT) : &watch->first;
    if (!listener) {
        watch->is_out_of_memory = true;
        return;
    }
    *listener = (struct poll_watch_listener){
        .waiter = {.notify = notify},
        .queue = queue,
        .watch = watch,
        .next = watch->listeners,
    };
    watch->listeners = listener;
    wait_queue_add(queue, &listener->waiter);
}

static void stop_listening(struct poll_watch *watch)
{
    while (watch->listeners) {
        struct poll_watch_listener *listener = watch->listeners;
        watch->listeners = listener->next;
        wait_queue_remove(listener->queue, &listener->waiter);
        if (listener != &watch->first)
            kfree(listener);
    }
}

/* ---- the worker ---- */

static bool has_raised(void *unused)
{
    spin_lock(&watch_lock);
    bool is_any = !list_is_empty(&raised);
    spin_unlock(&watch_lock);
    return is_any;
}

static struct poll_watch *take(void)
{
    struct poll_watch *watch = NULL;
    spin_lock(&watch_lock);
    if (!list_is_empty(&raised)) {
        watch = list_first(&raised, struct poll_watch, link);
        list_remove(&watch->link);
        watch->state = CHECKED;
    }
    spin_unlock(&watch_lock);
    return watch;
}

/* Back to listening, or on the list again when a wake-up came while the file was asked. */
static void keep(struct poll_watch *watch)
{
    spin_lock(&watch_lock);
    bool is_again = watch->state == RAISED;
    watch->state = LISTENING;
    if (is_again)
        raise_locked(watch);
    spin_unlock(&watch_lock);
    wake_up_all(&checked_queue, 0);
}

static void finish(struct poll_watch *watch, uint32_t found)
{
    struct file *file = watch->file;
    stop_listening(watch);
    spin_lock(&watch_lock);
    watch->state = DONE;
    spin_unlock(&watch_lock);
    wake_up_all(&checked_queue, 0);
    watch->ready(watch, found); /* may free it */
    file_put(file);
}

static void check(struct poll_watch *watch)
{
    uint32_t found = file_poll(watch->file, NULL) & watch->wanted;
    if (found)
        finish(watch, found);
    else
        keep(watch);
}

static void work(void *unused)
{
    for (;;) {
        struct poll_watch *watch = take();
        if (watch)
            check(watch);
        else
            wait_until(&work_queue, has_raised, NULL, WAIT_UNINTERRUPTIBLE, UINT64_MAX, false);
    }
}

/* The first watch makes it. */
static int start_worker(void)
{
    mutex_lock(&start_lock);
    if (!has_worker) {
        struct thread *thread = thread_create("poll", work, NULL);
        if (thread) {
            has_worker = true;
            thread_start(thread);
            thread_put(thread);
        }
    }
    bool is_there = has_worker;
    mutex_unlock(&start_lock);
    return is_there ? 0 : -ENOMEM;
}

/* ---- starting and cancelling ---- */

int poll_watch_start(struct poll_watch *watch, struct file *file, uint32_t wanted,
                     void (*ready)(struct poll_watch *watch, uint32_t found))
{
    if (!file->ops->poll)
        return -EINVAL;
    int err = start_worker();
    if (err)
        return err;
    watch->file = file;
    watch->wanted = wanted | POLL_ERR | POLL_HUP;
    watch->ready = ready;
    watch->state = CHECKED; /* nobody else's until it listens everywhere */
    watch->listeners = NULL;
    watch->is_out_of_memory = false;
    list_init(&watch->link);
    struct watch_table table = {.table = {.listen = listen}, .watch = watch};
    uint32_t found = file_poll(file, &table.table) & watch->wanted;
    if (watch->is_out_of_memory) {
        stop_listening(watch);
        return -ENOMEM;
    }
    file_get(file);
    spin_lock(&watch_lock);
    bool is_raised = found || watch->state == RAISED;
    watch->state = LISTENING;
    if (is_raised)
        raise_locked(watch);
    spin_unlock(&watch_lock);
    if (is_raised)
        wake_up_all(&work_queue, 0);
    return 0;
}

struct cancelling {
    struct poll_watch *watch;
    bool is_decided, is_mine;
};

/* Takes the watch away from the worker; false: it is being checked. Once decided, it stays so. */
static bool take_away(void *argument)
{
    struct cancelling *cancelling = argument;
    struct poll_watch *watch = cancelling->watch;
    if (cancelling->is_decided)
        return true;
    spin_lock(&watch_lock);
    /* RAISED without being on the list: a wake-up came while it is checked. */
    bool is_checked = watch->state == CHECKED || (watch->state == RAISED && list_is_empty(&watch->link));
    cancelling->is_decided = !is_checked;
    cancelling->is_mine = !is_checked && watch->state != DONE;
    if (cancelling->is_mine) {
        list_remove(&watch->link);
        watch->state = DONE;
    }
    spin_unlock(&watch_lock);
    return cancelling->is_decided;
}

bool poll_watch_cancel(struct poll_watch *watch)
{
    struct cancelling cancelling = {.watch = watch};
    wait_until(&checked_queue, take_away, &cancelling, WAIT_UNINTERRUPTIBLE, UINT64_MAX, false);
    if (!cancelling.is_mine)
        return false;
    stop_listening(watch);
    file_put(watch->file);
    return true;
}
