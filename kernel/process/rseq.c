/*
 * Restartable sequences (rseq(2)): the area tells the program its CPU, and a critical section that was left by a
 * switch, a move or a signal is resumed at its abort handler. struct rseq: cpu_id_start 0, cpu_id 4, rseq_cs 8, flags
 * 16, node_id 20, mm_cid 24; struct rseq_cs: version 0, flags 4, start_ip 8, post_commit_offset 16, abort_ip 24.
 */
#include <base/errno.h>
#include "private.h"

enum { AREA_SIZE = 32, AREA_SECTION = 8, UNREGISTER = 1 };
#define CPU_UNINITIALIZED UINT32_MAX
struct section {
    uint32_t version, flags;
    uint64_t start, length, abort;
};

static int write_cpu(struct user *area, uint32_t cpu)
{
    uint32_t id[2] = {cpu == CPU_UNINITIALIZED ? 0 : cpu, cpu};
    return copy_struct_to_user(area, &id);
}

/* Moves rip to the abort handler when it stands inside the section. The section is forgotten either way. */
static bool leave_section(struct task *task, struct user_registers *registers)
{
    uint64_t address, zero = 0;
    struct section section;
    uint32_t signature;
    if (copy_struct_from_user(&address, user_offset(task->rseq, AREA_SECTION)))
        return false;
    if (!address)
        return true;
    if (copy_struct_from_user(&section, user_pointer(address)) ||
        copy_struct_to_user(user_offset(task->rseq, AREA_SECTION), &zero))
        return false;
    if (section.version || section.start >= USER_ADDRESS_MAX || section.length > USER_ADDRESS_MAX ||
        section.abort >= USER_ADDRESS_MAX || section.abort - section.start < section.length)
        return false;
    if (registers->rip - section.start >= section.length)
        return true;
    if (copy_struct_from_user(&signature, user_pointer(section.abort - 4)) || signature != task->rseq_signature)
        return false;
    registers->rip = section.abort;
    return true;
}

bool rseq_update(struct task *task, struct user_registers *registers, bool is_signal)
{
    const struct thread *thread = task->thread;
    uint64_t switches = thread->switches_voluntary + thread->switches_forced;
    uint32_t cpu = cpu_index();
    if (cpu == task->rseq_cpu && switches == task->rseq_switches && !is_signal)
        return true;
    if (!leave_section(task, registers))
        return false;
    /* The writes may sleep and move the thread: told until it holds. */
    for (unsigned i = 0; i < 8 && task->rseq_cpu != cpu_index(); i++) {
        cpu = cpu_index();
        if (write_cpu(task->rseq, cpu))
            return false;
        task->rseq_cpu = cpu;
    }
    task->rseq_switches = thread->switches_voluntary + thread->switches_forced;
    return true;
}

static long unregister(struct task *task, struct user *area, uint32_t len, uint32_t signature)
{
    if (task->rseq != area || !task->rseq || task->rseq_len != len)
        return -EINVAL;
    if (task->rseq_signature != signature)
        return -EPERM;
    int err = write_cpu(area, CPU_UNINITIALIZED);
    if (!err)
        task->rseq = NULL;
    return err;
}

long rseq_register(struct user *area, uint32_t len, int flags, uint32_t signature)
{
    struct task *task = task_current();
    if (flags == UNREGISTER)
        return unregister(task, area, len, signature);
    if (flags)
        return -EINVAL;
    if (task->rseq) {
        if (task->rseq != area || task->rseq_len != len)
            return -EINVAL;
        return task->rseq_signature != signature ? -EPERM : -EBUSY;
    }
    if (len != AREA_SIZE || !is_aligned(user_address(area), AREA_SIZE))
        return -EINVAL;
    uint32_t cpu = cpu_index();
    if (write_cpu(area, cpu))
        return -EFAULT;
    task->rseq = area;
    task->rseq_len = len;
    task->rseq_signature = signature;
    task->rseq_cpu = cpu;
    return 0;
}
