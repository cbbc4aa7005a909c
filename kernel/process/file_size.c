/* RLIMIT_FSIZE for the file systems: the caller's limit, and SIGXFSZ when a write or a truncation would pass it. */
#include <vfs/vfs.h>
#include "private.h"

static uint64_t limit_of_caller(void)
{
    struct process *process = thread_current()->process;
    return process ? load_relaxed(&process->limits[LIMIT_FSIZE].soft) : UINT64_MAX;
}

static void tell_caller(void)
{
    struct task *task = task_current();
    struct signal_info info;
    signal_info_init(&info, SIGNAL_XFSZ, SIGNAL_CODE_USER, task->process->id, load_relaxed(&task->process->credentials.uid));
    signal_send_task(task, SIGNAL_XFSZ, &info);
}

const struct vfs_size_limit process_file_size_limit = {.of_caller = limit_of_caller, .tell_caller = tell_caller};
