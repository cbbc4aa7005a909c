/* A 16550's registers. */
#pragma once
#include <base/types.h>

enum { UART_FIFO_SIZE = 16 };
/* Tells whether a UART answers at the port, and sets it to 115200 8n1, FIFOs on, receive interrupt off. */
bool uart_init(uint16_t port);
/* Spins until the transmitter takes each byte; gives up on a byte after a bounded wait, so that a host that does not
 * read cannot hang the machine. */
void uart_write(uint16_t port, const char *bytes, size_t n);
bool uart_can_write(uint16_t port);
/* Takes what has been received, at most n bytes. */
size_t uart_read(uint16_t port, char *to, size_t n);
void uart_set_receive_interrupt(uint16_t port, bool is_on);
