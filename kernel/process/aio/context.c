/* Contexts and their events. */
#include "aio.h"
#include <base/errno.h>
#include <common/checked.h>
#include <file/eventfd.h>
#include <mm/alloc.h>
#include <process/watcher.h>

enum { PROT_READ = 1, MAP_PRIVATE = 2, MAP_ANONYMOUS = 0x20 };
enum { EVENTS_LIMIT = 0x10000000 / 32 };

/* What a process has; made with its first context. */
struct aio_contexts {
    struct list list; /* aio_lock */
};
static struct spinlock aio_lock = SPINLOCK_INIT; /* before a context's */
uint64_t aio_events_max = 65536, aio_events_now;

void aio_context_put(struct aio_context *context)
{
    if (!refcount_put(&context->refs))
        return;
    atomic_fetch_sub(&aio_events_now, (uint64_t)context->capacity);
    kfree(context);
}

struct aio_context *aio_context_get(uintptr_t id)
{
    struct aio_contexts *contexts = load_acquire(&process_current()->aio_contexts);
    struct aio_context *context, *found = NULL;
    if (!contexts)
        return NULL;
    spin_lock(&aio_lock);
    list_for_each(context, &contexts->list, link)
    {
        if (context->id == id)
            found = context;
    }
    if (found)
        refcount_get(&found->refs);
    spin_unlock(&aio_lock);
    return found;
}

unsigned aio_capacity(const struct aio_context *context)
{
    return context->capacity;
}

/* ---- making and ending ---- */

static int reserve_events(unsigned events)
{
    uint64_t sum = atomic_fetch_add(&aio_events_now, (uint64_t)events) + events;
    if (sum <= load_relaxed(&aio_events_max))
        return 0;
    atomic_fetch_sub(&aio_events_now, (uint64_t)events);
    return -EAGAIN;
}

static int map_page(uintptr_t *at)
{
    struct map_request request = {
        .len = PAGE_SIZE,
        .protection = PROT_READ,
        .flags = MAP_PRIVATE | MAP_ANONYMOUS,
        .name = "[aio]",
    };
    return address_space_map(process_current()->space, &request, at);
}

static struct aio_context *make(unsigned events)
{
    struct aio_context *context = kzalloc(sizeof *context + events * sizeof *context->events, ALLOC_WAIT);
    if (!context)
        return NULL;
    refcount_init(&context->refs, 1);
    context->capacity = events;
    spin_init(&context->lock);
    mutex_init(&context->take_lock);
    list_init(&context->waiting);
    wait_queue_init(&context->queue);
    return context;
}

static int add(struct aio_context *context)
{
    struct process *process = process_current();
    struct aio_contexts *made = kmalloc(sizeof *made, ALLOC_WAIT);
    if (!made)
        return -ENOMEM;
    list_init(&made->list);
    spin_lock(&aio_lock);
    if (!process->aio_contexts) {
        store_release(&process->aio_contexts, made);
        made = NULL;
    }
    list_add_last(&process->aio_contexts->list, &context->link);
    spin_unlock(&aio_lock);
    kfree(made);
    return 0;
}

int aio_context_create(unsigned events, uintptr_t *id)
{
    if (!events || events > EVENTS_LIMIT)
        return -EINVAL;
    int err = reserve_events(events);
    if (err)
        return err;
    struct aio_context *context = make(events);
    if (!context) {
        atomic_fetch_sub(&aio_events_now, (uint64_t)events);
        return -ENOMEM;
    }
    err = map_page(&context->id);
    if (err)
        goto put_context;
    err = add(context);
    if (err)
        goto unmap;
    *id = context->id;
    return 0;

unmap:
    address_space_unmap(process_current()->space, context->id, PAGE_SIZE);
put_context:
    aio_context_put(context);
    return err;
}

/* Off the list already: the list's reference is the caller's. */
static void end(struct aio_context *context)
{
    spin_lock(&context->lock);
    store_release(&context->is_dead, true);
    spin_unlock(&context->lock);
    aio_cancel_all(context);
    wake_up_all(&context->queue, 0);
    aio_context_put(context);
}

