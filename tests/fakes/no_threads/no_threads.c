/* thread_create always fails; raised work stays raised. */
#include <sched/thread.h>
#include <sched/work.h>

struct thread *thread_create(const char *name, void (*entry)(void *), void *argument)
{
    return NULL;
}

void thread_start(struct thread *thread)
{
}

void work_raise(struct work *work)
{
    work->is_raised = 1;
}

void thread_put(struct thread *thread)
{
}
