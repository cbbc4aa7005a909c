/* One log line for each system call, when tracing is on. */
#pragma once
#include <base/atomic.h>
#include <arch/cpu.h>

struct trace_call { /* what the table says of a call */
    const char *name;
    const char *types[6], *arguments[6];
    unsigned count;
};
extern uint32_t trace_is_enabled; /* read relaxed on every call */
void trace_call_begin(const struct trace_call *call, const struct user_registers *registers, char line[512]);
void trace_call_end(const char *line, long result, uint64_t elapsed_ns);
