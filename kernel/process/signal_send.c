/*
 * Sending signals: whether a signal is dropped because it is ignored, which thread is to look, and what the
 * stop-and-continue signals do at once. Taking and handling is signal_deliver.c's.
 */
#include <base/errno.h>
#include "private.h"

/* CHLD, CONT, URG, WINCH */
#define IGNORED_BY_DEFAULT (UINT64_C(1) << 16 | UINT64_C(1) << 17 | UINT64_C(1) << 22 | UINT64_C(1) << 27)
/* STOP, TSTP, TTIN, TTOU */
#define STOPPING (UINT64_C(0xf) << 18)

struct wait_queue signalfd_event = WAIT_QUEUE_INIT(signalfd_event);

bool signal_is_ignored_by_default(int number)
{
    return IGNORED_BY_DEFAULT & signal_bit(number);
}

bool signal_is_ignored_locked(struct process *process, int number)
{
    spin_lock(&process->actions->lock);
    uintptr_t handler = process->actions->of[number - 1].handler;
    spin_unlock(&process->actions->lock);
    return handler == HANDLER_IGNORE || (handler == HANDLER_DEFAULT && signal_is_ignored_by_default(number));
}

static bool takes(const struct task *task, int number)
{
    return !(load_relaxed(&task->signals.blocked) & signal_bit(number));
}

/* A blocked signal is kept even when it is ignored: its action may change before it is unblocked. */
static bool is_dropped_locked(struct process *process, struct task *task, int number)
{
    if (process->is_exiting)
        return true;
    if (task ? !takes(task, number) || (task->signals.wanted & signal_bit(number)) : false)
        return false;
    if (!task) {
        struct task *any;
        list_for_each(any, &process->tasks, process_link)
        {
            if (!takes(any, number) || (any->signals.wanted & signal_bit(number)))
                return false;
        }
    }
    return number != SIGNAL_KILL && signal_is_ignored_locked(process, number);
}

/* Linux's order of choice: the first thread if it takes the signal, else any that does. */
static void tell_a_thread_locked(struct process *process, int number)
{
    struct task *task;
    list_for_each(task, &process->tasks, process_link)
    {
        if (task->signals.wanted & signal_bit(number)) {
            wake_up_all(&task->signals.event, 0);
            return;
        }
    }
    list_for_each(task, &process->tasks, process_link)
    {
        if (takes(task, number)) {
            thread_interrupt(task->thread);
            return;
        }
    }
}

static void tell_thread_locked(struct task *task, int number)
{
    if (task->signals.wanted & signal_bit(number))
        wake_up_all(&task->signals.event, 0);
    else if (takes(task, number))
        thread_interrupt(task->thread);
}

static void drop_everywhere_locked(struct process *process, signal_set set)
{
    struct task *task;
    signal_queue_remove(&process->pending, set);
    list_for_each(task, &process->tasks, process_link)
    {
        signal_queue_remove(&task->signals.pending, set);
    }
}

/* What happens when the signal is sent, whatever its action and masks say (POSIX 2.4.3). */
static void apply_side_effects_locked(struct process *process, int number)
{
    if (number == SIGNAL_CONT) {
        drop_everywhere_locked(process, STOPPING);
        process_continue_locked(process);
    } else if (STOPPING & signal_bit(number)) {
        drop_everywhere_locked(process, signal_bit(SIGNAL_CONT));
    } else if (number == SIGNAL_KILL) {
        process_begin_exit_locked(process, SIGNAL_KILL);
    }
}

static int send(struct process *process, struct task *task, int number, const struct signal_info *info)
{
    struct signal_info own;
    if (!info) {
        signal_info_init(&own, number, SIGNAL_CODE_KERNEL, 0, 0);
        info = &own;
    }
    int err = 0;
    spin_lock(&process->lock);
    if (process->is_zombie || !process->task_count || (task && task->is_dead)) {
        err = -ESRCH;
    } else {
        apply_side_effects_locked(process, number);
        if (!is_dropped_locked(process, task, number)) {
            err = signal_queue_add(task ? &task->signals.pending : &process->pending, info, process);
            if (!err && task)
                tell_thread_locked(task, number);
            else if (!err)
                tell_a_thread_locked(process, number);
        }
    }
    spin_unlock(&process->lock);
    wake_up_all(&signalfd_event, 0);
    return err;
}

