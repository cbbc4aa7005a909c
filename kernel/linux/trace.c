/*
 * The system-call trace, in strace's manner: name(arguments) = result <seconds>. What is printed of an argument follows from
 * its type in the table: paths and names as strings, descriptors and counts in decimal, the rest in hexadecimal.
 */
#include <base/log.h>
#include <base/string.h>
#include <base/user.h>
#include <linux/dispatch.h>
#include <process/process.h>
#include "trace.h"

enum { LINE_MAX = 512, STRING_MAX = 96 };
uint32_t trace_is_enabled;

void trace_set_enabled(bool is_enabled)
{
    store_relaxed(&trace_is_enabled, (uint32_t)is_enabled);
}

static size_t print_string(char *to, size_t room, const struct user *from)
{
    char text[STRING_MAX];
    ssize_t len = copy_string_from_user(text, from, sizeof text);
    if (len == -EFAULT)
        return (size_t)snprintf(to, room, "%#lx", (unsigned long)user_address(from));
    const char *ending = "\"";
    if (len == -ENAMETOOLONG) {
        len = STRING_MAX - 1;
        ending = "\"...";
    }
    for (ssize_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~')
            text[i] = '?';
    return (size_t)snprintf(to, room, "\"%.*s%s", (int)len, text, ending);
}

static bool is_string(const char *type, const char *argument)
{
    static const char *const names[] = {"path", "old_path", "new_path", "target", "name"};
    if (type[0] != 's') /* struct user * */
        return false;
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(argument, names[i]))
            return true;
    return false;
}

static size_t print_argument(char *to, size_t room, const char *type, const char *argument, uint64_t value)
{
    if (is_string(type, argument))
        return print_string(to, room, user_pointer(value));
    if (!strcmp(argument, "flags") || !strcmp(argument, "mode") || !strcmp(argument, "protection"))
        return (size_t)snprintf(to, room, "%#x", (unsigned)value);
    if (!strcmp(type, "int"))
        return (size_t)snprintf(to, room, "%d", (int)value);
    if (!strcmp(type, "unsigned"))
        return (size_t)snprintf(to, room, "%u", (unsigned)value);
    if (!strcmp(type, "size_t") || !strcmp(type, "long"))
        return (size_t)snprintf(to, room, "%ld", (long)value);
    return (size_t)snprintf(to, room, value ? "%#lx" : "NULL", (unsigned long)value);
}

void trace_call_begin(const struct trace_call *call, const struct user_registers *registers, char line[LINE_MAX])
{
    const uint64_t values[6] = {registers->rdi, registers->rsi, registers->rdx, registers->r10, registers->r8, registers->r9};
    size_t at = (size_t)snprintf(line, LINE_MAX, "[%u] %s(", task_current()->id, call->name);
    for (unsigned i = 0; i < call->count && at + STRING_MAX + 8 < LINE_MAX; i++) {
        if (i)
            at += (size_t)snprintf(line + at, LINE_MAX - at, ", ");
        at += print_argument(line + at, LINE_MAX - at, call->types[i], call->arguments[i], values[i]);
    }
}

void trace_call_end(const char *line, long result, uint64_t elapsed_ns)
{
    unsigned long us = (unsigned long)(elapsed_ns / 1000);
    if (result < 0 && result > -4096)
        log_error("%s) = -1 (errno %ld) <%lu.%06lu>", line, -result, us / 1000000, us % 1000000);
    else if (result >= 0 && result < 0x10000000)
        log_error("%s) = %ld <%lu.%06lu>", line, result, us / 1000000, us % 1000000);
    else
        log_error("%s) = %#lx <%lu.%06lu>", line, (unsigned long)result, us / 1000000, us % 1000000);
}
