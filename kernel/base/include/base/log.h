/*
 * The kernel's log. Lines go to the log sink (the first serial port) when their level is at or below the log level
 * (kernel argument loglevel=, default LOG_WARNING), always into a ring in memory. May be called anywhere, any context.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };
void log_print(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_set_level(enum log_level level);
/* Where lines go; `write` must work in any context and not sleep. NULL: only into the ring. */
void log_set_sink(void (*write)(const char *bytes, size_t len));
#define log_error(...)   log_print(LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_print(LOG_WARNING, __VA_ARGS__)
#define log_info(...)    log_print(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   log_print(LOG_DEBUG, __VA_ARGS__)
/*
 * The ring, for syslog(2): copies bytes from *position on (0 is the first byte ever written; what has been overwritten is
 * skipped) and moves *position behind them. 0: nothing newer. log_end is the position behind the last byte.
 */
size_t log_read(uint64_t *position, char *to, size_t size);
uint64_t log_end(void);
