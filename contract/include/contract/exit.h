/* Statuses of the machine's end that are not the program's own (0-255, 128+N for signal N). `skiff run` exits with
 * SKIFF_EXIT_FAILED for each of them after saying what happened. */
#pragma once
enum skiff_exit {
    SKIFF_EXIT_FAILED = 125,        /* Skiff itself failed: host side, boot, image */
    SKIFF_EXIT_NOT_EXECUTABLE = 126,
    SKIFF_EXIT_NOT_FOUND = 127,
    SKIFF_EXIT_PANIC = 0x100,       /* a kernel bug; told apart on the control channel, 125 for the caller */
    SKIFF_EXIT_OUT_OF_MEMORY = 137, /* the machine's memory is used up: as docker says it, 128 + SIGKILL */
};
