/* Cuts a stream of bytes into lines. Pure. A line that is too long is dropped whole, as half a command is none. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct line_splitter {
    char *buffer; /* the caller's: size bytes, one of them for the NUL */
    size_t size, len;
    bool is_dropping;
};
/* Adds one byte: the finished line, NUL-terminated, without '\n' and a '\r' before it, valid until the next call; or
 * NULL. NUL bytes are ignored. */
const char *line_add(struct line_splitter *splitter, char byte);
