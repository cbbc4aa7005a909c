/* The scheduler under load on four host CPUs, under ThreadSanitizer: nothing is lost, nothing overlaps. */
#include <pthread.h>
#include <arch/cpu.h>
#include <host/host.h>
#include <mm/address_space.h>
#include <sched/mutex.h>
#include <sched/work.h>
#include <test/test.h>

/* No thread of these tests has an address space. */
void address_space_activate(struct address_space *space)
{
}

static struct wait_queue finished_queue;
static uint32_t running_helpers;

static void helper_ends(void)
{
    if (atomic_fetch_sub(&running_helpers, 1u) == 1)
        wake_up_all(&finished_queue, 0);
}

static struct thread *start(void (*entry)(void *), void *argument)
{
    struct thread *thread = thread_create("helper", entry, argument);
    atomic_fetch_add(&running_helpers, 1u);
    thread_start(thread);
    return thread;
}

static void start_and_forget(void (*entry)(void *), void *argument)
{
    thread_put(start(entry, argument));
}

static void wait_for_helpers(void)
{
    wait_event(&finished_queue, load_acquire(&running_helpers) == 0, WAIT_UNINTERRUPTIBLE, UINT64_MAX);
}

static void prepare(void)
{
    wait_queue_init(&finished_queue);
    running_helpers = 0;
}

/* ---- ping-pong ---- */

enum { PAIRS = 6, ROUNDS = 2000 };
static struct ball {
    struct wait_queue queue;
    uint32_t turn, hits;
} balls[PAIRS];

static void play(struct ball *ball, uint32_t side)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        int err = wait_event(&ball->queue, load_acquire(&ball->turn) == side, WAIT_UNINTERRUPTIBLE, UINT64_MAX);
        EXPECT_EQ(err, 0);
        ball->hits++; /* not atomic: the turn alone keeps the sides apart */
        store_release(&ball->turn, !side);
        wake_up_all(&ball->queue, 0);
    }
    helper_ends();
}

static void play_left(void *ball)
{
    play(ball, 0);
}

static void play_right(void *ball)
{
    play(ball, 1);
}

static void ping_pong(void *unused)
{
    prepare();
    for (unsigned i = 0; i < PAIRS; i++) {
        balls[i] = (struct ball){0};
        wait_queue_init(&balls[i].queue);
        start_and_forget(play_left, &balls[i]);
        start_and_forget(play_right, &balls[i]);
    }
    wait_for_helpers();
    for (unsigned i = 0; i < PAIRS; i++)
        EXPECT_EQ(balls[i].hits, 2 * ROUNDS);
}

TEST(no_wake_up_is_lost_in_a_ping_pong_storm)
{
    host_run(ping_pong, NULL);
}

/* ---- a condition that comes true in steps, each with its wake-up ---- */

enum { STEPPERS = 3, COUNT_DOWNS = 4000 };
static struct wait_queue zero_queue, start_queue;
static uint32_t remaining, count_down;

static void step(void *unused)
{
    for (uint32_t i = 1; i <= COUNT_DOWNS; i++) {
        wait_event(&start_queue, load_acquire(&count_down) == i, WAIT_UNINTERRUPTIBLE, UINT64_MAX);
        atomic_fetch_sub(&remaining, 1u);
        wake_up_all(&zero_queue, 0);
    }
    helper_ends();
}

static bool is_zero(void *unused)
{
    return !load_acquire(&remaining);
}

static void count_down_to_zero(void *unused)
{
    prepare();
    wait_queue_init(&zero_queue);
    wait_queue_init(&start_queue);
    count_down = 0;
    for (unsigned i = 0; i < STEPPERS; i++)
        start_and_forget(step, NULL);
    for (uint32_t i = 1; i <= COUNT_DOWNS; i++) {
        store_relaxed(&remaining, (uint32_t)STEPPERS);
        store_release(&count_down, i);
        wake_up_all(&start_queue, 0);
        EXPECT_EQ(wait_until(&zero_queue, is_zero, NULL, WAIT_UNINTERRUPTIBLE, UINT64_MAX, false), 0);
    }
    wait_for_helpers();
}

