/*
 * Standard input that is no terminal: a pipe, fed with a console's bytes as they are by a kernel thread. The console's work
 * puts bytes into a page-sized ring, the thread moves them into the pipe and sleeps while that is full; a full ring leaves
 * the rest with the console, and so with the host. The host tells the length once it knows it, in another channel, so that
 * no byte of the input can be taken for its end.
 */
#pragma once
#include <base/types.h>

struct console_device;
struct file;
struct input_pipe;

/* Becomes the device's client and lives as long as the machine. *reader: the pipe's reading end. */
int input_pipe_create(struct console_device *device, struct input_pipe **out, struct file **reader);
/* The input ends after that many bytes in all. Work context. */
void input_pipe_end(struct input_pipe *input, uint64_t total_bytes);
