/* The 16550 UART, by its data sheet (PC16550D). */
#include <arch/irq.h>
#include <port/port.h>
#include "uart.h"

enum {
    REGISTER_DATA = 0,
    REGISTER_INTERRUPT_ENABLE = 1,
    REGISTER_FIFO = 2,
    REGISTER_LINE_CONTROL = 3,
    REGISTER_MODEM_CONTROL = 4,
    REGISTER_LINE_STATUS = 5,
    REGISTER_SCRATCH = 7,
    LINE_CONTROL_8N1 = 3,
    LINE_CONTROL_DIVISOR = 0x80,
    LINE_STATUS_RECEIVED = 1 << 0,
    LINE_STATUS_TRANSMIT_EMPTY = 1 << 5,
    FIFO_ENABLE_AND_CLEAR = 0x07,
    MODEM_DTR_RTS_OUT2 = 0x0b, /* OUT2 gates the interrupt line on PCs */
    TRANSMIT_SPINS_MAX = 2000000,
};

bool uart_init(uint16_t port)
{
    port_write8(port + REGISTER_SCRATCH, 0x5a);
    if (port_read8(port + REGISTER_SCRATCH) != 0x5a)
        return false;
    port_write8(port + REGISTER_INTERRUPT_ENABLE, 0);
    port_write8(port + REGISTER_LINE_CONTROL, LINE_CONTROL_DIVISOR);
    port_write8(port + REGISTER_DATA, 1);
    port_write8(port + REGISTER_INTERRUPT_ENABLE, 0);
    port_write8(port + REGISTER_LINE_CONTROL, LINE_CONTROL_8N1);
    port_write8(port + REGISTER_FIFO, FIFO_ENABLE_AND_CLEAR);
    port_write8(port + REGISTER_MODEM_CONTROL, MODEM_DTR_RTS_OUT2);
    return true;
}

bool uart_can_write(uint16_t port)
{
    return port_read8(port + REGISTER_LINE_STATUS) & LINE_STATUS_TRANSMIT_EMPTY;
}

/* An empty transmitter takes a FIFO's worth without another look. */
void uart_write(uint16_t port, const char *bytes, size_t n)
{
    while (n) {
        for (unsigned spins = 0; !uart_can_write(port) && spins < TRANSMIT_SPINS_MAX; spins++)
            arch_cpu_relax();
        for (unsigned i = 0; i < UART_FIFO_SIZE && n; i++, n--)
            port_write8(port + REGISTER_DATA, (uint8_t)*bytes++);
    }
}

size_t uart_read(uint16_t port, char *to, size_t n)
{
    size_t done = 0;
    while (done < n && (port_read8(port + REGISTER_LINE_STATUS) & LINE_STATUS_RECEIVED))
        to[done++] = (char)port_read8(port + REGISTER_DATA);
    return done;
}

void uart_set_receive_interrupt(uint16_t port, bool is_on)
{
    port_write8(port + REGISTER_INTERRUPT_ENABLE, is_on);
}