TEST(an_early_wake_up_is_not_the_last_one)
{
    host_run(count_down_to_zero, NULL);
}

/* ---- locks ---- */

enum { LOCKERS = 8, LOCK_ROUNDS = 1500 };
static struct mutex mutex;
static struct rwlock rwlock;
static unsigned guarded, read_sum;

static void lock_and_add(void *unused)
{
    for (unsigned i = 0; i < LOCK_ROUNDS; i++) {
        mutex_lock(&mutex);
        guarded++;
        if (i % 64 == 0)
            sched_yield_cpu();
        mutex_unlock(&mutex);
        sched_safe_point();
    }
    helper_ends();
}

static void exclude(void *unused)
{
    prepare();
    mutex_init(&mutex);
    guarded = 0;
    for (unsigned i = 0; i < LOCKERS; i++)
        start_and_forget(lock_and_add, NULL);
    wait_for_helpers();
    EXPECT_EQ(guarded, LOCKERS * LOCK_ROUNDS);
    EXPECT(!mutex_is_locked(&mutex));
}

TEST(mutex_excludes)
{
    host_run(exclude, NULL);
}

static void read_or_write(void *argument)
{
    unsigned sum = 0, every = (unsigned)(uintptr_t)argument;
    for (unsigned i = 0; i < LOCK_ROUNDS; i++) {
        if (i % every == 0) {
            rwlock_write_lock(&rwlock);
            guarded++;
            rwlock_write_unlock(&rwlock);
        } else {
            rwlock_read_lock(&rwlock);
            sum += guarded;
            if (i % 32 == 0)
                sched_yield_cpu();
            rwlock_read_unlock(&rwlock);
        }
        sched_safe_point();
    }
    __atomic_fetch_add(&read_sum, sum, __ATOMIC_RELAXED);
    helper_ends();
}

static void read_and_write(void *unused)
{
    prepare();
    rwlock_init(&rwlock);
    guarded = 0;
    for (uintptr_t i = 0; i < LOCKERS; i++)
        start_and_forget(read_or_write, (void *)(i % 2 ? 2 : UINTPTR_MAX >> 33));
    wait_for_helpers();
    EXPECT_EQ(guarded, LOCKERS / 2 * (LOCK_ROUNDS / 2) + LOCKERS / 2);
    EXPECT_EQ(rwlock.readers, 0);
}

TEST(rwlock_lets_readers_or_one_writer_in)
{
    host_run(read_and_write, NULL);
}

/* ---- timers and sleeping ---- */

enum { TIMERS = 50 };
static struct shot {
    struct timer timer;
    uint64_t fired_at;
    uint32_t order;
} shots[TIMERS];
static uint32_t shots_fired;

static void shoot(struct timer *timer)
{
    struct shot *shot = container_of(timer, struct shot, timer);
    shot->fired_at = clock_monotonic_ns();
    shot->order = shots_fired;
    if (atomic_fetch_add(&shots_fired, 1u) + 1 == TIMERS - 10)
        wake_up_all(&finished_queue, 0);
}

static void fire_in_order(void *unused)
{
    prepare();
    shots_fired = 0;
    uint64_t now = clock_monotonic_ns();
    for (unsigned i = 0; i < TIMERS; i++) {
        unsigned at = i * 7 % TIMERS; /* not in order */
        timer_init(&shots[at].timer, shoot);
        timer_arm(&shots[at].timer, now + 5000000 + at * 200000);
    }
    for (unsigned i = 0; i < 10; i++)
        EXPECT(timer_cancel_wait(&shots[i * 5].timer));
    wait_event(&finished_queue, load_acquire(&shots_fired) == TIMERS - 10, WAIT_UNINTERRUPTIBLE, UINT64_MAX);
    uint32_t last = 0;
    for (unsigned i = 0; i < TIMERS; i++) {
        EXPECT(!timer_cancel_wait(&shots[i].timer));
        if (i % 5 == 0)
            continue;
        EXPECT(shots[i].fired_at >= shots[i].timer.deadline_ns);
        EXPECT(shots[i].order >= last);
        last = shots[i].order;
    }
}

