/* pidfd: a descriptor that stands for a process and is readable once that has ended. */
#include <base/errno.h>
#include <file/poll.h>
#include <process/pidfd.h>
#include "private.h"

static uint32_t pidfd_poll(struct file *file, struct poll_table *table)
{
    struct process *process = file->data;
    poll_listen(table, &process->exit_event);
    return load_acquire(&process->is_zombie) ? POLL_IN | POLL_RDNORM : 0;
}

static void pidfd_release(struct file *file)
{
    process_put(file->data);
}

static void pidfd_describe(struct file *file, char *to, size_t size)
{
    snprintf(to, size, "anon_inode:[pidfd]");
}

static const struct file_ops pidfd_ops = {
    .poll = pidfd_poll,
    .release = pidfd_release,
    .describe = pidfd_describe,
    .name = "pidfd",
};

int pidfd_create(struct process *process, unsigned flags, struct file **out)
{
    process_get(process);
    struct file *file = file_create(&pidfd_ops, 2 | flags /* O_RDWR */, process);
    if (!file) {
        process_put(process);
        return -ENOMEM;
    }
    *out = file;
    return 0;
}

struct process *pidfd_process(struct file *file)
{
    if (file->ops != &pidfd_ops)
        return NULL;
    process_get(file->data);
    return file->data;
}
