/*
 * A kernel thread is a host thread that waits until its turn: arch_thread_switch passes the CPU's number on to the next
 * and waits for its own to come back, on whatever CPU. arch_thread.kernel_stack_pointer points to the record.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include "host_thread.h"

enum { HOST_STACK_SIZE = 256 * 1024 };

struct host_thread {
    pthread_t thread;
    sem_t turn;
    unsigned cpu; /* whose turn it is; written before the post */
    bool must_end;
    struct thread *owner;
    void (*entry)(void *);
    void *argument;
};
__thread unsigned host_cpu_index;
__thread struct thread *host_current_thread;

static void wait_for_turn(struct host_thread *self)
{
    while (sem_wait(&self->turn))
        continue;
    if (self->must_end)
        pthread_exit(NULL);
    host_cpu_index = self->cpu;
    host_current_thread = self->owner;
}

static struct host_thread *record_create(struct arch_thread *thread)
{
    struct host_thread *record = calloc(1, sizeof *record);
    if (!record)
        abort();
    record->owner = container_of(thread, struct thread, arch);
    sem_init(&record->turn, 0, 0);
    thread->kernel_stack_pointer = (uintptr_t)record;
    return record;
}

static void *thread_main(void *argument)
{
    struct host_thread *self = argument;
    wait_for_turn(self);
    self->entry(self->argument);
    abort();
}

void arch_thread_prepare(struct arch_thread *thread, void *stack_top, void (*entry)(void *), void *argument)
{
    struct host_thread *record = record_create(thread);
    pthread_attr_t attributes;
    record->entry = entry;
    record->argument = argument;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, HOST_STACK_SIZE);
    if (pthread_create(&record->thread, &attributes, thread_main, record))
        abort();
    pthread_attr_destroy(&attributes);
}

void arch_thread_destroy(struct arch_thread *thread)
{
    struct host_thread *record = (struct host_thread *)thread->kernel_stack_pointer;
    record->must_end = true;
    sem_post(&record->turn);
    pthread_join(record->thread, NULL);
    sem_destroy(&record->turn);
    free(record);
}

void arch_thread_switch(struct arch_thread *from, struct arch_thread *to, void *to_kernel_stack_top)
{
    struct host_thread *next = (struct host_thread *)to->kernel_stack_pointer;
    struct host_thread *self = (struct host_thread *)from->kernel_stack_pointer;
    if (!self)
        self = record_create(from); /* an idle thread, whose host thread is the CPU's own */
    next->cpu = host_cpu_index;
    sem_post(&next->turn);
    wait_for_turn(self);
}