TEST(timers_fire_in_order_and_not_when_cancelled)
{
    host_run(fire_in_order, NULL);
}

static void sleep_often(void *argument)
{
    for (unsigned i = 0; i < 100; i++) {
        uint64_t until = clock_monotonic_ns() + (uintptr_t)argument * 10000 + i * 1000;
        sleep_until(until, WAIT_UNINTERRUPTIBLE);
        EXPECT(clock_monotonic_ns() >= until);
    }
    helper_ends();
}

static void sleepers(void *unused)
{
    prepare();
    for (uintptr_t i = 0; i < 10; i++)
        start_and_forget(sleep_often, (void *)i);
    wait_for_helpers();
}

TEST(sleepers_wake_at_their_time)
{
    host_run(sleepers, NULL);
}

static void sleep_for_ever(void *unused)
{
    EXPECT_EQ(sleep_until(UINT64_MAX, WAIT_INTERRUPTIBLE), -ERESTARTSYS);
    helper_ends();
}

static void interrupt_one(void *unused)
{
    prepare();
    for (unsigned i = 0; i < 200; i++) {
        struct thread *thread = start(sleep_for_ever, NULL);
        if (i % 3 == 0)
            sched_yield_cpu();
        thread_interrupt(thread);
        thread_put(thread);
    }
    wait_for_helpers();
}

TEST(interrupting_ends_a_sleep_whenever_it_comes)
{
    host_run(interrupt_one, NULL);
}

/* ---- work ---- */

enum { WORKS = 4, RAISES = 3000 };
static struct counted_work {
    struct work work;
    uint32_t runs, seen, wanted;
} works[WORKS];

static void count_work(struct work *work)
{
    struct counted_work *counted = container_of(work, struct counted_work, work);
    store_release(&counted->seen, load_acquire(&counted->wanted));
    atomic_fetch_add(&counted->runs, 1u);
    wake_up_all(&finished_queue, 0);
}

static void raise_often(void *argument)
{
    struct counted_work *counted = argument;
    for (unsigned i = 0; i < RAISES; i++) {
        store_release(&counted->wanted, i + 1);
        work_raise_on(&counted->work, i % HOST_CPUS);
        sched_safe_point();
    }
    helper_ends();
}

static void raise_work(void *unused)
{
    prepare();
    for (unsigned i = 0; i < WORKS; i++) {
        works[i] = (struct counted_work){.work = WORK_INIT(count_work)};
        start_and_forget(raise_often, &works[i]);
    }
    wait_for_helpers();
    for (unsigned i = 0; i < WORKS; i++)
        wait_event(&finished_queue, load_acquire(&works[i].seen) == RAISES, WAIT_UNINTERRUPTIBLE, UINT64_MAX);
}

TEST(raised_work_always_runs_afterwards)
{
    host_run(raise_work, NULL);
}

/* ---- placement ---- */

static uint64_t cpus_seen;

static void spin_a_while(void *unused)
{
    uint64_t end = clock_monotonic_ns() + 20000000;
    while (clock_monotonic_ns() < end) {
        atomic_fetch_or(&cpus_seen, UINT64_C(1) << cpu_index());
        sched_safe_point();
    }
    helper_ends();
}

static void spread(void *unused)
{
    prepare();
    cpus_seen = 0;
    for (unsigned i = 0; i < HOST_CPUS * 2; i++)
        start_and_forget(spin_a_while, NULL);
    wait_for_helpers();
    EXPECT_EQ(cpus_seen, (1 << HOST_CPUS) - 1);
}

TEST(busy_threads_spread_over_all_cpus)
{
    host_run(spread, NULL);
}

