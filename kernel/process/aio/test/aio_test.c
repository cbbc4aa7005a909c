/* Contexts: room for events, taking them, requests that wait, the end of the process. */
#include "../aio.h"
#include <base/errno.h>
#include <fakes/memory.h>
#include <fakes/sched.h>
#include <file/eventfd.h>
#include <process/watcher.h>
#include <test/test.h>

static struct process self;
static struct process_watcher *watcher;
static int map_error;
static uintptr_t next_place;

void process_add_watcher(struct process_watcher *added)
{
    watcher = added;
}

int address_space_map(struct address_space *space, const struct map_request *request, uintptr_t *out)
{
    *out = next_place += PAGE_SIZE;
    return map_error;
}

int address_space_unmap(struct address_space *space, uintptr_t start, size_t len)
{
    return 0;
}

static uintptr_t id;
static struct aio_context *context;

static void begin(unsigned events)
{
    if (!watcher)
        aio_init();
    thread_current()->process = &self;
    map_error = 0;
    EXPECT_EQ(aio_context_create(events, &id), 0);
    context = aio_context_get(id);
}

static void end(void)
{
    aio_context_put(context);
    EXPECT_EQ(aio_context_destroy(id), 0);
    EXPECT_EQ(aio_events_now, 0);
    watcher->leave_memory(&self);
}

static void complete(int64_t result)
{
    struct aio_event event = {.result = result};
    EXPECT_EQ(aio_reserve(context), 0);
    aio_complete(context, &event, NULL);
}

static long take(long min, long max, struct aio_event *events)
{
    return aio_take_events(context, min, max, (struct user *)events, 0);
}

TEST(aio_events_come_in_order_and_make_room)
{
    struct aio_event events[4];
    begin(3);
    for (unsigned round = 0; round < 5; round++) {
        complete(1);
        complete(2);
        complete(3);
        EXPECT_EQ(aio_reserve(context), -EAGAIN);
        EXPECT_EQ(take(0, 2, events), 2);
        EXPECT_EQ(events[1].result, 2);
        EXPECT_EQ(take(1, 4, events), 1);
        EXPECT_EQ(events[0].result, 3);
        EXPECT_EQ(take(1, 4, events), 0);
    }
    end();
}

TEST(aio_event_that_cannot_be_copied_stays)
{
    struct aio_event event;
    begin(3);
    complete(7);
    EXPECT_EQ(take(1, 1, (struct aio_event *)8), -EFAULT);
    EXPECT_EQ(take(1, 1, &event), 1);
    EXPECT_EQ(event.result, 7);
    end();
}

TEST(aio_poll_completes_once_by_wake_or_cancel)
{
    struct aio_event event = {.request = 1}, taken;
    struct file *file, *signal;
    begin(4);
    EXPECT_EQ(eventfd_create(0, 0, &file), 0);
    EXPECT_EQ(eventfd_create(0, 04000, &signal), 0);
    for (event.request = 1; event.request <= 2; event.request++) {
        EXPECT_EQ(aio_reserve(context), 0);
        EXPECT_EQ(aio_wait_for(context, file, POLL_IN, &event, signal), 0);
    }
    fake_run_threads();
    EXPECT_EQ(take(0, 4, &taken), 0);
    EXPECT_EQ(aio_cancel(context, 2), -EINPROGRESS);
    EXPECT_EQ(aio_cancel(context, 2), -EINVAL);
    EXPECT_EQ(take(1, 1, &taken), 1);
    EXPECT_EQ(taken.request, 2);
    EXPECT_EQ(taken.result, 0);
    eventfd_signal(file);
    fake_run_threads();
    EXPECT_EQ(take(1, 1, &taken), 1);
    EXPECT_EQ(taken.request, 1);
    EXPECT_EQ(taken.result, POLL_IN);
    EXPECT_EQ(aio_cancel(context, 1), -EINVAL);
    EXPECT(file_poll(signal, NULL) & POLL_IN);
    file_put(file);
    file_put(signal);
    end();
}

TEST(aio_contexts_end_with_the_memory)
{
    struct aio_event event = {.request = 1};
    struct file *file;
    size_t before;
    begin(4);
    EXPECT_EQ(eventfd_create(0, 0, &file), 0);
    before = fake_memory_live_objects();
    EXPECT_EQ(aio_reserve(context), 0);
    EXPECT_EQ(aio_wait_for(context, file, POLL_IN, &event, NULL), 0);
    watcher->leave_memory(&self);
    EXPECT(aio_context_get(id) == NULL);
    EXPECT_EQ(aio_reserve(context), -EINVAL);
    EXPECT_EQ(aio_context_destroy(id), -EINVAL);
    aio_context_put(context);
    fake_run_threads();
    EXPECT_EQ(aio_events_now, 0);
    EXPECT(fake_memory_live_objects() < before);
    file_put(file);
}

TEST(aio_creation_fails_without_trace)
{
    begin(4);
    size_t before = fake_memory_live_objects();
    uintptr_t other;
    EXPECT_EQ(aio_context_create(0, &other), -EINVAL);
    EXPECT_EQ(aio_context_create((unsigned)aio_events_max, &other), -EAGAIN);
    map_error = -ENOMEM;
    EXPECT_EQ(aio_context_create(4, &other), -ENOMEM);
    map_error = 0;
    for (unsigned n = 1; n < 3; n++) {
        fake_memory_fail_nth(n);
        EXPECT_EQ(aio_context_create(4, &other), -ENOMEM);
    }
    fake_memory_fail_nth(0);
    EXPECT_EQ(fake_memory_live_objects(), before);
    EXPECT_EQ(aio_events_now, 4);
    end();
}
