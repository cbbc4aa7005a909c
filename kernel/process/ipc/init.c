/* What the module wants to be told. */
#include <ipc/ipc.h>
#include <process/watcher.h>
#include "sem.h"

void ipc_init(void)
{
    static struct process_watcher watcher = {.end = sem_undo_process_end};
    process_add_watcher(&watcher);
}
