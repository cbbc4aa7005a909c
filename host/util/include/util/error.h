/*
 * Errors with context. A function that can fail returns NULL or an error that says what was done, on what, why it
 * failed and, where somebody can act, what to try. Only main() prints one and exits.
 */
#pragma once
#include <stdbool.h>

struct error {
    char *text; /* one or more sentences, no newline at the end */
    char *hint; /* what to try; NULL */
    int status; /* the exit status it asks for: 125 as a rule */
};

struct error *error_new(const char *format, ...) __attribute__((format(printf, 1, 2), warn_unused_result));
/* The same with ": " and the text of errno behind it. */
struct error *error_errno(const char *format, ...) __attribute__((format(printf, 1, 2), warn_unused_result));
/* Adds what to try, and returns the error. */
struct error *error_hint(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));
struct error *error_status(struct error *error, int status) __attribute__((warn_unused_result));
/* Puts "context: " in front. */
struct error *error_context(struct error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3), warn_unused_result));
void error_free(struct error *error);
