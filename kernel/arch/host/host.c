/* CPUs, their timers and kicks as host threads; see host/host.h. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <host/host.h>
#include <sched/work.h>
#include "host_thread.h"

static struct cpu {
    pthread_mutex_t mutex;
    pthread_cond_t event;
    bool is_kicked;       /* mutex */
    uint64_t deadline_ns; /* timer_mutex */
} cpus[HOST_CPUS];
static pthread_mutex_t timer_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t timer_event;
static struct timespec start;

unsigned cpu_count(void)
{
    return HOST_CPUS;
}

uint64_t clock_monotonic_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)((now.tv_sec - start.tv_sec) * NS_PER_SECOND + now.tv_nsec - start.tv_nsec) + 1;
}

int64_t clock_realtime_offset_ns(void)
{
    return 0;
}

void arch_kick_cpu(unsigned cpu)
{
    pthread_mutex_lock(&cpus[cpu].mutex);
    cpus[cpu].is_kicked = true;
    pthread_cond_signal(&cpus[cpu].event);
    pthread_mutex_unlock(&cpus[cpu].mutex);
}

void arch_idle(void)
{
    struct cpu *cpu = &cpus[cpu_index()];
    pthread_mutex_lock(&cpu->mutex);
    while (!cpu->is_kicked)
        pthread_cond_wait(&cpu->event, &cpu->mutex);
    cpu->is_kicked = false;
    pthread_mutex_unlock(&cpu->mutex);
}

/* ---- timers ---- */

void arch_timer_arm(uint64_t deadline_ns)
{
    pthread_mutex_lock(&timer_mutex);
    cpus[cpu_index()].deadline_ns = deadline_ns;
    pthread_cond_signal(&timer_event);
    pthread_mutex_unlock(&timer_mutex);
}

/* The interrupt of one CPU, on its behalf. */
static void interrupt(unsigned cpu)
{
    host_cpu_index = cpu;
    timer_interrupt();
    arch_kick_cpu(cpu);
}

static uint64_t fire_due(void)
{
    uint64_t next = UINT64_MAX, now = clock_monotonic_ns();
    for (unsigned i = 0; i < HOST_CPUS; i++) {
        if (cpus[i].deadline_ns <= now) {
            cpus[i].deadline_ns = UINT64_MAX;
            interrupt(i);
        }
        if (cpus[i].deadline_ns < next)
            next = cpus[i].deadline_ns;
    }
    return next;
}

static void *timer_main(void *unused)
{
    pthread_mutex_lock(&timer_mutex);
    for (;;) {
        uint64_t next = fire_due();
        if (next == UINT64_MAX) {
            pthread_cond_wait(&timer_event, &timer_mutex);
            continue;
        }
        uint64_t ns = next + (uint64_t)start.tv_nsec;
        struct timespec until = {start.tv_sec + (time_t)(ns / NS_PER_SECOND), (long)(ns % NS_PER_SECOND)};
        pthread_cond_timedwait(&timer_event, &timer_mutex, &until);
    }
    return NULL;
}

/* ---- starting ---- */

static void *cpu_main(void *argument)
{
    host_cpu_index = (unsigned)(uintptr_t)argument;
    if (host_cpu_index == 0)
        sched_init();
    sched_start_cpu();
}

static void start_machine(void)
{
    pthread_condattr_t monotonic;
    pthread_t thread;
    clock_gettime(CLOCK_MONOTONIC, &start);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&timer_event, &monotonic);
    for (uintptr_t i = 0; i < HOST_CPUS; i++) {
        pthread_mutex_init(&cpus[i].mutex, NULL);
        pthread_cond_init(&cpus[i].event, NULL);
        cpus[i].deadline_ns = UINT64_MAX;
    }
    for (uintptr_t i = 0; i < HOST_CPUS; i++) {
        pthread_create(&thread, NULL, cpu_main, (void *)i);
        pthread_detach(thread);
    }
    pthread_create(&thread, NULL, timer_main, NULL);
    pthread_detach(thread);
}

struct run {
    struct work work;
    void (*main)(void *);
    void *argument;
    sem_t done;
};

static void run_main(void *argument)
{
    struct run *run = argument;
    run->main(run->argument);
    sem_post(&run->done);
}

static void begin_run(struct work *work)
{
    struct thread *thread = thread_create("main", run_main, container_of(work, struct run, work));
    thread_start(thread);
    thread_put(thread);
}

/* From outside all CPUs, as a device would: raises work. */
void host_run(void (*main)(void *argument), void *argument)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_machine);
    struct run run = {.work = WORK_INIT(begin_run), .main = main, .argument = argument};
    sem_init(&run.done, 0, 0);
    work_raise_on(&run.work, 0);
    arch_kick_cpu(0);
    sem_wait(&run.done);
    sem_destroy(&run.done);
}
