/* The stand-in's threads: coroutines (ucontext) on one host thread, run round robin. Each sleeper has a state and maybe
 * a deadline; the one that goes to sleep looks for the next to run. */
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <arch/cpu.h>
#include <fakes/clock.h>
#include <fakes/sched.h>
#include <fakes/timer.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#define SWITCH_STARTS(save, bottom, size) __sanitizer_start_switch_fiber(save, bottom, size)
#define SWITCH_ENDED(save, bottom, size)  __sanitizer_finish_switch_fiber(save, bottom, size)
#else
#define SWITCH_STARTS(save, bottom, size) ((void)(save))
#define SWITCH_ENDED(save, bottom, size)  ((void)(save))
#endif

enum { STACK_SIZE = 256 * 1024 };

struct coroutine {
    struct thread thread;
    struct list link; /* all */
    ucontext_t context;
    void *stack, *fake_stack; /* fake_stack: ASan's */
    size_t stack_size;
    void (*entry)(void *);
    void *argument;
    uint64_t deadline_ns;
    bool is_started;
};

static struct coroutine test_thread = {.thread = {.name = "test", .id = 1, .refs = {1}}};
static struct list all = LIST_INIT(all);
static struct coroutine *switched_from;
static struct coroutine *ended; /* its stack is freed by the next one */
static bool (*idle_hook)(void);
static bool is_auto_advancing = true;
__thread unsigned host_cpu_index;
__thread struct thread *host_current_thread = &test_thread.thread;

__attribute__((constructor)) static void fake_init(void)
{
    test_thread.is_started = true;
    list_add_last(&all, &test_thread.link);
}

unsigned cpu_count(void)
{
    return 1;
}

static struct coroutine *current(void)
{
    return container_of(thread_current(), struct coroutine, thread);
}

static void free_ended(void)
{
    struct coroutine *dead = ended;
    ended = NULL;
    if (!dead)
        return;
    free(dead->stack);
    dead->stack = NULL;
    thread_put(&dead->thread);
}

static void switch_to(struct coroutine *to)
{
    struct coroutine *from = current();
    if (to == from)
        return;
    arch_set_current(&to->thread);
    switched_from = from;
    SWITCH_STARTS(from->thread.state == THREAD_DEAD ? NULL : &from->fake_stack, to->stack, to->stack_size);
    swapcontext(&from->context, &to->context);
    SWITCH_ENDED(from->fake_stack, NULL, NULL);
    free_ended();
}

static void coroutine_main(void)
{
    /* The only way to learn where the host's own stack is. */
    const void *bottom = NULL;
    size_t size = 0;
    SWITCH_ENDED(NULL, &bottom, &size);
    if (!switched_from->stack_size) {
        switched_from->stack = (void *)(uintptr_t)bottom;
        switched_from->stack_size = size;
    }
    free_ended();
    current()->entry(current()->argument);
    thread_exit();
}

static struct coroutine *find_runnable(struct coroutine *after)
{
    for (struct list *link = after->link.next; link != &after->link; link = link->next) {
        struct coroutine *other = list_entry(link, struct coroutine, link);
        if (link != &all && other->is_started && other->thread.state == THREAD_RUNNABLE)
            return other;
    }
    return NULL;
}

static uint64_t next_wake_up(void)
{
    uint64_t next = fake_timer_next();
    struct coroutine *other;
    list_for_each(other, &all, link) if (other->thread.state == THREAD_SLEEPING && other->deadline_ns < next) next =
        other->deadline_ns;
    return next;
}

static void wake_past_deadline(void)
{
    struct coroutine *other;
    list_for_each(other, &all,
                  link) if (other->thread.state == THREAD_SLEEPING && other->deadline_ns <= clock_monotonic_ns())
        other->thread.state = THREAD_RUNNABLE;
}

static bool move_clock(void)
{
    uint64_t next = next_wake_up(), now = clock_monotonic_ns();
    if (next == UINT64_MAX)
        return false;
    fake_time_advance(next > now ? next - now : 0);
    wake_past_deadline();
    return true;
}

/* Makes something happen while all threads sleep. */
static void pass_time(void)
{
    if (fake_work_run() || (idle_hook && idle_hook()))
        return;
    if (!is_auto_advancing || !move_clock())
        panic("deadlock: \"%s\" sleeps, and nothing is left to wake it", thread_current()->name);
}

