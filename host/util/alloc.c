/* Memory and strings; see util/alloc.h. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <util/alloc.h>

static void *check(void *p)
{
    if (p)
        return p;
    fputs("skiff: out of memory\n", stderr);
    _exit(125);
}

void *xcalloc(size_t n, size_t size)
{
    return check(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *old, size_t n, size_t size)
{
    return check(reallocarray(old, n ? n : 1, size));
}

char *xstrdup(const char *s)
{
    return check(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
    return check(strndup(s, n));
}

char *xvprintf(const char *format, va_list args)
{
    char *text;
    return check(vasprintf(&text, format, args) < 0 ? NULL : text);
}

char *xprintf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = xvprintf(format, args);
    va_end(args);
    return text;
}

static void strings_take(struct strings *list, char *s)
{
    list->items = xrealloc(list->items, list->count + 2, sizeof *list->items);
    list->items[list->count++] = s;
    list->items[list->count] = NULL;
}

void strings_add(struct strings *list, const char *s)
{
    strings_take(list, xstrdup(s));
}

void strings_addf(struct strings *list, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    strings_take(list, xvprintf(format, args));
    va_end(args);
}

void strings_free(struct strings *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct strings){0};
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t n)
{
    if (buffer->len + n > buffer->capacity) {
        buffer->capacity = (buffer->len + n) * 2;
        buffer->bytes = xrealloc(buffer->bytes, buffer->capacity, 1);
    }
    if (n)
        memcpy(buffer->bytes + buffer->len, bytes, n);
    buffer->len += n;
}

void buffer_free(struct buffer *buffer)
{
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}
