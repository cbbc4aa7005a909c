/* Memory and strings of the host side: out of memory ends the process (there is nothing sensible left to do). */
#pragma once
#include <stdarg.h>
#include <stddef.h>

void *xcalloc(size_t n, size_t size);
void *xrealloc(void *old, size_t n, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));
char *xvprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

/* A growing, NULL-terminated list of owned strings: argument vectors and the like. */
struct strings {
    char **items;
    size_t count;
};
void strings_add(struct strings *list, const char *s);
void strings_addf(struct strings *list, const char *format, ...) __attribute__((format(printf, 2, 3)));
void strings_free(struct strings *list);

/* A growing block of bytes. */
struct buffer {
    char *bytes;
    size_t len, capacity;
};
void buffer_add(struct buffer *buffer, const void *bytes, size_t n);
void buffer_free(struct buffer *buffer);
