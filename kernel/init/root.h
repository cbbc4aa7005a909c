/* The machine's file systems and its configuration. */
#pragma once
#include <settings/settings.h>

/* Mounts the root (an EROFS image with a layer in memory over it) and /proc, /sys, /dev and the rest. Ends the machine with
 * a sentence when it cannot. */
void root_mount(const struct settings *settings, const char *command_line);
/* The image's own configuration, then fw_cfg's; the bytes stay for ever. Ends the machine when one is damaged. */
void root_read_settings(struct settings *settings);
/* /etc/hostname and /etc/hosts for a name that was set. */
void root_write_hostname(const char *name);
