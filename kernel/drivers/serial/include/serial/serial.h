/* The first serial port: console "ttyS0" and the sink of the kernel's log. */
#pragma once
/* Takes over from the early output of arch. No effect where there is no UART at COM1. */
void serial_console_init(void);
