/*
 * What each CPU needs before anything else runs on it: struct cpu behind GS, its GDT with a task-state segment, control
 * registers and the MSRs of SYSCALL. Only what CPUID reports is switched on, since reserved bits fault.
 */
#include "cpu_local.h"
#include <arch/cpu.h>
#include <arch/mmu.h>
#include "user_copy.h"
#include <base/string.h>
#include <mm/alloc.h>

static_assert(offsetof(struct cpu, index) == CPU_OFFSET_INDEX, "cpu_inline.h");
static_assert(offsetof(struct cpu, current) == CPU_OFFSET_CURRENT, "cpu_inline.h");
static_assert(offsetof(struct cpu, kernel_stack) == CPU_KERNEL_STACK, "layout.h");
static_assert(offsetof(struct cpu, user_stack_scratch) == CPU_USER_STACK, "layout.h");
static_assert(sizeof(struct task_state) == 104, "SDM volume 3, 8.7");

enum { IST_COUNT = 3, IST_STACK_SIZE = 4096, CPU_STACKS_ORDER = 3 }; /* 32 KiB: three exception stacks, boot stack */

struct cpu *cpus[CPU_MAX];
struct cpu_features cpu_features;
static struct cpu boot_cpu;
static uint8_t boot_exception_stacks[IST_COUNT * IST_STACK_SIZE] __attribute__((aligned(16)));

static void read_hypervisor(struct cpu_features *f)
{
    struct cpuid id = cpuid_read(0x40000000, 0);
    char signature[12];
    memcpy(signature, &id.ebx, 4);
    memcpy(signature + 4, &id.ecx, 4);
    memcpy(signature + 8, &id.edx, 4);
    f->is_kvm = !memcmp(signature, "KVMKVMKVM\0\0\0", 12);
    f->is_tcg = !memcmp(signature, "TCGTCGTCGTCG", 12);
    if (f->is_kvm)
        f->kvm_features = cpuid_read(0x40000001, 0).eax;
}

static void read_features(struct cpu_features *f)
{
    f->max_leaf = cpuid_read(0, 0).eax;
    struct cpuid basic = cpuid_read(1, 0);
    f->hwcap = basic.edx;
    f->has_pge = basic.edx & 1 << 13;
    f->has_x2apic = basic.ecx & 1 << 21;
    f->has_tsc_deadline = basic.ecx & 1 << 24;
    f->has_xsave = basic.ecx & 1 << 26;
    f->has_rdrand = basic.ecx & 1 << 30;
    f->is_hypervisor = basic.ecx & UINT32_C(1) << 31;
    if (f->is_hypervisor)
        read_hypervisor(f);
    if (f->max_leaf >= 7) {
        struct cpuid extended = cpuid_read(7, 0);
        f->has_fsgsbase = extended.ebx & 1 << 0;
        f->has_smep = extended.ebx & 1 << 7;
        f->has_rdseed = extended.ebx & 1 << 18;
        f->has_smap = extended.ebx & 1 << 20;
        f->has_umip = extended.ecx & 1 << 2;
    }
    if (f->has_xsave && f->max_leaf >= 0xd)
        f->has_xsaveopt = cpuid_read(0xd, 1).eax & 1;
    uint32_t max_extended = cpuid_read(0x80000000, 0).eax;
    struct cpuid amd = cpuid_read(0x80000001, 0);
    f->has_nx = amd.edx & 1 << 20;
    arch_pte_no_execute = f->has_nx ? PTE_NX : 0;
    f->has_huge_1g = amd.edx & 1 << 26;
    f->has_rdtscp = amd.edx & 1 << 27;
    f->has_invariant_tsc = max_extended >= 0x80000007 && cpuid_read(0x80000007, 0).edx & 1 << 8;
    f->physical_bits = max_extended >= 0x80000008 ? cpuid_read(0x80000008, 0).eax & 0xff : 36;
    if (f->physical_bits > 52)
        f->physical_bits = 52;
    f->has_sysret = true;
}

/* The stacks of NMI, double fault and machine check; each one's highest word names the CPU (entry.S). */
static void set_exception_stacks(struct cpu *cpu, uint8_t *stacks)
{
    for (unsigned i = 0; i < IST_COUNT; i++) {
        uint64_t *top = (uint64_t *)(void *)(stacks + (i + 1) * IST_STACK_SIZE - 16);
        *top = (uintptr_t)cpu;
        cpu->tss.ist[i] = (uintptr_t)top;
    }
}

static void set_gdt(struct cpu *cpu)
{
    uintptr_t tss = (uintptr_t)&cpu->tss;
    cpu->gdt[KERNEL_CS / 8] = 0x00af9b000000ffff;
    cpu->gdt[KERNEL_DS / 8] = 0x00cf93000000ffff;
    cpu->gdt[USER_DS / 8] = 0x00cff3000000ffff;
    cpu->gdt[USER_CS / 8] = 0x00affb000000ffff;
    cpu->gdt[TSS_SELECTOR / 8] =
        (sizeof(struct task_state) - 1) | (tss & 0xffffff) << 16 | UINT64_C(0x89) << 40 | (tss >> 24 & 0xff) << 56;
    cpu->gdt[TSS_SELECTOR / 8 + 1] = tss >> 32;
    /* Data, read only, ring 3; the limit in bytes is the CPU's number. */
    cpu->gdt[CPU_SELECTOR / 8] = (cpu->index & 0xffff) | UINT64_C(0x40f1) << 40;
    cpu->tss.io_map_base = sizeof(struct task_state);
}

