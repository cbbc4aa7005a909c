/* Files that the host gives to the machine by name: QEMU's fw_cfg device. Implemented by kernel/drivers/fw_cfg. */
#pragma once
#include <base/types.h>
/*
 * Reads the file whole into memory of the caller's (kfree), a NUL byte behind it that *len does not count. -ENOENT: no
 * such file or no fw_cfg; -EFBIG: larger than 1 MiB; -ENOMEM. Thread context.
 */
int fw_cfg_read_file(const char *name, char **out, size_t *len);
