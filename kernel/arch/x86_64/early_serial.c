/* COM1 before its driver takes over the log: as the firmware left it, or by the UART's reset state (16550 data sheet).
 */
#include "cpu_local.h"

enum { COM1 = 0x3f8, LINE_STATUS = 5, TRANSMITTER_EMPTY = 0x20, TRIES = 100000 };

static void write_byte(char byte)
{
    for (unsigned i = 0; i < TRIES && !(io_read8(COM1 + LINE_STATUS) & TRANSMITTER_EMPTY); i++)
        arch_cpu_relax();
    io_write8(COM1, (uint8_t)byte);
}

void early_serial_write(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n')
            write_byte('\r');
        write_byte(bytes[i]);
    }
}
