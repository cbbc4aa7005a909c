/*
 * What a terminal makes of the bytes that come in: signals, line editing, end of file. Pure state, no locks: the caller
 * holds one. Bytes become readable at once, or in canonical mode when their line is finished.
 */
#pragma once
#include <line_editor/termios.h>

enum { LINE_EDITOR_SIZE = 1024, LINE_EDITOR_EOF = 0x100 };
struct line_editor {
    uint16_t ring[LINE_EDITOR_SIZE]; /* bytes, or LINE_EDITOR_EOF */
    unsigned head, readable, editing; /* readable ones from head on, then those of the unfinished line */
};
enum line_event { LINE_NOTHING, LINE_READABLE, LINE_SIGNAL_INTERRUPT, LINE_SIGNAL_QUIT, LINE_SIGNAL_SUSPEND };

/* Adds a byte. `echo` gets what is to be shown (at most 3 bytes), *echo_len how much. */
enum line_event line_editor_add(struct line_editor *editor, const struct termios *termios, uint8_t byte, char echo[3],
                                unsigned *echo_len);
/* Up to n readable bytes; in canonical mode to the end of the line at most. *at_end: an end of file was consumed. */
size_t line_editor_take(struct line_editor *editor, bool is_canonical, char *to, size_t n, bool *at_end);
/* Whether another byte is to be added now. No: what is readable must be taken first. A line that alone is longer than the
 * ring has room: what is too much of it is dropped, as on Linux, since no reader could ever make room. */
bool line_editor_has_room(const struct line_editor *editor);
size_t line_editor_count(const struct line_editor *editor); /* readable entries */
void line_editor_flush(struct line_editor *editor);
/* The mode changed: an unfinished line becomes readable when lines no longer count. */
void line_editor_mode_changed(struct line_editor *editor, bool is_canonical);
