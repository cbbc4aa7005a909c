/*
 * The control channel to the host (contract/control.h): a second serial port that carries text lines both ways. It works
 * from the first instruction to a panic, so the program's exit status always reaches `skiff run`.
 */
#pragma once
#include <base/types.h>
void control_init(void);
bool control_is_present(void);
void control_send(const char *line); /* adds the newline; any context, spins */
/* `handle` gets each complete line without its newline, in work context. */
void control_set_handler(void (*handle)(const char *line));
