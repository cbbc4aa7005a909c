/*
 * What the log says when a program dies by a signal that stands for a defect: there is no core file, so this is all.
 * Process 1 is always told of; a program whose children crash all the time must not drown its own output with it.
 */
#include <arch/cpu.h>
#include <base/log.h>
#include <base/spinlock.h>
#include "private.h"

#define LL(value) ((unsigned long long)(value))

static const char *signal_name(int number)
{
    static const char *const names[] = {
        [SIGNAL_QUIT] = "SIGQUIT", [SIGNAL_ILL] = "SIGILL", [SIGNAL_TRAP] = "SIGTRAP", [SIGNAL_ABRT] = "SIGABRT",
        [SIGNAL_BUS] = "SIGBUS",   [SIGNAL_FPE] = "SIGFPE", [SIGNAL_SEGV] = "SIGSEGV", [SIGNAL_XCPU] = "SIGXCPU",
        [SIGNAL_XFSZ] = "SIGXFSZ", [SIGNAL_SYS] = "SIGSYS",
    };
    return (size_t)number < ARRAY_SIZE(names) && names[number] ? names[number] : "signal";
}

static void print_place(struct process *process, const char *what, uintptr_t address)
{
    struct vma_info *vma = kmalloc(sizeof *vma, ALLOC_WAIT);
    if (vma && !address_space_next_vma(process->space, address, false, vma) && vma->start <= address)
        log_error("  %s %#llx is at %#llx in %s, mapped at %#llx-%#llx", what, LL(address),
                  LL(address - vma->start + vma->offset), vma->path[0] ? vma->path : "anonymous memory", LL(vma->start),
                  LL(vma->end));
    else
        log_error("  %s %#llx is not mapped", what, LL(address));
    kfree(vma);
}

enum { REPORTS_MAX = 10 };
#define REPORTS_WINDOW_NS UINT64_C(5000000000)

static struct spinlock report_lock = SPINLOCK_INIT;
static uint64_t window_start_ns;  /* GUARDED_BY(&report_lock) */
static unsigned reported, missed; /* in that window; GUARDED_BY(&report_lock) */

/* Whether this crash is to be told of; *untold: how many before it were not. */
static bool may_report(bool is_first_process, unsigned *untold)
{
    uint64_t now_ns = clock_monotonic_ns();
    spin_lock(&report_lock);
    bool is_over = now_ns - window_start_ns >= REPORTS_WINDOW_NS;
    *untold = is_over ? missed : 0;
    if (is_over) {
        window_start_ns = now_ns;
        reported = missed = 0;
    }
    bool may = is_first_process || reported < REPORTS_MAX;
    reported += may;
    missed += !may;
    spin_unlock(&report_lock);
    return may;
}

void process_report_crash(struct user_registers *r, int number, const struct signal_info *info)
{
    struct task *task = task_current();
    struct process *process = task->process;
    /* Sent by a program, it is no defect of this one. */
    unsigned untold;
    if (info->code <= 0 || !may_report(process->id == 1, &untold))
        return;
    if (untold)
        log_error("%u more crashes were not told of", untold);
    log_error("%s (pid %u, thread %u) died by %s, code %d, address %#llx", task->thread->name, process->id, task->id,
              signal_name(number), info->code, LL(info->fields[0]));
    log_error("  rip %016llx rsp %016llx rflags %08llx error %llx vector %llu", LL(r->rip), LL(r->rsp), LL(r->rflags),
              LL(task->fault_error), LL(task->fault_vector));
    log_error("  rax %016llx rbx %016llx rcx %016llx rdx %016llx", LL(r->rax), LL(r->rbx), LL(r->rcx), LL(r->rdx));
    log_error("  rsi %016llx rdi %016llx rbp %016llx r8  %016llx", LL(r->rsi), LL(r->rdi), LL(r->rbp), LL(r->r8));
    log_error("  r9  %016llx r10 %016llx r11 %016llx r12 %016llx", LL(r->r9), LL(r->r10), LL(r->r11), LL(r->r12));
    log_error("  r13 %016llx r14 %016llx r15 %016llx", LL(r->r13), LL(r->r14), LL(r->r15));
    print_place(process, "rip", r->rip);
    if (number == SIGNAL_SEGV || number == SIGNAL_BUS)
        print_place(process, "address", info->fields[0]);
}
