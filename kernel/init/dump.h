/* The threads of all programs, with backtraces of those asleep, on the log. Work or thread context. */
#pragma once
void dump_threads(void);
