/* The variables and functions of a machine with one CPU; see fakes/cpu.h. */
#include <fakes/cpu.h>

struct thread fake_thread = {.refs = {1}, .name = "test"};
__thread unsigned host_cpu_index;
__thread struct thread *host_current_thread = &fake_thread;

unsigned cpu_count(void)
{
    return 1;
}

void arch_kick_cpu(unsigned cpu)
{
}
