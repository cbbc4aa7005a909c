/*
 * Ways into the kernel and out of it. Every way in builds struct user_registers (arch/cpu.h) on the stack and calls C.
 * SWAPGS happens exactly at the border of rings 3 and 0, with interrupts masked. Vectors that may strike between an
 * entry and its SWAPGS (NMI, machine check, double fault) run on stacks of their own, whose highest word is the CPU's
 * struct cpu: they set GS themselves and put back what was there. #DB cannot strike there: the kernel sets no breakpoints.
 */
#include <layout.h>

    .section .entry.text, "ax"
    .code64

/* Clears RFLAGS.AC, so that no later stray access passes SMAP; a NOP until cpu_init patches it. */
.macro CLEAR_ACCESS
771:
    .byte 0x0f, 0x1f, 0x00
    .pushsection .patches, "a"
    .long 771b - ., 0xca010f
    .popsection
.endm

.macro PUSH_REGISTERS_BELOW_RDI
    pushq %rsi
    pushq %rdx
    pushq %rcx
    pushq %rax
    pushq %r8
    pushq %r9
    pushq %r10
    pushq %r11
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
.endm

.macro POP_REGISTERS
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    popq %r11
    popq %r10
    popq %r9
    popq %r8
    popq %rax
    popq %rcx
    popq %rdx
    popq %rsi
    popq %rdi
.endm

#define REG_ERROR (15 * 8)
#define REG_CS    (17 * 8)

    .globl system_call_entry
system_call_entry:
    swapgs
    movq %rsp, %gs:CPU_USER_STACK
    movq %gs:CPU_KERNEL_STACK, %rsp
    pushq $USER_DS
    pushq %gs:CPU_USER_STACK
    pushq %r11
    pushq $USER_CS
    pushq %rcx
    pushq %rax
    pushq %rdi
    PUSH_REGISTERS_BELOW_RDI
    movq %rsp, %rdi
    xorl %ebp, %ebp
    subq $8, %rsp
    call system_call_dispatch
    addq $8, %rsp
    testb %al, %al
    jz return_by_iret
    POP_REGISTERS
    movq 32(%rsp), %rsp /* syscall_number, rip, cs, rflags stand before it; RCX and R11 hold RIP and RFLAGS */
    swapgs
    sysretq

    .globl return_by_iret
return_by_iret: /* interrupts masked, RSP at struct user_registers, its fields checked */
    POP_REGISTERS
    addq $8, %rsp
    swapgs
    iretq

    .globl arch_enter_user_at
arch_enter_user_at:
    movq %rdi, %rsp
    xorl %ebp, %ebp
    subq $8, %rsp
    call return_to_user
    addq $8, %rsp
    jmp return_by_iret

/* One entry per vector: makes the error code's slot, holds RDI there-below, and hands the vector in EDI. */
#define HAS_ERROR_CODE(v) ((v) == 8 || ((v) >= 10 && (v) <= 14) || (v) == 17 || (v) == 21 || (v) == 29 || (v) == 30)
#define IS_PARANOID(v)    ((v) == 2 || (v) == 8 || (v) == 18)
    .globl interrupt_entries
    .balign 16
interrupt_entries:
    vector = 0
    .rept 256
    .balign 16
    .if !(HAS_ERROR_CODE(vector))
    pushq $0
    .endif
    pushq %rdi
    movl $vector, %edi
    .if IS_PARANOID(vector)
    jmp paranoid_common
    .else
    jmp interrupt_common
    .endif
    vector = vector + 1
    .endr

interrupt_common:
    PUSH_REGISTERS_BELOW_RDI
    cld
    CLEAR_ACCESS
    movq REG_ERROR(%rsp), %rsi
    movq $-1, REG_ERROR(%rsp)
    movq %rsp, %rdx
    testb $3, REG_CS(%rsp)
    jz 1f
    swapgs
    xorl %ebp, %ebp
    subq $8, %rsp
    call interrupt_dispatch
    addq $8, %rsp
    jmp return_by_iret
1:  subq $8, %rsp /* the CPU aligned the stack before it pushed */
    call interrupt_dispatch
    addq $8, %rsp
    POP_REGISTERS
    addq $8, %rsp
    iretq

paranoid_common:
    PUSH_REGISTERS_BELOW_RDI
    cld
    CLEAR_ACCESS
    movl $MSR_GS_BASE, %ecx
    rdmsr
    movl %eax, %r12d
    movl %edx, %r13d
    movq 21 * 8(%rsp), %rax /* behind the frame that the CPU pushed on its aligned stack: struct cpu */
    movq %rax, %rdx
    shrq $32, %rdx
    wrmsr
    movq REG_ERROR(%rsp), %rsi
    movq $-1, REG_ERROR(%rsp)
    movq %rsp, %rdx
    subq $8, %rsp
    call interrupt_dispatch
    addq $8, %rsp
    movl $MSR_GS_BASE, %ecx
    movl %r12d, %eax
    movl %r13d, %edx
    wrmsr
    POP_REGISTERS
    addq $8, %rsp
    iretq

/* void thread_switch_stack(uint64_t *save, uint64_t load): callee-saved registers stay on the old stack. */
    .globl thread_switch_stack
thread_switch_stack:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret

/* Where a new thread's first switch returns to: RBX = function, R12 = argument (arch_thread_prepare). */
    .globl arch_thread_begin
arch_thread_begin:
    xorl %ebp, %ebp
    movq %r12, %rdi
    call *%rbx
    ud2
