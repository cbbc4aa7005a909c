/* Terminals stand below processes and ask them through these. */
#pragma once
#include <base/types.h>

/* What terminals need of processes, which stand above it. Set once at boot (kernel/process/proc). */
struct tty_process_hooks {
    void (*signal_group)(uint32_t group, int number); /* work context too */
    uint32_t (*current_group)(void);
    uint32_t (*current_session)(void);
    uint32_t (*current_user)(void);
};
void tty_set_process_hooks(const struct tty_process_hooks *hooks);
