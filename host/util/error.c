/* Errors with context; see util/error.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <util/alloc.h>
#include <util/error.h>

static struct error *make(char *text)
{
    struct error *error = xcalloc(1, sizeof *error);
    error->text = text;
    error->status = 125;
    return error;
}

struct error *error_new(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = xvprintf(format, args);
    va_end(args);
    return make(text);
}

struct error *error_errno(const char *format, ...)
{
    int err = errno;
    va_list args;
    va_start(args, format);
    char *what = xvprintf(format, args);
    va_end(args);
    struct error *error = make(xprintf("%s: %s", what, strerror(err)));
    free(what);
    return error;
}

struct error *error_hint(struct error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    free(error->hint);
    error->hint = xvprintf(format, args);
    va_end(args);
    return error;
}

struct error *error_status(struct error *error, int status)
{
    error->status = status;
    return error;
}

struct error *error_context(struct error *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *context = xvprintf(format, args), *text = xprintf("%s: %s", context, error->text);
    va_end(args);
    free(context);
    free(error->text);
    error->text = text;
    return error;
}

void error_free(struct error *error)
{
    if (!error)
        return;
    free(error->text);
    free(error->hint);
    free(error);
}