int aio_context_destroy(uintptr_t id)
{
    struct aio_context *context = aio_context_get(id);
    if (!context)
        return -EINVAL;
    spin_lock(&aio_lock);
    bool is_mine = !context->is_dead && !list_is_empty(&context->link);
    if (is_mine)
        list_remove(&context->link);
    spin_unlock(&aio_lock);
    if (is_mine) {
        end(context);
        address_space_unmap(process_current()->space, id, PAGE_SIZE);
    }
    aio_context_put(context);
    return is_mine ? 0 : -EINVAL;
}

/* The pages go with the memory. */
static void leave_memory(struct process *process)
{
    struct aio_contexts *contexts = process->aio_contexts;
    while (contexts) {
        struct aio_context *context = NULL;
        spin_lock(&aio_lock);
        if (!list_is_empty(&contexts->list)) {
            context = list_first(&contexts->list, struct aio_context, link);
            list_remove(&context->link);
        } else {
            process->aio_contexts = NULL;
        }
        spin_unlock(&aio_lock);
        if (!context)
            break;
        end(context);
    }
    kfree(contexts);
}

void aio_init(void)
{
    static struct process_watcher watcher = {.leave_memory = leave_memory};
    process_add_watcher(&watcher);
}

/* ---- events ---- */

int aio_reserve(struct aio_context *context)
{
    spin_lock(&context->lock);
    int err = context->is_dead ? -EINVAL : context->used == context->capacity ? -EAGAIN : 0;
    if (!err)
        context->used++;
    spin_unlock(&context->lock);
    return err;
}

void aio_unreserve(struct aio_context *context)
{
    spin_lock(&context->lock);
    context->used--;
    spin_unlock(&context->lock);
}

void aio_complete(struct aio_context *context, const struct aio_event *event, struct file *signal)
{
    spin_lock(&context->lock);
    assert(context->count < context->used);
    context->events[(context->first + context->count) % context->capacity] = *event;
    store_release(&context->count, context->count + 1);
    spin_unlock(&context->lock);
    if (signal)
        eventfd_signal(signal);
    wake_up_all(&context->queue, 0);
}

/* take_lock held: only its holder takes events out. */
static bool first_event(struct aio_context *context, struct aio_event *event)
{
    spin_lock(&context->lock);
    bool is_any = context->count;
    if (is_any)
        *event = context->events[context->first];
    spin_unlock(&context->lock);
    return is_any;
}

static void drop_first(struct aio_context *context)
{
    spin_lock(&context->lock);
    context->first = (context->first + 1) % context->capacity;
    store_release(&context->count, context->count - 1);
    context->used--;
    spin_unlock(&context->lock);
}

/* Copies up to max events: how many. An event that cannot be copied stays: -EFAULT when it is the first. */
static long take(struct aio_context *context, long max, struct user *events)
{
    struct aio_event event;
    long done = 0;
    mutex_lock(&context->take_lock);
    while (done < max && first_event(context, &event)) {
        if (copy_struct_to_user(user_offset(events, (size_t)done * sizeof event), &event)) {
            done = done ? done : -EFAULT;
            break;
        }
        drop_first(context);
        done++;
    }
    mutex_unlock(&context->take_lock);
    return done;
}

static bool has_event(void *argument)
{
    struct aio_context *context = argument;
    return load_acquire(&context->count) || load_acquire(&context->is_dead);
}

long aio_take_events(struct aio_context *context, long min, long max, struct user *events, uint64_t deadline_ns)
{
    long done = 0;
    for (;;) {
        long taken = take(context, max - done, user_offset(events, (size_t)done * sizeof(struct aio_event)));
        if (taken < 0)
            return done ? done : taken;
        done += taken;
        if (done >= min || done == max)
            return done;
        if (load_acquire(&context->is_dead))
            return done ? done : -EINVAL;
        int err = wait_until(&context->queue, has_event, context, WAIT_INTERRUPTIBLE, deadline_ns, false);
        if (err)
            return done ? done : err == -ETIMEDOUT ? 0 : -EINTR;
    }
}
