/*
 * Exceptions and interrupts. From ring 3 an exception is the process's affair. In ring 0 only two kinds are no bugs: a
 * page fault at an access to program memory, which the fixup table names, and a fault at an instruction that is being
 * tried. Interrupts in ring 0 are handled and return; the kernel is not preempted.
 */
#include "apic.h"
#include "cpu_local.h"
#include "user_copy.h"
#include <arch/entry.h>
#include <base/log.h>
#include <base/panic.h>
#include <mm/address_space.h>
#include <sched/thread.h>

enum {
    VECTOR_NMI = 2,
    VECTOR_DOUBLE_FAULT = 8,
    VECTOR_GENERAL_PROTECTION = 13,
    VECTOR_PAGE_FAULT = 14,
    VECTOR_MACHINE_CHECK = 18
};
enum { FAULT_ERROR_WRITE = 1 << 1, FAULT_ERROR_FETCH = 1 << 4 };
/* What a program may have in RFLAGS: status flags, TF, DF, RF, AC, ID. IF is always on, IOPL 0. */
#define USER_FLAGS (UINT64_C(0xcd5) | RFLAGS_TF | RFLAGS_RF | RFLAGS_AC | RFLAGS_ID)

struct gate { /* SDM volume 3, 6.14.1 */
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_middle;
    uint32_t offset_high, reserved;
};
static_assert(sizeof(struct gate) == 16, "SDM volume 3, 6.14.1");
static struct gate idt[256] __attribute__((aligned(16)));
extern char interrupt_entries[]; /* 16 or 32 bytes each: entry.S aligns them */

static const char *const exception_names[32] = {
    "division error",
    "debug",
    "NMI",
    "breakpoint",
    "overflow",
    "bound",
    "invalid instruction",
    "no FPU",
    "double fault",
    "",
    "invalid TSS",
    "segment not present",
    "stack fault",
    "general protection",
    "page fault",
    "",
    "x87 error",
    "alignment",
    "machine check",
    "SIMD error",
    "virtualization",
    "control protection",
};

static void set_gate(unsigned vector, unsigned ist, unsigned ring)
{
    uintptr_t entry = (uintptr_t)interrupt_entries + vector * 16;
    idt[vector] = (struct gate){
        .offset_low = (uint16_t)entry,
        .selector = KERNEL_CS,
        .ist = (uint8_t)ist,
        .type = (uint8_t)(0x8e | ring << 5),
        .offset_middle = (uint16_t)(entry >> 16),
        .offset_high = (uint32_t)(entry >> 32),
    };
}

void idt_init(void)
{
    for (unsigned vector = 0; vector < 256; vector++)
        set_gate(vector, 0, vector == 3 || vector == 4 ? 3 : 0); /* INT3 and INTO may come from programs */
    set_gate(VECTOR_DOUBLE_FAULT, IST_DOUBLE_FAULT, 0);
    set_gate(VECTOR_NMI, IST_NMI, 0);
    set_gate(VECTOR_MACHINE_CHECK, IST_MACHINE_CHECK, 0);
}

void idt_load(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) idtr = {sizeof idt - 1, (uintptr_t)idt};
    __asm__ volatile("lidt %0" : : "m"(idtr));
}

void trap_print_registers(const struct user_registers *r)
{
#define HEX(value) (unsigned long long)(value)
    log_error("rip %016llx cs %04llx rflags %06llx rsp %016llx", HEX(r->rip), HEX(r->cs), HEX(r->rflags), HEX(r->rsp));
    log_error("rax %016llx rbx %016llx rcx %016llx rdx %016llx", HEX(r->rax), HEX(r->rbx), HEX(r->rcx), HEX(r->rdx));
    log_error("rsi %016llx rdi %016llx rbp %016llx r8  %016llx", HEX(r->rsi), HEX(r->rdi), HEX(r->rbp), HEX(r->r8));
    log_error("r9  %016llx r10 %016llx r11 %016llx r12 %016llx", HEX(r->r9), HEX(r->r10), HEX(r->r11), HEX(r->r12));
    log_error("r13 %016llx r14 %016llx r15 %016llx cr2 %016llx", HEX(r->r13), HEX(r->r14), HEX(r->r15),
              HEX(cr2_read()));
}

static _Noreturn void die(unsigned vector, uint64_t error_code, const struct user_registers *r)
{
    trap_print_registers(r);
    backtrace_print((const void *)r->rbp, r->rip);
    panic_without_backtrace("%s (vector %u, error %#llx) at %#llx, address %#llx",
                            exception_names[vector & 31] ? exception_names[vector & 31] : "exception", vector,
                            (unsigned long long)error_code, (unsigned long long)r->rip,
                            (unsigned long long)(vector == VECTOR_PAGE_FAULT ? cr2_read() : 0));
}

static const struct fixup *find_fixup(uintptr_t rip)
{
    for (const struct fixup *f = kernel_fixups; f < kernel_fixups_end; f++)
        if (resolve_relative(&f->from) == rip)
            return f;
    return NULL;
}

