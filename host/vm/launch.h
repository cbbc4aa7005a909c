/* Starting QEMU, and our ends of what connects us with it. */
#pragma once
#include <signal.h>
#include <vm/vm.h>

struct qemu {
    pid_t pid;
    int pidfd;                 /* readable when QEMU has ended */
    int console, log, control; /* stream sockets */
};
/* QEMU gets `mask` as its signal mask, no signals of our terminal, and dies with the calling thread. Everything of *out
 * is -1 where it does not exist, also after an error. */
struct error *qemu_start(const struct vm_options *options, const struct buffer *config, const sigset_t *mask,
                         struct qemu *out);
void qemu_close(struct qemu *qemu);
