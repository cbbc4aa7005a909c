/*
 * wait4 and waitid: looking for a child with something to tell, sleeping until one has; and the other side, telling the
 * parent. What a child has to tell is decided and taken under process_tree_lock, so that two waiters never get the
 * same.
 */
#include <base/errno.h>
#include <process/pidfd.h>
#include "private.h"

enum wait_option {
    WAIT_NO_HANG = 1,
    WAIT_STOPPED = 2, /* WUNTRACED */
    WAIT_EXITED = 4,
    WAIT_CONTINUED = 8,
    WAIT_NO_TAKE = 0x01000000, /* WNOWAIT */
};
#define WAIT_NO_THREAD 0x20000000u
#define WAIT_ALL       0x40000000u
#define WAIT_CLONE     0x80000000u
enum { WHICH_ALL, WHICH_PID, WHICH_GROUP, WHICH_PIDFD };
enum { STATUS_CONTINUED = 0xffff };

struct found {
    struct process *child; /* reaped: the table's reference is ours */
    uint32_t id, uid;
    int code, status, wait_status;
    uint64_t user_ns, system_ns;
    struct usage_sum used;
    bool is_reaped;
};

/* ---- telling ---- */

static struct signal_action child_action(struct process *parent)
{
    spin_lock(&parent->actions->lock);
    struct signal_action action = parent->actions->of[SIGNAL_CHLD - 1];
    spin_unlock(&parent->actions->lock);
    return action;
}

bool process_is_autoreaped_locked(struct process *child)
{
    if (child->exit_signal != SIGNAL_CHLD)
        return false;
    struct signal_action action = child_action(child->parent);
    return action.handler == HANDLER_IGNORE || (action.flags & ACTION_NO_CHILD_WAIT);
}

static bool is_signal_wanted(struct process *child, int code)
{
    if (!child->exit_signal)
        return false;
    bool is_stop = code == CHILD_CODE_STOPPED || code == CHILD_CODE_CONTINUED;
    return !is_stop || !(child_action(child->parent).flags & ACTION_NO_CHILD_STOP);
}

void process_notify_parent_locked(struct process *child, int code, int status)
{
    struct process *parent = child->parent;
    if (is_signal_wanted(child, code)) {
        bool is_stop = code == CHILD_CODE_STOPPED || code == CHILD_CODE_CONTINUED;
        struct signal_info info;
        uint64_t user_ns, system_ns;
        signal_info_init(&info, is_stop ? SIGNAL_CHLD : child->exit_signal, code, child->id, child->credentials.uid);
        process_cpu_time(child, &user_ns, &system_ns);
        info.fields[1] = (uint32_t)status;
        info.fields[2] = user_ns / 10000000;
        info.fields[3] = system_ns / 10000000;
        signal_send_process(parent, info.number, &info);
    }
    wake_up_all(&parent->child_event, 0);
}

/* ---- looking ---- */

static bool is_meant(const struct process *child, const struct wait_request *request, const struct process *by_fd)
{
    bool is_clone = child->exit_signal != SIGNAL_CHLD;
    if (!(request->options & WAIT_ALL) && is_clone != !!(request->options & WAIT_CLONE))
        return false;
    switch (request->which) {
    case WHICH_PID:
        return child->id == (uint64_t)request->id;
    case WHICH_GROUP:
        return child->group_id == (uint64_t)request->id;
    case WHICH_PIDFD:
        return child == by_fd;
    default:
        return true;
    }
}

static void describe(struct process *child, int code, int status, int wait_status, struct found *out)
{
    *out = (struct found){
        .child = child,
        .id = child->id,
        .uid = child->credentials.uid,
        .code = code,
        .status = status,
        .wait_status = wait_status,
        .used = child->exited,
    };
    process_cpu_time(child, &out->user_ns, &out->system_ns);
}

static void add_children_usage_locked(struct process *parent, struct process *child)
{
    struct usage_sum *to = &parent->children_used;
    parent->children_user_ns += child->exited_user_ns + child->children_user_ns;
    parent->children_system_ns += child->exited_system_ns + child->children_system_ns;
    to->voluntary_switches += child->exited.voluntary_switches + child->children_used.voluntary_switches;
    to->forced_switches += child->exited.forced_switches + child->children_used.forced_switches;
    to->minor_faults += child->exited.minor_faults + child->children_used.minor_faults;
    to->major_faults += child->exited.major_faults + child->children_used.major_faults;
    uint64_t peak = MAX(child->exited.peak_resident_bytes, child->children_used.peak_resident_bytes);
    to->peak_resident_bytes = MAX(to->peak_resident_bytes, peak);
}

static bool take_zombie_locked(struct process *child, const struct wait_request *request, struct found *out)
{
    int status = child->exit_status, signal = status & 0x7f;
    int code = !signal ? CHILD_CODE_EXITED : status & 0x80 ? CHILD_CODE_DUMPED : CHILD_CODE_KILLED;
    describe(child, code, signal ? signal : status >> 8, status, out);
    if (request->options & WAIT_NO_TAKE)
        return true;
    add_children_usage_locked(child->parent, child);
    process_unhash_locked(child);
    out->is_reaped = true;
    return true;
}

/* What this child has to tell that was asked for. */
static bool look_at_locked(struct process *child, const struct wait_request *request, struct found *out)
{
    bool take = !(request->options & WAIT_NO_TAKE);
    if (child->is_zombie)
        return (request->options & WAIT_EXITED) && take_zombie_locked(child, request, out);
    if (child->has_stop_report && (request->options & WAIT_STOPPED)) {
        describe(child, CHILD_CODE_STOPPED, child->stop_signal, child->stop_signal << 8 | 0x7f, out);
        child->has_stop_report = !take;
        return true;
    }
    if (child->has_continue_report && (request->options & WAIT_CONTINUED)) {
        describe(child, CHILD_CODE_CONTINUED, SIGNAL_CONT, STATUS_CONTINUED, out);
        child->has_continue_report = !take;
        return true;
    }
    return false;
}

struct search {
    const struct wait_request *request;
    struct process *parent, *by_fd;
    struct found found;
    bool is_found, has_children;
};

/* True when the search is over: found, or nobody to wait for. */
static bool search_children(void *argument)
{
    struct search *search = argument;
    struct process *child;
    if (search->is_found)
        return true; /* asked again: what was found has been taken */
    search->has_children = false;
    spin_lock(&process_tree_lock);
    list_for_each(child, &search->parent->children, sibling_link)
    {
        if (!is_meant(child, search->request, search->by_fd))
            continue;
        search->has_children = true;
        search->is_found = look_at_locked(child, search->request, &search->found);
        if (search->is_found)
            break;
    }
    spin_unlock(&process_tree_lock);
    return search->is_found || !search->has_children;
}

/* ---- answers ---- */

static int write_siginfo(const struct found *found, struct user *to)
{
    struct signal_info info;
    if (!to)
        return 0;
    memset(&info, 0, sizeof info);
    if (found) {
        signal_info_init(&info, SIGNAL_CHLD, found->code, found->id, found->uid);
        info.fields[1] = (uint32_t)found->status;
    }
    return copy_struct_to_user(to, &info);
}

static int write_rusage(const struct found *found, struct user *to)
{
    if (!to)
        return 0;
    const struct usage_sum *used = &found->used;
    int64_t usage[18] = {
        (int64_t)(found->user_ns / 1000000000),      (int64_t)(found->user_ns % 1000000000 / 1000),
        (int64_t)(found->system_ns / 1000000000),    (int64_t)(found->system_ns % 1000000000 / 1000),
        (int64_t)(used->peak_resident_bytes / 1024), [8] = (int64_t)used->minor_faults,
        [9] = (int64_t)used->major_faults,           [16] = (int64_t)used->voluntary_switches,
        [17] = (int64_t)used->forced_switches,
    };
    return copy_struct_to_user(to, &usage);
}

static long answer(const struct wait_request *request, const struct found *found)
{
    int32_t status = found->wait_status;
    int err = write_rusage(found, request->rusage);
    if (!err && request->is_wait4 && request->status)
        err = copy_struct_to_user(request->status, &status);
    if (!err && !request->is_wait4)
        err = write_siginfo(found, request->siginfo);
    if (err)
        return err;
    return request->is_wait4 ? (long)found->id : 0;
}

static int find_by_fd(const struct wait_request *request, struct process **out)
{
    struct file *file = descriptor_file(process_current()->descriptors, (int)request->id);
    if (!file)
        return -EBADF;
    *out = pidfd_process(file);
    file_put(file);
    return *out ? 0 : -EBADF;
}

long process_wait(const struct wait_request *request)
{
    struct search search = {.request = request, .parent = process_current()};
    long result = request->which == WHICH_PIDFD ? find_by_fd(request, &search.by_fd) : 0;
    if (result)
        return result;
    if (!search_children(&search) && !(request->options & WAIT_NO_HANG))
        result =
            wait_until(&search.parent->child_event, search_children, &search, WAIT_INTERRUPTIBLE, UINT64_MAX, false);
    if (search.is_found) {
        result = answer(request, &search.found);
        if (search.found.is_reaped)
            process_put(search.found.child);
    } else if (!search.has_children) {
        result = -ECHILD;
    } else if (!result && !request->is_wait4) {
        result = write_siginfo(NULL, request->siginfo);
    }
    process_put(search.by_fd);
    return result;
}