int signal_send_process(struct process *process, int number, const struct signal_info *info)
{
    return send(process, NULL, number, info);
}

int signal_send_task(struct task *task, int number, const struct signal_info *info)
{
    return send(task->process, task, number, info);
}

bool signal_send_timer(struct process *process, struct task *task, struct queued_signal *entry)
{
    bool is_new = false;
    int number = entry->info.number;
    spin_lock(&process->lock);
    if (list_is_empty(&entry->link) && !process->is_zombie && !(task && task->is_dead)) {
        is_new = true;
        if (!is_dropped_locked(process, task, number)) {
            struct signal_queue *queue = task ? &task->signals.pending : &process->pending;
            list_add_last(&queue->entries, &entry->link);
            queue->set |= signal_bit(number);
            if (task)
                tell_thread_locked(task, number);
            else
                tell_a_thread_locked(process, number);
        }
    }
    spin_unlock(&process->lock);
    wake_up_all(&signalfd_event, 0);
    return is_new;
}

void task_recalculate_interrupt_locked(struct task *task)
{
    signal_set ready = (task->signals.pending.set | task->process->pending.set) & ~task->signals.blocked;
    if (ready)
        store_release(&task->thread->is_interrupted, 1u);
}

/* A thread that may have been told of the process's signals blocks them now or ends: others must look. */
void signal_tell_other_threads_locked(struct process *process, struct task *task)
{
    struct task *other;
    if (!process->pending.set)
        return;
    list_for_each(other, &process->tasks, process_link)
    {
        if (other != task && (process->pending.set & ~other->signals.blocked))
            thread_interrupt(other->thread);
    }
}

/* ---- kill and its kin ---- */

static int check_permission(struct process *process, int number)
{
    if (number < 0 || number > SIGNAL_COUNT)
        return -EINVAL;
    if (process_may_control(process, CAPABILITY_KILL))
        return 0;
    bool same_session = load_relaxed(&process->session_id) == load_relaxed(&process_current()->session_id);
    return number == SIGNAL_CONT && same_session ? 0 : -EPERM;
}

/*
 * To those whom it inherited, process 1 is init, which takes only what it has a handler for, as on Linux: their
 * kill(getppid()) is meant for a parent that has gone. To its own children it is the program.
 */
static bool is_init_for_caller(struct process *process, int number)
{
    if (process->id != 1 || !load_relaxed(&process_current()->is_inherited))
        return false;
    spin_lock(&process->actions->lock);
    bool is_default = process->actions->of[number - 1].handler == HANDLER_DEFAULT;
    spin_unlock(&process->actions->lock);
    return is_default;
}

int signal_kill_process(struct process *process, int number, const struct signal_info *info)
{
    int err = check_permission(process, number);
    if (err || !number || is_init_for_caller(process, number))
        return err;
    err = signal_send_process(process, number, info);
    return err == -ESRCH && process->is_zombie ? 0 : err; /* a zombie swallows it */
}

int signal_kill_task(struct task *task, int number, const struct signal_info *info)
{
    int err = check_permission(task->process, number);
    return err || !number || is_init_for_caller(task->process, number) ? err : signal_send_task(task, number, info);
}

/* ---- the caller's own faults ---- */

void signal_force(int number, int code, uintptr_t address)
{
    struct task *task = task_current();
    struct process *process = task->process;
    struct signal_info info;
    signal_info_init(&info, number, code, 0, 0);
    info.fields[0] = address;
    spin_lock(&process->lock);
    spin_lock(&process->actions->lock);
    struct signal_action *action = &process->actions->of[number - 1];
    bool is_blocked = task->signals.blocked & signal_bit(number);
    if (is_blocked || action->handler == HANDLER_IGNORE) {
        *action = (struct signal_action){0};
        task->signals.blocked &= ~signal_bit(number);
    }
    spin_unlock(&process->actions->lock);
    signal_queue_add(&task->signals.pending, &info, process);
    store_release(&task->thread->is_interrupted, 1u);
    spin_unlock(&process->lock);
}

bool signal_is_pending(void)
{
    struct task *task = task_current();
    return (task->signals.pending.set | load_relaxed(&task->process->pending.set)) & ~task->signals.blocked;
}
