/*
 * The floor: what QEMU itself costs. A PVH kernel that prints one byte on the first serial port and ends the machine by a
 * triple fault (QEMU exits when started with -no-reboot).
 */
    .section .note, "a", @note
    .long 4, 4, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .long start

    .text
    .code32
    .globl start
start:
    mov $0x3f8, %dx
    mov $'F', %al
    out %al, %dx
    lidt no_table
    int $3
no_table:
    .word 0
    .long 0
    .section .note.GNU-stack, "", @progbits
