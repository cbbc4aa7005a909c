/*
 * What belongs to one CPU, and what CPUID says of all of them. GS points at struct cpu while the kernel runs (SWAPGS at
 * each border with ring 3). Fields are the owner CPU's with interrupts masked, or fixed once it is up, unless they say
 * otherwise.
 */
#pragma once
#include <arch/cpu.h>
#include <arch/irq.h>
#include <base/atomic.h>
#include <x86.h>

enum { GDT_ENTRIES = 16, IST_DOUBLE_FAULT = 1, IST_NMI = 2, IST_MACHINE_CHECK = 3 };

struct task_state { /* SDM volume 3, 8.7 */
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3, io_map_base;
} __attribute__((packed));

struct irq_slot {
    irq_handler *handler; /* published last, with release */
    void *context;
};

/* What this CPU asks others to flush; written by its owner, read by those whose `flush_requests` has the owner's bit. */
struct tlb_request {
    uintptr_t start, end;
    uint32_t pending; /* CPUs that have not done it yet */
};

struct cpu {
    uint32_t index; /* these four: offsets known to assembly */
    uint32_t apic_id;
    struct thread *current;
    uint64_t kernel_stack;
    uint64_t user_stack_scratch;
    struct task_state tss __attribute__((aligned(128))); /* within one page, as LTR wants it */
    uint64_t gdt[GDT_ENTRIES] __attribute__((aligned(16)));
    uint64_t page_table_root; /* loaded in CR3; 0 while it changes: tlb.c */
    uint64_t flush_requests __attribute__((aligned(64))); /* atomic; bit n: CPU n wants a flush */
    struct tlb_request flush;
    struct irq_slot *irqs;    /* VECTOR_DEVICE to VECTOR_DEVICE_END - 1 */
    void *fpu_owner;          /* whose FPU image the registers hold */
    void *pvclock;            /* kvmclock's page of this CPU, or NULL */
    bool is_timer_armed;
};

extern struct cpu *cpus[CPU_MAX];

static inline struct cpu *cpu_this(void)
{
    return cpus[cpu_index()];
}

/* What this machine's CPUs have, as far as the kernel uses it. Fixed at boot. */
struct cpu_features {
    bool has_nx, has_huge_1g, has_smep, has_smap, has_umip, has_fsgsbase, has_xsave, has_xsaveopt, has_x2apic, has_rdtscp,
        has_tsc_deadline, has_rdrand, has_rdseed, has_pge, has_invariant_tsc;
    bool is_hypervisor, is_kvm, is_tcg;
    bool has_sysret;         /* false: this host's emulator refuses it, IRET is used */
    bool is_ring0_emulated;  /* the host interprets kernel code: see selftest.c */
    uint32_t kvm_features;   /* CPUID 0x40000001 EAX */
    uint32_t max_leaf;
    uint32_t hwcap;          /* CPUID.1:EDX */
    unsigned physical_bits;
};
extern struct cpu_features cpu_features;

/* Before anything else on the boot CPU: GS, GDT, IDT, features. Then on every CPU its control registers and MSRs. */
void cpu_init_boot(void);
void cpu_init_tables(struct cpu *cpu);
void cpu_init_registers(void);
/* Memory for another CPU: struct cpu, stacks, interrupt slots. NULL: none. *stack_top: its boot stack. */
struct cpu *cpu_create(unsigned index, void **stack_top);
/* The boot CPU's, once memory is there. */
void cpu_add_irq_slots(struct cpu *cpu);
void cpu_set_kernel_stack(struct cpu *cpu, void *top);
void idt_init(void);
void idt_load(void);

/* selftest.c: what the host cannot do, found before the features are used. */
void selftest_early(void);
void selftest_late(void);

/* trap.c */
void interrupt_dispatch(unsigned vector, uint64_t error_code, struct user_registers *registers);
void return_to_user(struct user_registers *registers);
bool system_call_dispatch(struct user_registers *registers);
void system_call_entry(void); /* entry.S: LSTAR */
void trap_print_registers(const struct user_registers *registers);

/* fpu.c */
void fpu_init(void);          /* boot CPU: sizes; then each CPU: */
void fpu_init_cpu(void);
void fpu_save(void *fpu);     /* registers to the image of their owner */
void fpu_restore(void *fpu);

/* backtrace.c */
void backtrace_print(const void *frame_pointer, uintptr_t first);
void backtrace_print_here(void);

/* smp.c, tlb.c */
void smp_start(void);         /* sends the start-up messages, does not wait */
void smp_wait(void);          /* until all have come, or a bounded time; fixes cpu_count() */
void smp_release(void);       /* they enter the scheduler */
void smp_stop_others(void);
_Noreturn void cpu_halt(void);
void tlb_interrupt(void);

/* early_serial.c: COM1 without a driver. */
void early_serial_write(const char *bytes, size_t len);

/* random.c */