static void stay_on_two(void *unused)
{
    sched_set_affinity(thread_current(), 0x4);
    EXPECT_EQ(cpu_index(), 2);
    for (unsigned i = 0; i < 50; i++) {
        sleep_until(clock_monotonic_ns() + 100000, WAIT_UNINTERRUPTIBLE);
        EXPECT_EQ(cpu_index(), 2);
        sched_set_affinity(thread_current(), i % 2 ? 0x4 : 0xc);
        if (i % 2)
            EXPECT_EQ(cpu_index(), 2);
        sched_yield_cpu();
        sched_set_affinity(thread_current(), 0x4);
        EXPECT_EQ(cpu_index(), 2);
    }
    helper_ends();
}

static void pin(void *unused)
{
    prepare();
    struct thread *threads[6];
    for (unsigned i = 0; i < 6; i++)
        threads[i] = start(stay_on_two, NULL);
    wait_for_helpers();
    for (unsigned i = 0; i < 6; i++) {
        EXPECT(load_relaxed(&threads[i]->switches_voluntary) > 10);
        thread_put(threads[i]);
    }
}

TEST(affinity_is_kept)
{
    host_run(pin, NULL);
}

static void set_from_outside(void *unused)
{
    prepare();
    struct thread *threads[4];
    cpus_seen = 0;
    for (unsigned i = 0; i < 4; i++)
        threads[i] = start(spin_a_while, NULL);
    for (unsigned round = 0; round < 200; round++) {
        sched_set_affinity(threads[round % 4], UINT64_C(1) << round / 4 % HOST_CPUS);
        sched_yield_cpu();
    }
    wait_for_helpers();
    for (unsigned i = 0; i < 4; i++)
        thread_put(threads[i]);
}

TEST(affinity_changes_while_they_run)
{
    host_run(set_from_outside, NULL);
}

static void end_at_once(void *unused)
{
    helper_ends();
}

static void create_many(void *unused)
{
    prepare();
    for (unsigned i = 0; i < 500; i++)
        start_and_forget(end_at_once, NULL);
    wait_for_helpers();
    struct sched_counters counters;
    sched_count(&counters);
    EXPECT(counters.switches > 500);
    EXPECT(counters.threads >= 1 && counters.threads < 50);
}

TEST(threads_come_and_go)
{
    host_run(create_many, NULL);
}

/* ---- sharing one CPU ---- */

static uint64_t spent[2], burn_began_ns;
static uint64_t longest_step_ns; /* atomic; the host may run something else in the midst of a step */

/* Long enough that one step, charged to whom it hit, is little against the whole. */
static bool has_burnt_enough(void)
{
    uint64_t elapsed = clock_monotonic_ns() - burn_began_ns;
    return elapsed > 100000000 && elapsed > 12 * load_relaxed(&longest_step_ns);
}

static void burn(void *argument)
{
    struct thread *self = thread_current();
    sched_set_affinity(self, 1);
    uint64_t before = thread_run_time_ns(self);
    while (!has_burnt_enough()) {
        sched_safe_point();
        uint64_t now = thread_run_time_ns(self);
        if (now > before && now - before > load_relaxed(&longest_step_ns)) /* another CPU may be accounting just now */
            store_relaxed(&longest_step_ns, now - before);
        before = now;
    }
    spent[(uintptr_t)argument] = thread_run_time_ns(self);
    helper_ends();
}

static void share(void *unused)
{
    prepare();
    burn_began_ns = clock_monotonic_ns();
    for (uintptr_t i = 0; i < 2; i++) {
        struct thread *thread = start(burn, (void *)i);
        sched_set_nice(thread, i ? 5 : 0);
        thread_put(thread);
    }
    wait_for_helpers();
    /* Three to one by weight. */
    EXPECT(spent[0] > spent[1] * 3 / 2);
    EXPECT(spent[1] > spent[0] / 8);
}

TEST(nice_threads_get_less)
{
    host_run(share, NULL);
}
