/* Line editing; see line_editor.h. */
#include <line_editor/line_editor.h>

static bool push(struct line_editor *editor, uint16_t value)
{
    unsigned used = editor->readable + editor->editing;
    /* The last place is for what ends a line, so that a line that fills the ring can still be finished. */
    unsigned limit = value == '\n' || value == LINE_EDITOR_EOF ? LINE_EDITOR_SIZE : LINE_EDITOR_SIZE - 1;
    if (used >= limit)
        return false;
    editor->ring[(editor->head + used) % LINE_EDITOR_SIZE] = value;
    editor->editing++;
    return true;
}

static enum line_event finish_line(struct line_editor *editor)
{
    editor->readable += editor->editing;
    editor->editing = 0;
    return LINE_READABLE;
}

static void echo_byte(const struct termios *termios, uint8_t byte, char echo[3], unsigned *echo_len)
{
    if (!(termios->local_flags & LOCAL_ECHO))
        return;
    if (byte == '\n') {
        echo[(*echo_len)++] = '\r';
        echo[(*echo_len)++] = '\n';
    } else if (byte >= ' ' || byte == '\t') {
        echo[(*echo_len)++] = (char)byte;
    } else {
        echo[(*echo_len)++] = '^';
        echo[(*echo_len)++] = (char)(byte + '@');
    }
}

static void erase(struct line_editor *editor, const struct termios *termios, char echo[3], unsigned *echo_len)
{
    if (!editor->editing)
        return;
    editor->editing--;
    if (termios->local_flags & LOCAL_ECHO) {
        echo[0] = '\b';
        echo[1] = ' ';
        echo[2] = '\b';
        *echo_len = 3;
    }
}

static enum line_event signal_of(const struct termios *termios, uint8_t byte)
{
    if (!(termios->local_flags & LOCAL_SIGNALS) || !byte)
        return LINE_NOTHING;
    if (byte == termios->characters[CHARACTER_INTERRUPT])
        return LINE_SIGNAL_INTERRUPT;
    if (byte == termios->characters[CHARACTER_QUIT])
        return LINE_SIGNAL_QUIT;
    return byte == termios->characters[CHARACTER_SUSPEND] ? LINE_SIGNAL_SUSPEND : LINE_NOTHING;
}

enum line_event line_editor_add(struct line_editor *editor, const struct termios *termios, uint8_t byte, char echo[3],
                                unsigned *echo_len)
{
    const uint8_t *characters = termios->characters;
    *echo_len = 0;
    enum line_event signal = signal_of(termios, byte);
    if (signal != LINE_NOTHING) {
        line_editor_flush(editor);
        echo_byte(termios, byte, echo, echo_len);
        return signal;
    }
    if (byte == '\r') {
        if (termios->input_flags & INPUT_IGNORE_CR)
            return LINE_NOTHING;
        if (termios->input_flags & INPUT_CR_TO_NL)
            byte = '\n';
    } else if (byte == '\n' && termios->input_flags & INPUT_NL_TO_CR) {
        byte = '\r';
    }
    if (termios->local_flags & LOCAL_CANONICAL) {
        if (byte && byte == characters[CHARACTER_ERASE]) {
            erase(editor, termios, echo, echo_len);
            return LINE_NOTHING;
        }
        if (byte && byte == characters[CHARACTER_KILL]) {
            editor->editing = 0;
            return LINE_NOTHING;
        }
        if (byte && byte == characters[CHARACTER_END])
            return push(editor, LINE_EDITOR_EOF) ? finish_line(editor) : LINE_NOTHING;
    }
    if (!push(editor, byte))
        return LINE_NOTHING;
    echo_byte(termios, byte, echo, echo_len);
    bool is_end = byte == '\n' || (byte && byte == characters[CHARACTER_END_OF_LINE]);
    return is_end || !(termios->local_flags & LOCAL_CANONICAL) ? finish_line(editor) : LINE_NOTHING;
}

size_t line_editor_take(struct line_editor *editor, bool is_canonical, char *to, size_t n, bool *at_end)
{
    size_t done = 0;
    *at_end = false;
    while (done < n && editor->readable) {
        uint16_t value = editor->ring[editor->head];
        editor->head = (editor->head + 1) % LINE_EDITOR_SIZE;
        editor->readable--;
        if (value == LINE_EDITOR_EOF) {
            *at_end = true;
            break;
        }
        to[done++] = (char)value;
        if (is_canonical && value == '\n')
            break;
    }
    return done;
}

bool line_editor_has_room(const struct line_editor *editor)
{
    return !editor->readable || editor->readable + editor->editing < LINE_EDITOR_SIZE - 1;
}

size_t line_editor_count(const struct line_editor *editor)
{
    return editor->readable;
}

void line_editor_flush(struct line_editor *editor)
{
    editor->readable = editor->editing = 0;
}

void line_editor_mode_changed(struct line_editor *editor, bool is_canonical)
{
    if (!is_canonical)
        finish_line(editor);
}
