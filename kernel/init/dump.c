/*
 * What each of the program's threads is doing, on the log: the control channel's "dump". For machines that hang, so it takes
 * no lock longer than to note the threads, and looks only into stacks that nobody runs on.
 */
#include <arch/cpu.h>
#include <arch/entry.h>
#include <base/log.h>
#include <linux/dispatch.h>
#include <process/process.h>
#include "dump.h"

enum { THREADS_MAX = 64 };

struct noted {
    struct thread *thread; /* referenced */
    uint64_t call;         /* of a thread that is in the kernel by a system call; else UINT64_MAX */
    uint32_t id;
};

static unsigned note_threads(struct process *process, struct noted noted[THREADS_MAX])
{
    unsigned count = 0;
    spin_lock(&process->lock);
    struct task *task;
    list_for_each(task, &process->tasks, process_link)
    {
        if (count == THREADS_MAX || !task->thread)
            break;
        thread_get(task->thread);
        noted[count++] = (struct noted){task->thread, task_registers(task)->syscall_number, task->id};
    }
    spin_unlock(&process->lock);
    return count;
}

static void print_thread(const struct noted *noted)
{
    const struct thread *thread = noted->thread;
    const char *call = system_call_name(noted->call);
    bool is_asleep = load_relaxed(&thread->state) == THREAD_SLEEPING && !load_acquire(&thread->is_running);
    log_error(" thread %u %s, CPU %u, %llu ms of CPU time, %s%s%s", noted->id, thread->name, load_relaxed(&thread->cpu),
              (unsigned long long)(thread_run_time_ns(thread) / 1000000), is_asleep ? "asleep" : "runs or is ready to",
              call ? ", last in " : "", call ? call : "");
    if (is_asleep)
        arch_thread_print_backtrace(&thread->arch);
}

void dump_threads(void)
{
    static struct noted noted[THREADS_MAX]; /* one command at a time */
    struct process *process;
    for (uint32_t id = 0; (process = process_next(id)); process_put(process)) {
        id = process->id + 1;
        unsigned count = note_threads(process, noted);
        log_error("process %u %s", process->id, process->name);
        for (unsigned i = 0; i < count; i++) {
            print_thread(&noted[i]);
            thread_put(noted[i].thread);
        }
    }
}
