/*
 * Copies to and from program memory. An access that may fault is named in the fixup table (address, where to go on when
 * the fault cannot be resolved, whether resolving it may sleep: trap.c). They go by words of eight, four and two; a fault
 * goes on by bytes, so that the number of bytes reported is exact. SMAP is open only around the accesses.
 */
#include <layout.h>
    .section .entry.text, "ax"
    .code64

.macro PATCHED code
771:
    .byte 0x0f, 0x1f, 0x00
    .pushsection .patches, "a"
    .long 771b - ., \code
    .popsection
.endm
#define OPEN_ACCESS  PATCHED 0xcb010f /* STAC */
#define CLOSE_ACCESS PATCHED 0xca010f /* CLAC */
.macro FIXUP from, to, may_sleep=1
    .pushsection .fixups, "a"
    .long \from - ., \to - ., \may_sleep
    .popsection
.endm

/* size_t user_copy(void *to, const void *from, size_t n): bytes NOT copied. One of the two is program memory. */
    .globl user_copy
user_copy:
    pushq %rbp
    movq %rsp, %rbp
    OPEN_ACCESS
    movq %rdx, %rcx
    shrq $3, %rcx
    jz 4f
    cmpq $128, %rdx
    jae 3f
    subl $2, %ecx
    jb 13f
11: movq (%rsi), %rax
12: movq 8(%rsi), %r8
21: movq %rax, (%rdi)
22: movq %r8, 8(%rdi)
    addq $16, %rsi
    addq $16, %rdi
    subl $2, %ecx
    jae 11b
13: addl $2, %ecx
    jz 15f
1:  movq (%rsi), %rax
2:  movq %rax, (%rdi)
    addq $8, %rsi
    addq $8, %rdi
15: andl $7, %edx
    jmp 4f
3:  andl $7, %edx
30: rep movsq
4:  cmpl $4, %edx
    jb 43f
41: movl (%rsi), %eax
42: movl %eax, (%rdi)
    addq $4, %rsi
    addq $4, %rdi
    subl $4, %edx
43: cmpl $2, %edx
    jb 46f
44: movzwl (%rsi), %eax
45: movw %ax, (%rdi)
    addq $2, %rsi
    addq $2, %rdi
    subl $2, %edx
46: testl %edx, %edx
    jz 7f
5:  movb (%rsi), %al
6:  movb %al, (%rdi)
    incq %rsi
    incq %rdi
    decq %rdx
    jnz 5b
7:  CLOSE_ACCESS
    movq %rdx, %rax
    popq %rbp
    ret
16: addl $2, %ecx /* the pair is not counted yet */
8:  andl $7, %edx
9:  leaq (%rdx, %rcx, 8), %rdx
    jmp 5b
    FIXUP 11b, 16b
    FIXUP 12b, 16b
    FIXUP 21b, 16b
    FIXUP 22b, 16b
    FIXUP 1b, 8b
    FIXUP 2b, 8b
    FIXUP 30b, 9b
    FIXUP 41b, 5b
    FIXUP 42b, 5b
    FIXUP 44b, 5b
    FIXUP 45b, 5b
    FIXUP 5b, 7b
    FIXUP 6b, 7b

/* size_t user_zero(void *to, size_t n): bytes NOT zeroed. */
    .globl user_zero
user_zero:
    pushq %rbp
    movq %rsp, %rbp
    OPEN_ACCESS
    xorl %eax, %eax
    movq %rsi, %rcx
    shrq $3, %rcx
    andl $7, %esi
1:  rep stosq
2:  movq %rsi, %rcx
3:  rep stosb
4:  CLOSE_ACCESS
    movq %rcx, %rax
    popq %rbp
    ret
5:  leaq (%rsi, %rcx, 8), %rsi
    jmp 2b
    FIXUP 1b, 5b
    FIXUP 3b, 4b

/* ssize_t user_copy_string(char *to, const char *from, size_t max): length, -1 on a fault, max when no NUL was among them. */
    .globl user_copy_string
