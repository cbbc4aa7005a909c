/*
 * snprintf for the kernel: the conversions that base/string.h names, with C's meaning. Anything else in a format is
 * printed as it stands, so that a mistake shows instead of shifting the arguments.
 */
#include <base/string.h>
#include <stdbool.h>
#include <stdint.h>

struct output {
    char *to;
    size_t size; /* of the buffer; 0: only counts */
    size_t len;  /* of the whole text, also beyond the buffer */
};

enum length { LENGTH_CHAR, LENGTH_SHORT, LENGTH_INT, LENGTH_LONG };

struct conversion {
    bool is_left, is_zero_padded, is_alternate;
    char sign; /* '+', ' ' or 0: what stands before a number that is not negative */
    int width;
    int precision; /* -1: none */
    enum length length;
    char letter;
};

static void put(struct output *out, char c)
{
    if (out->len + 1 < out->size)
        out->to[out->len] = c;
    out->len++;
}

static void put_repeated(struct output *out, char c, int n)
{
    for (; n > 0; n--)
        put(out, c);
}

static void put_bytes(struct output *out, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put(out, bytes[i]);
}

static int digits_of(uint64_t value, unsigned base, const char *alphabet, char digits[24])
{
    int n = 0;
    for (; value; value /= base)
        digits[n++] = alphabet[value % base];
    return n;
}

