/*
 * panic() and the log in unit tests. Log lines are counted by level, the last one is kept; SKIFF_TEST_LOG=1 prints
 * them. A panic aborts the test program, except inside FAKE_PANICS, which is true when the statement panicked.
 */
#pragma once
#include <base/log.h>
#include <setjmp.h>
#include <stdbool.h>

unsigned fake_log_count(enum log_level level); /* lines since the last reset */
const char *fake_log_last(void);               /* "" before the first */
void fake_log_reset(void);

extern jmp_buf *fake_panic_target;
#define FAKE_PANICS(statement)                                                                                         \
    ({                                                                                                                 \
        jmp_buf fake_jump;                                                                                             \
        fake_panic_target = &fake_jump;                                                                                \
        volatile bool fake_did_panic = true;                                                                           \
        if (!setjmp(fake_jump)) {                                                                                      \
            statement;                                                                                                 \
            fake_did_panic = false;                                                                                    \
        }                                                                                                              \
        fake_panic_target = NULL;                                                                                      \
        fake_did_panic;                                                                                                \
    })
