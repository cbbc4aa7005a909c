/* How the machine ends: what the host is told, and the power switch. */
#pragma once
#include <base/types.h>

/* Says why the program could not be started and ends with the status (125, 126, 127): log and control channel. */
_Noreturn void machine_fail(unsigned status, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Hooks for the program's end, memory's end, the host's commands and the power button. Before the program starts. */
void machine_end_init(void);
/* The program runs: signals that the host sent earlier reach it now. */
void machine_end_program_started(void);
