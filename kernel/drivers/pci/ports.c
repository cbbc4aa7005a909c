/* Configuration mechanism 1: an address port and a data port. */
#include <base/spinlock.h>
#include <pci/pci.h>
#include <port/port.h>

enum { PORT_ADDRESS = 0xcf8, PORT_DATA = 0xcfc };
static struct spinlock lock = SPINLOCK_INIT; /* the pair of ports; never from a hard interrupt */

static uint32_t ports_read32(const struct pci_access *access, uint32_t function, unsigned offset)
{
    (void)access;
    spin_lock(&lock);
    port_write32(PORT_ADDRESS, UINT32_C(1) << 31 | function << 8 | (offset & 0xfc));
    uint32_t value = port_read32(PORT_DATA);
    spin_unlock(&lock);
    return value;
}

static void ports_write32(const struct pci_access *access, uint32_t function, unsigned offset, uint32_t value)
{
    (void)access;
    spin_lock(&lock);
    port_write32(PORT_ADDRESS, UINT32_C(1) << 31 | function << 8 | (offset & 0xfc));
    port_write32(PORT_DATA, value);
    spin_unlock(&lock);
}

const struct pci_access pci_ports = {.read32 = ports_read32, .write32 = ports_write32};

bool pci_is_present(void)
{
    uint32_t id = ports_read32(&pci_ports, 0, 0);
    return id != UINT32_MAX && (id & 0xffff) != 0;
}
