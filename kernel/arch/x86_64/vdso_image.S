/* The vDSO's file, as module.mk built it. */
    .section .rodata.vdso, "a"
    .balign 16
    .globl vdso_image, vdso_image_end
vdso_image:
    .incbin VDSO_IMAGE
vdso_image_end:
