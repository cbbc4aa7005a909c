/* getrusage: struct rusage of Linux, 18 words of 8 bytes. */
#include <base/errno.h>
#include "private.h"

enum { WHO_CHILDREN = -1, WHO_SELF = 0, WHO_THREAD = 1 };
enum {
    WORD_USER = 0,
    WORD_SYSTEM = 2,
    WORD_PEAK_KIB = 4,
    WORD_MINOR = 8,
    WORD_MAJOR = 9,
    WORD_VOLUNTARY = 16,
    WORD_FORCED = 17,
    WORD_COUNT = 18,
};

static void put_time(int64_t *words, uint64_t ns)
{
    words[0] = (int64_t)(ns / 1000000000);
    words[1] = (int64_t)(ns % 1000000000 / 1000);
}

static void put_memory(int64_t *words, struct process *process)
{
    struct address_space_counters counters;
    address_space_count(process->space, &counters);
    words[WORD_PEAK_KIB] = (int64_t)(MAX(counters.peak_resident_bytes, process->exited.peak_resident_bytes) / 1024);
    words[WORD_MINOR] = (int64_t)(counters.minor_faults + process->exited.minor_faults);
    words[WORD_MAJOR] = (int64_t)(counters.major_faults + process->exited.major_faults);
}

static void put_self(int64_t *words, struct process *process)
{
    uint64_t user_ns, system_ns;
    struct task *task;
    process_cpu_time(process, &user_ns, &system_ns);
    put_time(words + WORD_USER, user_ns);
    put_time(words + WORD_SYSTEM, system_ns);
    put_memory(words, process);
    spin_lock(&process->lock);
    words[WORD_VOLUNTARY] = (int64_t)process->exited.voluntary_switches;
    words[WORD_FORCED] = (int64_t)process->exited.forced_switches;
    list_for_each(task, &process->tasks, process_link)
    {
        words[WORD_VOLUNTARY] += (int64_t)task->thread->switches_voluntary;
        words[WORD_FORCED] += (int64_t)task->thread->switches_forced;
    }
    spin_unlock(&process->lock);
}

static void put_children(int64_t *words, struct process *process)
{
    spin_lock(&process_tree_lock);
    struct usage_sum used = process->children_used;
    put_time(words + WORD_USER, process->children_user_ns);
    put_time(words + WORD_SYSTEM, process->children_system_ns);
    spin_unlock(&process_tree_lock);
    words[WORD_PEAK_KIB] = (int64_t)(used.peak_resident_bytes / 1024);
    words[WORD_MINOR] = (int64_t)used.minor_faults;
    words[WORD_MAJOR] = (int64_t)used.major_faults;
    words[WORD_VOLUNTARY] = (int64_t)used.voluntary_switches;
    words[WORD_FORCED] = (int64_t)used.forced_switches;
}

static void put_thread(int64_t *words, struct task *task)
{
    uint64_t user_ns, system_ns;
    task_cpu_time(task, &user_ns, &system_ns);
    put_time(words + WORD_USER, user_ns);
    put_time(words + WORD_SYSTEM, system_ns);
    put_memory(words, task->process); /* faults are counted by space, not by thread */
    words[WORD_VOLUNTARY] = (int64_t)task->thread->switches_voluntary;
    words[WORD_FORCED] = (int64_t)task->thread->switches_forced;
}

int process_get_rusage(int who, struct user *out)
{
    int64_t words[WORD_COUNT] = {0};
    struct process *process = process_current();
    if (who == WHO_SELF)
        put_self(words, process);
    else if (who == WHO_CHILDREN)
        put_children(words, process);
    else if (who == WHO_THREAD)
        put_thread(words, task_current());
    else
        return -EINVAL;
    return copy_struct_to_user(out, &words);
}