static void put_number(struct output *out, const struct conversion *c, uint64_t value, bool is_negative)
{
    unsigned base = c->letter == 'x' || c->letter == 'X' || c->letter == 'p' ? 16 : c->letter == 'o' ? 8 : 10;
    char digits[24];
    int n = digits_of(value, base, c->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef", digits);
    int least = c->precision >= 0 ? c->precision : 1;
    if (c->is_alternate && base == 8 && least <= n)
        least = n + 1;
    char prefix[3];
    size_t prefix_len = 0;
    if (is_negative)
        prefix[prefix_len++] = '-';
    else if (c->sign)
        prefix[prefix_len++] = c->sign;
    if (base == 16 && ((c->is_alternate && value) || c->letter == 'p')) {
        prefix[prefix_len++] = '0';
        prefix[prefix_len++] = c->letter == 'X' ? 'X' : 'x';
    }
    int zeros = least > n ? least - n : 0;
    int padding = c->width - (int)prefix_len - zeros - n;
    if (c->is_zero_padded && !c->is_left && c->precision < 0 && padding > 0) {
        zeros += padding;
        padding = 0;
    }
    if (!c->is_left)
        put_repeated(out, ' ', padding);
    put_bytes(out, prefix, prefix_len);
    put_repeated(out, '0', zeros);
    while (n)
        put(out, digits[--n]);
    if (c->is_left)
        put_repeated(out, ' ', padding);
}

static void put_text(struct output *out, const struct conversion *c, const char *text, size_t n)
{
    int padding = n < (size_t)c->width ? c->width - (int)n : 0;
    if (!c->is_left)
        put_repeated(out, ' ', padding);
    put_bytes(out, text, n);
    if (c->is_left)
        put_repeated(out, ' ', padding);
}

/* A decimal number of the format, held below what could overflow. */
static const char *parse_count(const char *p, int *count)
{
    int n = 0;
    for (; *p >= '0' && *p <= '9'; p++)
        if (n < 1000000)
            n = n * 10 + (*p - '0');
    *count = n;
    return p;
}

static const char *parse_flags(const char *p, struct conversion *c)
{
    for (;; p++) {
        if (*p == '-')
            c->is_left = true;
        else if (*p == '0')
            c->is_zero_padded = true;
        else if (*p == '#')
            c->is_alternate = true;
        else if (*p == '+' || (*p == ' ' && !c->sign))
            c->sign = *p;
        else if (*p != ' ')
            return p;
    }
}

static const char *parse_length(const char *p, struct conversion *c)
{
    c->length = LENGTH_INT;
    if (*p == 'h') {
        c->length = p[1] == 'h' ? LENGTH_CHAR : LENGTH_SHORT;
        return p + (p[1] == 'h' ? 2 : 1);
    }
    if (*p == 'l') {
        c->length = LENGTH_LONG;
        return p + (p[1] == 'l' ? 2 : 1);
    }
    if (*p == 'z' || *p == 't' || *p == 'j') {
        c->length = LENGTH_LONG;
        return p + 1;
    }
    return p;
}

/* va_list as a struct member, so that it can be handed on by pointer on every ABI. */
struct arguments {
    va_list list;
};

static const char *parse_conversion(const char *p, struct conversion *c, struct arguments *arguments)
{
    *c = (struct conversion){.precision = -1};
    p = parse_flags(p, c);
    if (*p == '*') {
        c->width = va_arg(arguments->list, int);
        if (c->width < 0) {
            c->is_left = true;
            c->width = c->width == INT32_MIN ? INT32_MAX : -c->width;
        }
        p++;
    } else {
        p = parse_count(p, &c->width);
    }
    if (*p == '.') {
        p++;
        if (*p == '*') {
            c->precision = va_arg(arguments->list, int);
            p++;
        } else {
            p = parse_count(p, &c->precision);
        }
    }
    p = parse_length(p, c);
    c->letter = *p;
    return *p ? p + 1 : p;
}

static void put_signed(struct output *out, const struct conversion *c, struct arguments *arguments)
{
    int64_t value = c->length == LENGTH_LONG ? va_arg(arguments->list, long) : va_arg(arguments->list, int);
    if (c->length == LENGTH_SHORT)
        value = (int16_t)value;
    else if (c->length == LENGTH_CHAR)
        value = (int8_t)value;
    put_number(out, c, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
}

static void put_unsigned(struct output *out, struct conversion *c, struct arguments *arguments)
{
    uint64_t value =
        c->length == LENGTH_LONG ? va_arg(arguments->list, unsigned long) : va_arg(arguments->list, unsigned);
    if (c->length == LENGTH_SHORT)
        value = (uint16_t)value;
    else if (c->length == LENGTH_CHAR)
        value = (uint8_t)value;
    c->sign = 0;
    put_number(out, c, value, false);
}

static void put_string(struct output *out, const struct conversion *c, const char *text)
{
    if (!text)
        text = "(null)";
    put_text(out, c, text, c->precision < 0 ? strlen(text) : strnlen(text, (size_t)c->precision));
}

/* False: not one of ours. */
static bool put_conversion(struct output *out, struct conversion *c, struct arguments *arguments)
{
    char character;
    switch (c->letter) {
    case 'd':
    case 'i':
        put_signed(out, c, arguments);
        return true;
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        put_unsigned(out, c, arguments);
        return true;
    case 'p':
        c->sign = 0;
        put_number(out, c, (uintptr_t)va_arg(arguments->list, void *), false);
        return true;
    case 'c':
        character = (char)va_arg(arguments->list, int);
        put_text(out, c, &character, 1);
        return true;
    case 's':
        put_string(out, c, va_arg(arguments->list, const char *));
        return true;
    case '%':
        put(out, '%');
        return true;
    default:
        return false;
    }
}

int vsnprintf(char *to, size_t size, const char *format, va_list args)
{
    struct output out = {to, size, 0};
    struct arguments arguments;
    va_copy(arguments.list, args);
    while (*format) {
        if (*format != '%') {
            put(&out, *format++);
            continue;
        }
        struct conversion conversion;
        const char *end = parse_conversion(format + 1, &conversion, &arguments);
        if (!put_conversion(&out, &conversion, &arguments))
            put_bytes(&out, format, (size_t)(end - format));
        format = end;
    }
    va_end(arguments.list);
    if (size)
        to[out.len < size ? out.len : size - 1] = '\0';
    return out.len > INT32_MAX ? INT32_MAX : (int)out.len;
}

int snprintf(char *to, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(to, size, format, args);
    va_end(args);
    return len;
}
