/* Growing text for generated files; see vfs/pseudo.h. */
#include <base/string.h>
#include <common/checked.h>
#include <mm/alloc.h>
#include <vfs/pseudo.h>

enum { TEXT_FIRST = 512, TEXT_MAX = 64 << 20 };

/* Room for n more bytes and a NUL. */
static bool reserve(struct text *text, size_t n)
{
    size_t wanted;
    if (text->err)
        return false;
    if (add_overflows(text->len, n, &wanted) || ++wanted > TEXT_MAX) {
        text->err = -ENOMEM;
        return false;
    }
    if (wanted <= text->capacity)
        return true;
    size_t capacity = MAX(MAX(wanted, text->capacity * 2), (size_t)TEXT_FIRST);
    char *bytes = krealloc(text->bytes, capacity, ALLOC_WAIT);
    if (!bytes) {
        text->err = -ENOMEM;
        return false;
    }
    text->bytes = bytes;
    text->capacity = capacity;
    return true;
}

void text_append(struct text *text, const void *bytes, size_t n)
{
    if (!reserve(text, n))
        return;
    memcpy(text->bytes + text->len, bytes, n);
    text->len += n;
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list args;
    if (!reserve(text, 0))
        return;
    va_start(args, format);
    int n = vsnprintf(text->bytes + text->len, text->capacity - text->len, format, args);
    va_end(args);
    if (n < 0)
        return;
    if ((size_t)n >= text->capacity - text->len) {
        if (!reserve(text, (size_t)n))
            return;
        va_start(args, format);
        vsnprintf(text->bytes + text->len, text->capacity - text->len, format, args);
        va_end(args);
    }
    text->len += (size_t)n;
}
