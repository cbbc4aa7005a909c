/* Lines from bytes; see line/line.h. */
#include <line/line.h>

const char *line_add(struct line_splitter *splitter, char byte)
{
    if (byte == '\0')
        return NULL;
    if (byte != '\n') {
        if (splitter->len + 1 >= splitter->size)
            splitter->is_dropping = true;
        else
            splitter->buffer[splitter->len++] = byte;
        return NULL;
    }
    size_t len = splitter->len;
    bool was_dropping = splitter->is_dropping;
    splitter->len = 0;
    splitter->is_dropping = false;
    if (was_dropping)
        return NULL;
    if (len && splitter->buffer[len - 1] == '\r')
        len--;
    splitter->buffer[len] = '\0';
    return splitter->buffer;
}