user_copy_string:
    pushq %rbp
    movq %rsp, %rbp
    OPEN_ACCESS
    xorl %eax, %eax
1:  cmpq %rdx, %rax
    jae 3f
2:  movb (%rsi, %rax), %cl
    movb %cl, (%rdi, %rax)
    testb %cl, %cl
    jz 3f
    incq %rax
    jmp 1b
3:  CLOSE_ACCESS
    popq %rbp
    ret
4:  movq $-1, %rax
    jmp 3b
    FIXUP 2b, 4b

/* int user_load_word(const uint32_t *from, uint32_t *to) and the same that does not sleep: 0 or -1. */
.macro LOAD_WORD name, may_sleep
    .globl \name
\name:
    pushq %rbp
    movq %rsp, %rbp
    OPEN_ACCESS
1:  movl (%rdi), %ecx
    xorl %eax, %eax
2:  CLOSE_ACCESS
    movl %ecx, (%rsi)
    popq %rbp
    ret
3:  movl $-1, %eax
    movl (%rsi), %ecx
    jmp 2b
    FIXUP 1b, 3b, \may_sleep
.endm
    LOAD_WORD user_load_word, 1
    LOAD_WORD user_load_word_atomic, 0

/* int user_exchange_word(uint32_t *at, uint32_t *expected, uint32_t wanted): 0 or -1. */
    .globl user_exchange_word
user_exchange_word:
    pushq %rbp
    movq %rsp, %rbp
    movl (%rsi), %eax
    OPEN_ACCESS
1:  lock cmpxchgl %edx, (%rdi)
    movl %eax, (%rsi)
    xorl %eax, %eax
2:  CLOSE_ACCESS
    popq %rbp
    ret
3:  movl $-1, %eax
    jmp 2b
    FIXUP 1b, 3b

/* int user_xsave(void *to, uint64_t mask), user_fxsave(void *to): the registers into program memory; 0 or -1. */
    .globl user_xsave
user_xsave:
    pushq %rbp
    movq %rsp, %rbp
    movq %rsi, %rdx
    shrq $32, %rdx
    movl %esi, %eax
    OPEN_ACCESS
1:  xsave64 (%rdi)
    xorl %eax, %eax
2:  CLOSE_ACCESS
    popq %rbp
    ret
3:  movl $-1, %eax
    jmp 2b
    FIXUP 1b, 3b
    .globl user_fxsave
user_fxsave:
    pushq %rbp
    movq %rsp, %rbp
    OPEN_ACCESS
1:  fxsave64 (%rdi)
    xorl %eax, %eax
2:  CLOSE_ACCESS
    popq %rbp
    ret
3:  movl $-1, %eax
    jmp 2b
    FIXUP 1b, 3b

/* int fpu_try_xrstor(const void *from, uint64_t mask), fpu_try_fxrstor(from): -1 when the CPU refuses the image (#GP). */
    .globl fpu_try_xrstor
fpu_try_xrstor:
    pushq %rbp
    movq %rsp, %rbp
    movq %rsi, %rdx
    shrq $32, %rdx
    movl %esi, %eax
1:  xrstor64 (%rdi)
    xorl %eax, %eax
2:  popq %rbp
    ret
3:  movl $-1, %eax
    jmp 2b
    FIXUP 1b, 3b, 0
    .globl fpu_try_fxrstor
fpu_try_fxrstor:
    pushq %rbp
    movq %rsp, %rbp
1:  fxrstor64 (%rdi)
    xorl %eax, %eax
2:  popq %rbp
    ret
3:  movl $-1, %eax
    jmp 2b
    FIXUP 1b, 3b, 0

/* int msr_try_read(uint32_t msr, uint64_t *value): -1 when there is no such MSR. */
    .globl msr_try_read
msr_try_read:
    pushq %rbp
    movq %rsp, %rbp
    movl %edi, %ecx
1:  rdmsr
    movl %eax, (%rsi)
    movl %edx, 4(%rsi)
    xorl %eax, %eax
2:  popq %rbp
    ret
3:  movl $-1, %eax
    jmp 2b
    FIXUP 1b, 3b, 0
