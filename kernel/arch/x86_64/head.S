/*
 * The first instructions. A PVH loader enters at pvh_entry in 32-bit protected mode without paging, EBX = physical address
 * of struct hvm_start_info (boot.c); other CPUs enter at trampoline_start in real mode, copied below 1 MiB. Both go to long
 * mode by boot_pml4, which maps the first 2 MiB identically, the first GiB in the direct map, and the kernel's image.
 */
#include <layout.h>
#define PHYSICAL(symbol) ((symbol) - KERNEL_BASE)
#define PTE_TABLE   0x003 /* present, writable */
#define PTE_2M      0x083
#define DIRECT_SLOT 273   /* DIRECT_MAP_BASE's entry in the root */
#define KERNEL_SLOT 511
#define KERNEL_PDPT_SLOT 510

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 8, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .quad PHYSICAL(pvh_entry)

    .section .head.text, "ax"
    .code32
    .globl pvh_entry
pvh_entry:
    cli
    cld
    movl $PHYSICAL(boot_stack + BOOT_STACK_SIZE), %esp
    movl %ebx, %ebp
    movl $0x80000000, %eax
    cpuid
    cmpl $0x80000001, %eax
    jb no_long_mode
    movl $0x80000001, %eax
    cpuid
    btl $29, %edx
    jnc no_long_mode
    andl $(1 << 20), %edx /* NX */
    movl %edx, %edi

    movl $(PHYSICAL(boot_identity_pdpt) + PTE_TABLE), PHYSICAL(boot_pml4)
    movl $(PHYSICAL(direct_pdpt) + PTE_TABLE), PHYSICAL(boot_pml4 + DIRECT_SLOT * 8)
    movl $(PHYSICAL(kernel_pdpt) + PTE_TABLE), PHYSICAL(boot_pml4 + KERNEL_SLOT * 8)
    movl $(PHYSICAL(boot_identity_pd) + PTE_TABLE), PHYSICAL(boot_identity_pdpt)
    movl $PTE_2M, PHYSICAL(boot_identity_pd)
    movl $(PHYSICAL(direct_pd) + PTE_TABLE), PHYSICAL(direct_pdpt)
    movl $(PHYSICAL(kernel_pd) + PTE_TABLE), PHYSICAL(kernel_pdpt + KERNEL_PDPT_SLOT * 8)
    xorl %ecx, %ecx
1:  movl %ecx, %eax
    shll $21, %eax
    orl $PTE_2M, %eax
    movl %eax, PHYSICAL(direct_pd)(, %ecx, 8)
    cmpl $(KERNEL_IMAGE_MAX >> 21), %ecx
    jae 2f
    movl %eax, PHYSICAL(kernel_pd)(, %ecx, 8)
2:  incl %ecx
    cmpl $512, %ecx
    jb 1b

    movl %cr4, %eax
    orl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $PHYSICAL(boot_pml4), %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl $EFER_LME, %eax
    testl %edi, %edi
    jz 3f
    orl $EFER_NXE, %eax
3:  wrmsr
    movl %cr0, %eax
    andl $~(CR0_CD | CR0_NW | CR0_EM), %eax
    orl $(CR0_PG | CR0_WP | CR0_NE | CR0_MP | CR0_PE), %eax
    movl %eax, %cr0
    lgdt PHYSICAL(boot_gdtr)
    ljmp $KERNEL_CS, $PHYSICAL(long_mode)

no_long_mode:
    movl $PHYSICAL(no_long_mode_text), %esi
    movw $0x3f8, %dx
1:  lodsb
    testb %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  hlt
    jmp 2b

    .code64
long_mode:
    movabsq $high, %rax
    jmp *%rax
high:
    movl $KERNEL_DS, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movq $(boot_stack + BOOT_STACK_SIZE), %rsp
    movl %ebp, %edi
    xorl %ebp, %ebp
    call boot_main
    ud2

    .section .rodata.head, "a"
no_long_mode_text:
    .asciz "skiff: this CPU has no 64-bit mode\r\n"
    .balign 8
boot_gdt:
    .quad 0, 0
    .quad 0x00af9b000000ffff /* 0x10: 64-bit code */
    .quad 0x00cf93000000ffff /* 0x18: data */
    .quad 0x00cf9b000000ffff /* 0x20: 32-bit code, for the trampoline */
boot_gdt_end:
boot_gdtr:
    .word boot_gdt_end - boot_gdt - 1
    .quad PHYSICAL(boot_gdt)

/*
 * The trampoline is copied to a page below 1 MiB, whose address the start-up message carries as CS. EBX holds that
 * address throughout. smp.c fills in the three far pointers and the control values.
 */
    .section .rodata.trampoline, "a"
    .balign 16
    .globl trampoline_start, trampoline_end, trampoline_gdtr, trampoline_far32, trampoline_far64, trampoline_efer
#define WITHIN(symbol) ((symbol) - trampoline_start)
    .code16
trampoline_start:
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    movzwl %ax, %ebx
    shll $4, %ebx
    lgdtl WITHIN(trampoline_gdtr)
    movl %cr0, %eax
    andl $~(CR0_CD | CR0_NW | CR0_EM), %eax
    orl $(CR0_NE | CR0_MP | CR0_PE), %eax
    movl %eax, %cr0
    ljmpl *WITHIN(trampoline_far32)
    .code32
    .globl trampoline_protected, trampoline_long
trampoline_protected:
    movl $KERNEL_DS, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl %cr4, %eax
    orl $CR4_PAE, %eax
    movl %eax, %cr4
    movl $PHYSICAL(boot_pml4), %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl WITHIN(trampoline_efer)(%ebx), %eax
    wrmsr
    movl %cr0, %eax
    orl $(CR0_PG | CR0_WP), %eax
    movl %eax, %cr0
    ljmp *WITHIN(trampoline_far64)(%ebx)
    .code64
trampoline_long:
    movabsq $application_cpu, %rax
    jmp *%rax
    .balign 8
trampoline_gdtr:
    .word boot_gdt_end - boot_gdt - 1
    .long PHYSICAL(boot_gdt)
trampoline_far32:
    .long 0
    .word 0x20
trampoline_far64:
    .long 0
    .word KERNEL_CS
trampoline_efer:
    .long 0
trampoline_end:

    .section .head.text, "ax"
    .code64
/* Order of arrival gives the number; who comes after smp_wait has closed the list stays out. */
application_cpu:
    movl $KERNEL_DS, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movl $1, %eax
    lock xaddl %eax, smp_arrivals(%rip)
    cmpl smp_expected(%rip), %eax
    jae 1f
    movl %eax, %edi
    movq smp_stacks(, %rdi, 8), %rsp
    xorl %ebp, %ebp
    call smp_main
1:  cli
    hlt
    jmp 1b

    .section .bss.tables, "aw", @nobits
    .balign 4096
    .globl boot_pml4, kernel_pml4, direct_pdpt, direct_pd, kernel_pdpt, kernel_pd, image_tables, device_pdpt
boot_pml4:          .skip 4096
boot_identity_pdpt: .skip 4096
boot_identity_pd:   .skip 4096
kernel_pml4:        .skip 4096
direct_pdpt:        .skip 4096
direct_pd:          .skip 4096
kernel_pdpt:        .skip 4096
kernel_pd:          .skip 4096
device_pdpt:        .skip 4096
image_tables:       .skip (KERNEL_IMAGE_MAX >> 21) * 4096
    .globl boot_stack
boot_stack:         .skip BOOT_STACK_SIZE
