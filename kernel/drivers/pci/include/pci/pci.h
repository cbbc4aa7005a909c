/*
 * PCI: configuration space, capabilities, BARs and MSI-X of the functions that are there. Configuration goes through a
 * pair of functions, so that tests supply their own space. Every value read is the device's claim and is checked.
 */
#pragma once
#include <arch/irq.h>
#include <base/types.h>

struct pci_access {
    uint32_t (*read32)(const struct pci_access *access, uint32_t function, unsigned offset);
    void (*write32)(const struct pci_access *access, uint32_t function, unsigned offset, uint32_t value);
    void *data;
};
extern const struct pci_access pci_ports; /* ports 0xcf8 and 0xcfc, locked */

struct pci_function {
    const struct pci_access *access;
    uint32_t address; /* bus << 8 | device << 3 | function */
    uint16_t vendor, device;
    uint32_t class_code; /* class, subclass, interface: 24 bits */
    volatile uint32_t *msix_table;
    unsigned msix_count;
    unsigned msix_capability; /* offset, 0: none */
};

uint32_t pci_read32(const struct pci_function *function, unsigned offset); /* offset is a multiple of 4 */
uint16_t pci_read16(const struct pci_function *function, unsigned offset);
uint8_t pci_read8(const struct pci_function *function, unsigned offset);
void pci_write16(const struct pci_function *function, unsigned offset, uint16_t value);

bool pci_is_present(void); /* a host bridge answers behind the ports */
/* Calls `found` for each function on bus 0 and behind bridges; the struct is the callee's to copy. */
void pci_for_each(const struct pci_access *access, void (*found)(const struct pci_function *function, void *context),
                  void *context);

/* Offset of the first capability with this id at or after the list position `after` (0: from the start); 0: none.
 * Loops and offsets outside the list's area end the search. */
unsigned pci_find_capability(const struct pci_function *function, uint8_t id, unsigned after);

/* Address and size of a memory BAR. -ENODEV: none, an I/O BAR, or not assigned. */
int pci_bar(const struct pci_function *function, unsigned index, uint64_t *address, uint64_t *size);
/* Maps [offset, offset + len) of a memory BAR; NULL when it does not lie within. */
void *pci_map_bar(const struct pci_function *function, unsigned index, uint64_t offset, uint64_t len);

void pci_enable(const struct pci_function *function); /* memory decoding, bus mastering, no INTx */
/* Maps the MSI-X table, every vector masked; -ENODEV without one. */
int pci_msix_enable(struct pci_function *function);
/* Sends vector n to `handler` on `cpu`. */
int pci_msix_route(struct pci_function *function, unsigned vector, unsigned cpu, irq_handler *handler, void *context);
