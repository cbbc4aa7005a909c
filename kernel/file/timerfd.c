/*
 * timerfd. The timer fires once and is armed for the next interval only when somebody reads or asks, which also counts
 * the intervals that have passed meanwhile: a short interval that nobody reads costs nothing. CLOCK_REALTIME deadlines
 * are turned into monotonic ones when they are set; they do not follow a later change of the clock.
 */
#include <arch/cpu.h>
#include <base/string.h>
#include <file/poll.h>
#include <file/timerfd.h>
#include <mm/alloc.h>
#include <sched/work.h>

enum {
    CLOCK_REALTIME = 0,
    CLOCK_MONOTONIC = 1,
    CLOCK_BOOTTIME = 7,
    CLOCK_REALTIME_ALARM = 8,
    CLOCK_BOOTTIME_ALARM = 9
};

struct timerfd {
    struct spinlock lock; /* order: lock, then the timers' own */
    struct timer timer;
    uint64_t deadline_ns GUARDED_BY(&lock); /* monotonic; 0: disarmed */
    uint64_t interval_ns GUARDED_BY(&lock);
    uint64_t expirations GUARDED_BY(&lock); /* not yet read; also read without the lock as a hint */
    bool has_fired GUARDED_BY(&lock);       /* and is not armed again yet */
    bool is_realtime;                       /* fixed at creation */
    struct wait_queue queue;
};

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - 1 - b ? UINT64_MAX - 1 : a + b;
}

static void fire(struct timer *timer)
{
    struct timerfd *t = container_of(timer, struct timerfd, timer);
    spin_lock(&t->lock);
    /* A timer that was set anew while this was on its way is armed for later. */
    bool is_due = t->deadline_ns && !t->has_fired && t->deadline_ns <= clock_monotonic_ns();
    if (is_due) {
        t->has_fired = true;
        store_relaxed(&t->expirations, t->expirations + 1);
    }
    spin_unlock(&t->lock);
    if (is_due)
        wake_up_all(&t->queue, POLL_IN | POLL_RDNORM);
}

/* Counts the intervals since it fired and arms it for the next. Caller holds the lock. */
static void catch_up(struct timerfd *t)
{
    if (!t->has_fired)
        return;
    t->has_fired = false;
    if (!t->interval_ns) {
        t->deadline_ns = 0;
        return;
    }
    uint64_t now = clock_monotonic_ns();
    uint64_t passed = now > t->deadline_ns ? (now - t->deadline_ns) / t->interval_ns : 0;
    store_relaxed(&t->expirations, t->expirations + passed);
    t->deadline_ns = add_saturated(t->deadline_ns + passed * t->interval_ns, t->interval_ns);
    timer_arm(&t->timer, t->deadline_ns);
}

static bool take(struct timerfd *t, uint64_t *out)
{
    spin_lock(&t->lock);
    bool has_any = t->expirations != 0;
    if (has_any) {
        catch_up(t);
        *out = t->expirations;
        store_relaxed(&t->expirations, 0ul);
    }
    spin_unlock(&t->lock);
    return has_any;
}

static bool has_expired(void *argument)
{
    return load_relaxed(&((struct timerfd *)argument)->expirations) != 0;
}

static ssize_t timerfd_read(struct file *file, struct io_vector *to, int64_t *offset)
{
    struct timerfd *t = file->data;
    uint64_t count;
    if (to->left < sizeof count)
        return -EINVAL;
    while (!take(t, &count)) {
        if (file_is_nonblocking(file))
            return -EAGAIN;
        int err = wait_until(&t->queue, has_expired, t, WAIT_INTERRUPTIBLE, UINT64_MAX, false);
        if (err)
            return err;
    }
    return io_copy_to(to, &count, sizeof count) == sizeof count ? (ssize_t)sizeof count : -EFAULT;
}

static uint32_t timerfd_poll(struct file *file, struct poll_table *table)
{
    struct timerfd *t = file->data;
    poll_listen(table, &t->queue);
    return has_expired(t) ? POLL_IN | POLL_RDNORM : 0;
}

static void timerfd_release(struct file *file)
{
    struct timerfd *t = file->data;
    timer_cancel_wait(&t->timer);
    kfree(t);
}

static void timerfd_describe(struct file *file, char *to, size_t size)
{
    snprintf(to, size, "anon_inode:[timerfd]");
}

static const struct file_ops timerfd_ops = {
    .read = timerfd_read,
    .poll = timerfd_poll,
    .release = timerfd_release,
    .describe = timerfd_describe,
    .name = "timerfd",
};

int timerfd_create(int clock, uint32_t flags, struct file **out)
{
    enum { O_RDWR = 2, O_NONBLOCK = 04000 };
    bool is_realtime = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;
    if (!is_realtime && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME && clock != CLOCK_BOOTTIME_ALARM)
        return -EINVAL;
    struct timerfd *t = kzalloc(sizeof *t, ALLOC_WAIT);
    if (!t)
        return -ENOMEM;
    t->is_realtime = is_realtime;
    timer_init(&t->timer, fire);
    wait_queue_init(&t->queue);
    struct file *file = file_create(&timerfd_ops, O_RDWR | (flags & O_NONBLOCK), t);
    if (!file) {
        kfree(t);
        return -ENOMEM;
    }
    *out = file;
    return 0;
}

/* Caller holds the lock. */
static void read_setting(struct timerfd *t, struct timerfd_setting *out)
{
    catch_up(t);
    uint64_t now = clock_monotonic_ns();
    *out = (struct timerfd_setting){.interval_ns = t->interval_ns};
    if (t->deadline_ns)
        out->value_ns = t->deadline_ns > now ? t->deadline_ns - now : 1;
}

static uint64_t deadline_of(const struct timerfd *t, unsigned flags, uint64_t value_ns)
{
    if (!(flags & TIMERFD_ABSOLUTE))
        return add_saturated(clock_monotonic_ns(), value_ns);
    if (!t->is_realtime)
        return value_ns;
    int64_t offset = clock_realtime_offset_ns();
    if (offset >= 0)
        return value_ns > (uint64_t)offset ? value_ns - (uint64_t)offset : 1;
    return add_saturated(value_ns, (uint64_t)-offset);
}

int timerfd_set(struct file *file, unsigned flags, const struct timerfd_setting *setting, struct timerfd_setting *old)
{
    struct timerfd *t = file->data;
    if (file->ops != &timerfd_ops || flags & ~(unsigned)(TIMERFD_ABSOLUTE | TIMERFD_CANCEL_ON_SET))
        return -EINVAL;
    struct timerfd_setting before;
    spin_lock(&t->lock);
    read_setting(t, &before);
    timer_cancel(&t->timer);
    store_relaxed(&t->expirations, 0ul);
    t->interval_ns = setting->interval_ns;
    t->deadline_ns = setting->value_ns ? deadline_of(t, flags, setting->value_ns) : 0;
    if (t->deadline_ns)
        timer_arm(&t->timer, t->deadline_ns);
    spin_unlock(&t->lock);
    if (old)
        *old = before;
    return 0;
}

int timerfd_get(struct file *file, struct timerfd_setting *out)
{
    struct timerfd *t = file->data;
    if (file->ops != &timerfd_ops)
        return -EINVAL;
    spin_lock(&t->lock);
    read_setting(t, out);
    spin_unlock(&t->lock);
    return 0;
}