/*
 * A page fault at an access that the kernel makes for the program: true when it can be made again. For want of memory
 * the access fails, as one to a bad address does, so that its maker undoes what it holds; before ring 3 sees that, the
 * process module ends the program.
 */
static bool resolve_user_access(const struct user_registers *registers, uint64_t error_code, uintptr_t address)
{
    struct thread *thread = thread_current();
    if (!thread || !thread->space)
        return false;
    bool was_enabled = registers->rflags & RFLAGS_IF;
    if (!was_enabled) /* it may have to sleep */
        return false;
    arch_irq_enable();
    enum fault_result result =
        address_space_fault(thread->space, address, error_code & FAULT_ERROR_WRITE ? FAULT_WRITE : FAULT_READ);
    arch_irq_disable();
    if (result == FAULT_OUT_OF_MEMORY) {
        thread->lacks_memory = 1;
        store_release(&thread->is_interrupted, 1u);
    }
    return result == FAULT_OK;
}

static void kernel_exception(unsigned vector, uint64_t error_code, struct user_registers *registers)
{
    uintptr_t address = vector == VECTOR_PAGE_FAULT ? cr2_read() : 0;
    const struct fixup *fixup = find_fixup(registers->rip);
    if (!fixup || (vector == VECTOR_PAGE_FAULT && address >= USER_ADDRESS_MAX))
        die(vector, error_code, registers);
    if (vector == VECTOR_PAGE_FAULT && fixup->may_sleep && !(error_code & FAULT_ERROR_FETCH) &&
        resolve_user_access(registers, error_code, address))
        return;
    registers->rip = resolve_relative(&fixup->to);
}

/*
 * Where the host interprets ring 0 (selftest.c), SYSCALL in ring 3 goes to LSTAR but stays in ring 3, so its fetch
 * there faults, with RCX and R11 as SYSCALL sets them. A program that jumps there by itself gets a system call, no
 * more.
 */
static bool is_system_call_in_ring3(unsigned vector, const struct user_registers *registers)
{
    return cpu_features.is_ring0_emulated && vector == VECTOR_PAGE_FAULT &&
           registers->rip == (uintptr_t)system_call_entry;
}

static void user_exception(unsigned vector, uint64_t error_code, struct user_registers *registers)
{
    uintptr_t address = vector == VECTOR_PAGE_FAULT ? cr2_read() : 0;
    arch_irq_enable();
    if (is_system_call_in_ring3(vector, registers)) {
        registers->rip = registers->rcx;
        registers->rflags = registers->r11;
        registers->syscall_number = registers->rax;
        system_call_enter(registers);
        return;
    }
    process_user_fault(registers, vector, error_code, address);
}

static void exception(unsigned vector, uint64_t error_code, struct user_registers *registers)
{
    if (vector == VECTOR_NMI) {
        smp_check_stop();
        return;
    }
    if (vector == VECTOR_DOUBLE_FAULT || vector == VECTOR_MACHINE_CHECK)
        die(vector, error_code, registers);
    if (registers->cs & 3)
        user_exception(vector, error_code, registers);
    else
        kernel_exception(vector, error_code, registers);
}

/* With interrupts masked, so that nothing new is missed between this look and the return. */
static bool needs_attention(void)
{
    return load_relaxed(&thread_current()->is_interrupted) || sched_needs_safe_point();
}

static inline void prepare_return(struct user_registers *registers)
{
    for (;;) {
        arch_irq_disable();
        if (needs_attention()) {
            arch_irq_enable();
            process_return_to_user(registers);
        } else if (registers->rip >> 47) { /* IRET and SYSRET would fault in ring 0 */
            arch_irq_enable();
            process_user_fault(registers, VECTOR_GENERAL_PROTECTION, 0, 0);
        } else {
            break;
        }
    }
    registers->cs = USER_CS;
    registers->ss = USER_DS;
    registers->rflags = (registers->rflags & USER_FLAGS) | RFLAGS_IF | 2;
}

void return_to_user(struct user_registers *registers)
{
    prepare_return(registers);
}

void interrupt_dispatch(unsigned vector, uint64_t error_code, struct user_registers *registers)
{
    if (vector >= VECTOR_DEVICE)
        irq_dispatch(vector);
    else
        exception(vector, error_code, registers);
    if (registers->cs & 3 && vector != VECTOR_NMI)
        return_to_user(registers);
}

/* True: SYSRET may return. It takes RIP from RCX and RFLAGS from R11, and must not set TF or RF (SDM volume 2, SYSRET).
 */
bool system_call_dispatch(struct user_registers *registers)
{
    arch_irq_enable();
    system_call_enter(registers);
    prepare_return(registers);
    return registers->rcx == registers->rip && registers->r11 == registers->rflags &&
           !(registers->rflags & (RFLAGS_TF | RFLAGS_RF)) && cpu_features.has_sysret;
}