void cpu_init_tables(struct cpu *cpu)
{
    cpus[cpu->index] = cpu;
    set_gdt(cpu);
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) gdtr = {sizeof cpu->gdt - 1, (uintptr_t)cpu->gdt};
    __asm__ volatile("lgdt %0" : : "m"(gdtr));
    __asm__ volatile("pushq %0\n\t"
                     "leaq 1f(%%rip), %%rax\n\t"
                     "pushq %%rax\n\t"
                     "lretq\n"
                     "1:\tmovl %1, %%eax\n\t"
                     "movl %%eax, %%ss\n\t"
                     "xorl %%eax, %%eax\n\t"
                     "movl %%eax, %%ds\n\t"
                     "movl %%eax, %%es\n\t"
                     "movl %%eax, %%fs\n\t"
                     "movl %%eax, %%gs"
                     :
                     : "i"(KERNEL_CS), "i"(KERNEL_DS)
                     : "rax", "memory");
    __asm__ volatile("ltr %w0" : : "r"(TSS_SELECTOR));
    __asm__ volatile("lldt %w0" : : "r"(0));
    msr_write(MSR_GS_BASE, (uintptr_t)cpu);
    msr_write(MSR_KERNEL_GS_BASE, 0);
    idt_load();
}

void cpu_init_registers(void)
{
    const struct cpu_features *f = &cpu_features;
    uint64_t cr4 = cr4_read() | CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    cr4 |= f->has_pge ? CR4_PGE : 0;
    cr4 |= f->has_smep ? CR4_SMEP : 0;
    cr4 |= f->has_smap ? CR4_SMAP : 0;
    cr4 |= f->has_umip ? CR4_UMIP : 0;
    cr4 |= f->has_fsgsbase ? CR4_FSGSBASE : 0;
    cr4 |= f->has_xsave ? CR4_OSXSAVE : 0;
    cr4_write(cr4);
    msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_SCE);
    msr_write(MSR_STAR, (uint64_t)SYSRET_BASE << 48 | (uint64_t)KERNEL_CS << 32);
    msr_write(MSR_LSTAR, (uintptr_t)system_call_entry);
    msr_write(MSR_CSTAR, 0);
    msr_write(MSR_SFMASK, 0x257fd5); /* all flags a program can set, but RF */
    if (f->has_rdtscp)
        msr_write(MSR_TSC_AUX, cpu_index());
}

/* STAC and CLAC stand as NOPs in the code until it is known that the CPU has them. Before the text becomes read-only.
 */
static void apply_patches(void)
{
    for (const struct patch *p = kernel_patches; p < kernel_patches_end; p++) {
        memcpy((void *)resolve_relative(&p->at), &p->code, 3);
    }
    cpuid_read(0, 0); /* serialises: SDM volume 3, 8.1.3 */
}

void cpu_init_boot(void)
{
    struct cpu *cpu = &boot_cpu;
    set_exception_stacks(cpu, boot_exception_stacks);
    idt_init();
    cpu_init_tables(cpu);
    read_features(&cpu_features);
    selftest_early();
    if (cpu_features.has_smap)
        apply_patches();
    cpu_init_registers();
}

/*
 * QEMU before 8.1, emulating a machine of one CPU, translates fences and locked instructions to nothing, although devices are
 * other threads of it: a notification was lost, and the queue stood still for ever. Its RDTSC takes a lock of the host.
 */
void arch_device_barrier(void)
{
    memory_barrier();
    if (cpu_features.is_tcg)
        tsc_read();
}

void cpu_add_irq_slots(struct cpu *cpu)
{
    size_t size = (VECTOR_DEVICE_END - VECTOR_DEVICE) * sizeof(struct irq_slot);
    store_release(&cpu->irqs, kzalloc(size, ALLOC_ATOMIC));
}

struct cpu *cpu_create(unsigned index, void **stack_top)
{
    struct cpu *cpu = kzalloc(sizeof *cpu + 128, ALLOC_ATOMIC);
    struct page *stacks = page_alloc(CPU_STACKS_ORDER, ALLOC_ATOMIC);
    if (!cpu || !stacks)
        goto fail;
    cpu = (struct cpu *)(((uintptr_t)cpu + 127) & ~UINT64_C(127)); /* never freed once it runs */
    cpu->index = index;
    cpu_add_irq_slots(cpu);
    if (!cpu->irqs)
        goto fail;
    set_exception_stacks(cpu, page_address(stacks));
    *stack_top = (uint8_t *)page_address(stacks) + (PAGE_SIZE << CPU_STACKS_ORDER);
    return cpu;

fail: /* memory is so short at boot that nothing will run; what is lost here does not matter */
    if (stacks)
        page_put(stacks);
    return NULL;
}

void cpu_set_kernel_stack(struct cpu *cpu, void *top)
{
    cpu->kernel_stack = (uintptr_t)top;
    cpu->tss.rsp[0] = (uintptr_t)top;
}
