/* assert() and panic() are for the kernel's own bugs only: never for what memory, disk, wire or program did. */
#pragma once
/* Prints the message and a symbolised backtrace, stops the other CPUs and powers off with SKIFF_EXIT_PANIC. */
_Noreturn void panic(const char *format, ...) __attribute__((format(printf, 1, 2)));
#undef assert
#define assert(claim)                                                                                                  \
    do {                                                                                                               \
        if (__builtin_expect(!(claim), 0))                                                                             \
            panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #claim);                                          \
    } while (0)
/* Checked in debug builds (make DEBUG=1) and in unit tests only. */
#ifdef SKIFF_DEBUG
#define debug_assert(claim) assert(claim)
#else
#define debug_assert(claim)                                                                                            \
    do {                                                                                                               \
        (void)sizeof(claim);                                                                                           \
    } while (0)
#endif
