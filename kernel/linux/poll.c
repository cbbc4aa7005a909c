/* poll and ppoll: the program's array turned into the file module's. */
#include <file/poll_core.h>
#include <linux/syscalls.h>
#include "deadline.h"
#include "paths.h"

enum { ENTRIES_SHORT = 16, DESCRIPTORS_MAX = 1048576, RLIMIT_NOFILE_INDEX = 7 };

struct linux_pollfd {
    int32_t fd;
    int16_t events, revents;
};

struct poll_call {
    struct linux_pollfd *fds;
    struct poll_entry *entries;
    size_t count;
    struct linux_pollfd short_fds[ENTRIES_SHORT];
    struct poll_entry short_entries[ENTRIES_SHORT];
};

static void poll_call_free(struct poll_call *call)
{
    for (size_t i = 0; i < call->count; i++)
        if (call->entries[i].file)
            file_put(call->entries[i].file);
    if (call->fds != call->short_fds)
        kfree(call->fds);
    if (call->entries != call->short_entries)
        kfree(call->entries);
}

static int poll_call_read(struct poll_call *call, const struct user *fds, size_t count)
{
    call->count = 0;
    call->fds = call->short_fds;
    call->entries = call->short_entries;
    if (count > ENTRIES_SHORT) {
        call->fds = kmalloc_array(count, sizeof *call->fds, ALLOC_WAIT);
        call->entries = kmalloc_array(count, sizeof *call->entries, ALLOC_WAIT);
        if (!call->fds || !call->entries)
            return -ENOMEM;
    }
    int err = copy_from_user(call->fds, fds, count * sizeof *call->fds);
    if (err)
        return err;
    struct descriptor_table *table = process_current()->descriptors;
    for (size_t i = 0; i < count; i++)
        call->entries[i] = (struct poll_entry){
            .file = descriptor_file(table, call->fds[i].fd),
            .wanted = (uint16_t)call->fds[i].events,
        };
    call->count = count;
    return 0;
}

/* Descriptors >= 0 that are not open: they are an answer at once. */
static int count_bad(const struct poll_call *call)
{
    int bad = 0;
    for (size_t i = 0; i < call->count; i++)
        bad += call->fds[i].fd >= 0 && !call->entries[i].file;
    return bad;
}

static int write_answers(struct poll_call *call, struct user *fds)
{
    int err = 0;
    for (size_t i = 0; i < call->count && !err; i++) {
        bool is_bad = call->fds[i].fd >= 0 && !call->entries[i].file;
        int16_t revents = (int16_t)(is_bad ? POLL_NVAL : call->entries[i].found);
        struct user *to = user_offset(fds, i * sizeof(struct linux_pollfd) + offsetof(struct linux_pollfd, revents));
        err = copy_struct_to_user(to, &revents);
    }
    return err;
}

static long poll_until(struct user *fds, unsigned count, uint64_t deadline)
{
    struct poll_call call;
    if (count > process_current()->limits[RLIMIT_NOFILE_INDEX].soft || count > DESCRIPTORS_MAX)
        return -EINVAL;
    long result = poll_call_read(&call, fds, count);
    if (!result) {
        int bad = count_bad(&call);
        result = poll_files(call.entries, count, bad ? 0 : deadline);
        if (result >= 0) {
            int err = write_answers(&call, fds);
            result = err ? err : result + bad;
        }
    }
    poll_call_free(&call);
    return result;
}

/* restart_data: the array, its length, the moment. */
static long poll_restart(struct task *task)
{
    long result =
        poll_until(user_pointer(task->restart_data[0]), (unsigned)task->restart_data[1], task->restart_data[2]);
    return result == -ERESTARTSYS ? -ERESTART_RESTARTBLOCK : result;
}

long sys_poll(struct user *fds, unsigned count, int timeout_ms)
{
    uint64_t deadline = deadline_of_ms(timeout_ms);
    long result = poll_until(fds, count, deadline);
    if (result != -ERESTARTSYS)
        return result;
    struct task *task = task_current();
    task->restart = poll_restart;
    task->restart_data[0] = user_address(fds);
    task->restart_data[1] = count;
    task->restart_data[2] = deadline;
    return -ERESTART_RESTARTBLOCK;
}

long sys_ppoll(struct user *fds, unsigned count, struct user *timeout, struct user *mask, size_t set_size)
{
    uint64_t deadline;
    long result = deadline_read(timeout, 1, &deadline);
    if (!result)
        result = signal_mask_swap_from_user(mask, set_size);
    if (result)
        return result;
    result = poll_until(fds, count, deadline);
    signal_mask_restore();
    deadline_write_left(timeout, 1, deadline);
    return result == -ERESTARTSYS ? -ERESTARTNOHAND : result;
}
