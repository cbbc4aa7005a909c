/* The system-call layer's own state, for init and /proc. */
#pragma once
#include <base/types.h>

/* Log each call with its arguments and result on the log (kernel argument or configuration `trace`). */
void trace_set_enabled(bool is_enabled);
/* "read", …; NULL: no such number. */
const char *system_call_name(uint64_t number);
/* Boot: gives modules below what only this layer knows. */
void system_calls_init(void);
