/* The terminal's settings in the Linux x86-64 ABI (asm-generic/termbits.h, asm-generic/ioctls.h). */
#pragma once
#include <base/types.h>

struct termios {
    uint32_t input_flags, output_flags, control_flags, local_flags;
    uint8_t line;
    uint8_t characters[19];
};
static_assert(sizeof(struct termios) == 36, "struct termios of the kernel ABI");
struct window_size {
    uint16_t rows, columns, width, height;
};
enum {
    INPUT_IGNORE_CR = 0200,
    INPUT_CR_TO_NL = 0400,
    INPUT_NL_TO_CR = 0100,
    INPUT_STOP_AND_GO = 02000,
    OUTPUT_PROCESS = 01,
    OUTPUT_NL_TO_CR_NL = 04,
    CONTROL_38400_8_READ = 0277, /* B38400 | CS8 | CREAD */
    LOCAL_SIGNALS = 01,
    LOCAL_CANONICAL = 02,
    LOCAL_ECHO = 010,
    LOCAL_ECHO_ERASE = 020,
    LOCAL_ECHO_KILL = 040,
    LOCAL_ECHO_CONTROL = 01000,
    LOCAL_ECHO_KILL_ERASE = 04000,
    LOCAL_EXTENDED = 0100000,
    CHARACTER_INTERRUPT = 0,
    CHARACTER_QUIT = 1,
    CHARACTER_ERASE = 2,
    CHARACTER_KILL = 3,
    CHARACTER_END = 4,
    CHARACTER_TIME = 5,
    CHARACTER_MINIMUM = 6,
    CHARACTER_SUSPEND = 10,
    CHARACTER_END_OF_LINE = 11,
    TCGETS = 0x5401,
    TCSETS = 0x5402,
    TCSETSW = 0x5403,
    TCSETSF = 0x5404,
    TCSBRK = 0x5409,
    TCXONC = 0x540a,
    TCFLSH = 0x540b,
    TIOCSCTTY = 0x540e,
    TIOCGPGRP = 0x540f,
    TIOCSPGRP = 0x5410,
    TIOCOUTQ = 0x5411,
    TIOCGWINSZ = 0x5413,
    TIOCSWINSZ = 0x5414,
    FIONREAD = 0x541b,
    TIOCNOTTY = 0x5422,
    TCSBRKP = 0x5425,
    TIOCGSID = 0x5429,
};
