/* Which drivers exist and the order they are probed in. */
#pragma once
/* Finds and registers every device of the machine. Thread context, once, before the root is mounted. `command_line`: the
 * kernel's, for virtio_mmio.device= words and console=. */
void drivers_probe(const char *command_line);
