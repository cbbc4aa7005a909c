/* An entry of fw_cfg's directory of files (QEMU docs/specs/fw_cfg): size and selector big-endian, name of 56 bytes. Pure. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
enum { FW_CFG_ENTRY_SIZE = 64, FW_CFG_NAME_MAX = 56 };
struct fw_cfg_entry {
    uint32_t size;
    uint16_t selector;
};
/* Reads an entry; true when its name is `name` (a name without its NUL matches nothing). */
bool fw_cfg_entry_match(const uint8_t bytes[FW_CFG_ENTRY_SIZE], const char *name, struct fw_cfg_entry *out);
