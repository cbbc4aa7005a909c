/*
 * Which drivers exist, and in which order they look for their devices: serial first, for the log. Nothing is waited for,
 * and no place is looked at where the machine has said that there is nothing.
 */
#include <base/string.h>
#include <device/console.h>
#include <pci/pci.h>
#include <serial/serial.h>
#include <virtio/virtio.h>
#include "drivers.h"

/* The last console= word wins, as on Linux; what stands behind a comma (the baud rate) means nothing here. */
static void read_console_words(const char *command_line)
{
    for (const char *at = command_line; (at = strstr(at, "console=")); at++) {
        const char *name = at + 8;
        size_t len = 0;
        if (at != command_line && at[-1] != ' ')
            continue;
        while (name[len] && name[len] != ' ' && name[len] != ',')
            len++;
        char word[16];
        if (len >= sizeof word)
            continue;
        memcpy(word, name, len);
        word[len] = '\0';
        console_device_prefer(word);
    }
}

void drivers_probe(const char *command_line)
{
    serial_console_init();
    read_console_words(command_line);
    unsigned named = virtio_mmio_probe_command_line(command_line);
    if (pci_is_present())
        pci_for_each(&pci_ports, virtio_pci_probe, NULL);
    else if (!named)
        virtio_mmio_probe_fixed();
}