/* Runs others until the calling thread is runnable again (never for a dead one). */
static void run_others(void)
{
    struct coroutine *self = current();
    while (self->thread.state != THREAD_RUNNABLE) {
        struct coroutine *next = find_runnable(self);
        if (next)
            switch_to(next);
        else
            pass_time();
    }
}

void arch_kick_cpu(unsigned cpu)
{
}

void thread_prepare_sleep(void)
{
    thread_current()->state = THREAD_SLEEPING;
    current()->deadline_ns = UINT64_MAX;
}

void thread_cancel_sleep(void)
{
    thread_current()->state = THREAD_RUNNABLE;
}

bool thread_sleep(uint64_t deadline_ns)
{
    struct coroutine *self = current();
    if (self->thread.state == THREAD_RUNNABLE)
        return true;
    if (deadline_ns <= clock_monotonic_ns()) {
        self->thread.state = THREAD_RUNNABLE;
        return false;
    }
    self->deadline_ns = deadline_ns;
    run_others();
    return clock_monotonic_ns() < deadline_ns;
}

void thread_wake(struct thread *thread)
{
    if (thread->state == THREAD_SLEEPING)
        thread->state = THREAD_RUNNABLE;
}

void thread_interrupt(struct thread *thread)
{
    thread->is_interrupted = true;
    thread_wake(thread);
}

static void prepare_context(struct coroutine *made)
{
    getcontext(&made->context);
    made->context.uc_stack.ss_sp = made->stack;
    made->context.uc_stack.ss_size = made->stack_size;
    makecontext(&made->context, coroutine_main, 0);
}

struct thread *thread_create(const char *name, void (*entry)(void *), void *argument)
{
    struct coroutine *made = calloc(1, sizeof *made);
    if (!made)
        return NULL;
    made->stack = malloc(STACK_SIZE);
    if (!made->stack) {
        free(made);
        return NULL;
    }
    strncat(made->thread.name, name, sizeof made->thread.name - 1);
    refcount_init(&made->thread.refs, 2);
    made->stack_size = STACK_SIZE;
    made->entry = entry;
    made->argument = argument;
    prepare_context(made);
    list_add_last(&all, &made->link);
    return &made->thread;
}

void thread_start(struct thread *thread)
{
    container_of(thread, struct coroutine, thread)->is_started = true;
}

void thread_get(struct thread *thread)
{
    refcount_get(&thread->refs);
}

void thread_put(struct thread *thread)
{
    if (refcount_put(&thread->refs) && thread != &test_thread.thread)
        free(container_of(thread, struct coroutine, thread));
}

_Noreturn void thread_exit(void)
{
    struct coroutine *self = current();
    self->thread.state = THREAD_DEAD;
    ended = self;
    while (!find_runnable(self))
        pass_time();
    struct coroutine *next = find_runnable(self);
    list_remove(&self->link);
    switch_to(next);
    abort();
}

void sched_yield_cpu(void)
{
    struct coroutine *next = find_runnable(current());
    if (next)
        switch_to(next);
}

/* Safe points always look. */
struct sched_attention sched_attention[CPU_MAX] = {[0 ... CPU_MAX - 1] = {1}};

void sched_attend(void)
{
    fake_work_run();
}

void sched_set_affinity(struct thread *thread, uint64_t affinity)
{
    thread->affinity = affinity;
}

void sched_set_nice(struct thread *thread, int nice)
{
    thread->nice = nice;
}

uint64_t thread_run_time_ns(const struct thread *thread)
{
    return thread->run_ns;
}

void fake_run_threads(void)
{
    do {
        struct coroutine *next;
        while ((next = find_runnable(current())))
            switch_to(next);
    } while (fake_work_run());
}

bool fake_sched_step(void)
{
    bool did_move = move_clock();
    fake_run_threads();
    return did_move;
}

void fake_set_idle_hook(bool (*hook)(void))
{
    idle_hook = hook;
}

void fake_set_auto_advance(bool is_on)
{
    is_auto_advancing = is_on;
}

void fake_sched_reset(void)
{
    struct coroutine *other, *after;
    list_for_each_safe(other, after, &all, link) if (other != &test_thread) list_remove(&other->link);
    test_thread.thread.is_interrupted = false;
    test_thread.thread.state = THREAD_RUNNABLE;
    fake_timers_reset();
    idle_hook = NULL;
    is_auto_advancing = true;
}
