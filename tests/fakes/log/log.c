/* panic() and the log in unit tests; see fakes/log.h. */
#include <base/assert.h>
#include <fakes/log.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

jmp_buf *fake_panic_target;
static unsigned counts[4];
static _Thread_local char last_line[512];
static void (*log_sink)(const char *bytes, size_t len);

_Noreturn void panic(const char *format, ...)
{
    va_list args;
    if (fake_panic_target)
        longjmp(*fake_panic_target, 1);
    fflush(stdout);
    fputs("panic: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

void log_print(enum log_level level, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(last_line, sizeof last_line, format, args);
    va_end(args);
    __atomic_fetch_add(&counts[level], 1, __ATOMIC_RELAXED);
    if (getenv("SKIFF_TEST_LOG"))
        fprintf(stderr, "%s\n", last_line);
    if (log_sink && n > 0)
        log_sink(last_line, (size_t)n < sizeof last_line ? (size_t)n : sizeof last_line - 1);
}

void log_set_level(enum log_level level)
{
    (void)level;
}

void log_set_sink(void (*write)(const char *bytes, size_t len))
{
    log_sink = write;
}

unsigned fake_log_count(enum log_level level)
{
    return __atomic_load_n(&counts[level], __ATOMIC_RELAXED);
}

const char *fake_log_last(void)
{
    return last_line;
}

void fake_log_reset(void)
{
    for (unsigned i = 0; i < 4; i++)
        counts[i] = 0;
    last_line[0] = 0;
}
