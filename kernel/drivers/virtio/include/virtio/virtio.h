/* Virtio 1.x devices over memory-mapped registers (microvm) and PCI. Each device found registers itself with kernel/device. */
#pragma once
#include <pci/pci.h>

/* Takes the devices that "virtio_mmio.device=SIZE@ADDRESS:IRQ" words of the command line name. Returns how many words
 * there were. */
unsigned virtio_mmio_probe_command_line(const char *command_line);
/* The devices that ACPI names (LNRO0005), else microvm's fixed places; only where there is no PCI, whose BARs may lie there. */
void virtio_mmio_probe_fixed(void);
/* For pci_for_each. */
void virtio_pci_probe(const struct pci_function *function, void *context);
